#!/usr/bin/env bash

# The frames that a network is trained on: the features of a GMM system with its fMLLR transforms, as a new data directory.

# Begin configuration section.
cmd=run.pl
nj=4
transform_dir=  # trans.N: an alignment directory for training data, a decode directory for the others
opts=           # more options of `hybrid-kd features`
# End configuration section.

help_message="Usage: $0 [options] <new-data> <data> <gmm-dir>
 e.g.: $0 --transform-dir exp/tri3b/decode_dt data/fmllr/dt data/mfcc/dt exp/tri3b
Options:
  --nj <n>                  # processes (4)
  --transform-dir <dir>     # with trans.N: an alignment directory for training data, a decode directory for others
  --opts '<options>'        # more options of hybrid-kd features
  --cmd <cmd>               # how to run the job: run.pl, queue.pl --mem 4G, ..."

. "$(dirname "$0")/utils/begin.sh"
expect_args 3 "$@"
new_data=$1 data=$2 gmm=$3
expect_files "$data"/{feats.scp,cmvn.scp} "$gmm/final.mdl" ${transform_dir:+"$transform_dir/trans.1"}

# shellcheck disable=SC2086
$cmd --num-threads "$nj" "$new_data/log/make_fmllr_feats.log" \
  hybrid-kd features --data "$data" --gmm "$gmm" ${transform_dir:+--transforms "$transform_dir"} \
  --out "$new_data" --nj "$nj" $opts

echo "$0: made $new_data"
