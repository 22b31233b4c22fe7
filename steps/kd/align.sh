#!/usr/bin/env bash

# Forced alignments by a GMM system, ours or Kaldi's; with fMLLR (trans.N) where it is speaker-adapted.

# Begin configuration section.
cmd=run.pl
nj=4
boost_silence=1.0
opts=  # more options of `hybrid-kd gmm align`
# End configuration section.

help_message="Usage: $0 [options] <data> <lang> <srcdir> <dir>
 e.g.: $0 --nj 8 data/mfcc/tr data/lang exp/tri3b exp/tri3b_ali
Options:
  --nj <n>                  # processes, and how many ali.N.gz there are (4)
  --boost-silence <x>       # factor on the likelihoods of silence (1.0)
  --opts '<options>'        # more options of hybrid-kd gmm align
  --cmd <cmd>               # how to run the job: run.pl, queue.pl --mem 4G, ..."

. "$(dirname "$0")/utils/begin.sh"
expect_args 4 "$@"
data=$1 lang=$2 srcdir=$3 dir=$4
expect_files "$data"/{feats.scp,cmvn.scp,text} "$lang"/{phones.txt,L.fst} "$srcdir"/{final.mdl,tree}

# shellcheck disable=SC2086
$cmd --num-threads "$nj" "$dir/log/align.log" \
  hybrid-kd gmm align --data "$data" --lang "$lang" --model "$srcdir" --out "$dir" --nj "$nj" \
  --boost-silence "$boost_silence" $opts

echo "$0: aligned $data in $dir"
