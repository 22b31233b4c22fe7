#!/usr/bin/env bash

# Decodes with a GMM system, ours or Kaldi's, in two passes with fMLLR: lattices, and the transforms trans.N. The model is
# the directory that holds the decode directory, unless --srcdir names another.

# Begin configuration section.
cmd=run.pl
nj=4
srcdir=
opts=  # more options of `hybrid-kd gmm decode-fmllr`
# End configuration section.

help_message="Usage: $0 [options] <graph-dir> <data> <decode-dir>
 e.g.: $0 --nj 8 exp/tri3b/graph data/mfcc/dt exp/tri3b/decode_dt
Options:
  --nj <n>                  # processes, and how many lat.N.gz there are (4)
  --srcdir <dir>            # the model (the decode directory's parent)
  --opts '<options>'        # more options of hybrid-kd gmm decode-fmllr, e.g. --beam 11
  --cmd <cmd>               # how to run the job: run.pl, queue.pl --mem 4G, ..."

. "$(dirname "$0")/utils/begin.sh"
expect_args 3 "$@"
graph=$1 data=$2 dir=$3
[ -n "$srcdir" ] || srcdir=$(dirname "$dir")
expect_files "$data"/{feats.scp,cmvn.scp} "$graph/words.txt" "$srcdir"/{final.mdl,tree}

# shellcheck disable=SC2086
$cmd --num-threads "$nj" "$dir/log/decode.log" \
  hybrid-kd gmm decode-fmllr --data "$data" --graph "$graph" --model "$srcdir" --out "$dir" --nj "$nj" $opts

echo "$0: decoded $data to $dir"
