#!/usr/bin/env bash

# Monophones from a flat start.

# Begin configuration section.
cmd=run.pl
nj=4
totgauss=1000
boost_silence=1.25
opts=  # more options of `hybrid-kd gmm mono`
# End configuration section.

help_message="Usage: $0 [options] <data> <lang> <dir>
 e.g.: $0 --nj 8 data/mfcc/tr data/lang exp/mono
Options:
  --nj <n>                  # processes, and how many ali.N.gz there are (4)
  --totgauss <n>            # Gaussians in all (1000)
  --boost-silence <x>       # factor on the likelihoods of silence while aligning (1.25)
  --opts '<options>'        # more options of hybrid-kd gmm mono
  --cmd <cmd>               # how to run the job: run.pl, queue.pl --mem 4G, ..."

. "$(dirname "$0")/utils/begin.sh"
expect_args 3 "$@"
data=$1 lang=$2 dir=$3
expect_files "$data"/{feats.scp,cmvn.scp,text} "$lang"/{phones.txt,topo,L.fst}

# shellcheck disable=SC2086
$cmd --num-threads "$nj" "$dir/log/train.log" \
  hybrid-kd gmm mono --data "$data" --lang "$lang" --out "$dir" --nj "$nj" --num-gauss "$totgauss" \
  --boost-silence "$boost_silence" $opts

echo "$0: trained $dir"
