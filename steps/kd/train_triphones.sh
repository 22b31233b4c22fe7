#!/usr/bin/env bash

# Triphones from the alignments of the stage before: on MFCC and deltas, on LDA+MLLT features, or speaker-adapted.

# Begin configuration section.
cmd=run.pl
nj=4
kind=deltas  # deltas, lda-mllt or sat
boost_silence=1.0
opts=        # more options of `hybrid-kd gmm`
# End configuration section.

help_message="Usage: $0 [options] <leaves> <gaussians> <data> <lang> <ali> <dir>
 e.g.: $0 --kind sat 2500 15000 data/mfcc/tr data/lang exp/tri2b_ali exp/tri3b
Options:
  --kind <kind>             # deltas, lda-mllt or sat (deltas): as Kaldi's train_deltas.sh, train_lda_mllt.sh, train_sat.sh
  --nj <n>                  # processes, and how many ali.N.gz there are (4)
  --boost-silence <x>       # factor on the likelihoods of silence while aligning (1.0)
  --opts '<options>'        # more options of hybrid-kd gmm <kind>
  --cmd <cmd>               # how to run the job: run.pl, queue.pl --mem 4G, ..."

. "$(dirname "$0")/utils/begin.sh"
expect_args 6 "$@"
leaves=$1 gaussians=$2 data=$3 lang=$4 ali=$5 dir=$6
expect_files "$data"/{feats.scp,cmvn.scp,text} "$lang"/{phones.txt,topo,L.fst} "$ali"/{final.mdl,ali.1.gz}

# shellcheck disable=SC2086
$cmd --num-threads "$nj" "$dir/log/train.log" \
  hybrid-kd gmm "$kind" --data "$data" --lang "$lang" --ali "$ali" --out "$dir" --nj "$nj" \
  --num-leaves "$leaves" --num-gauss "$gaussians" --boost-silence "$boost_silence" $opts

echo "$0: trained $dir"
