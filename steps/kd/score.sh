#!/usr/bin/env bash

# Scores lattices at every LM weight and insertion penalty: wer_LMWT_WIP files, and the best point on stdout.

# Begin configuration section.
cmd=run.pl
tune_on=  # decode directories whose best point is taken (the development sets'); else the set's own best
opts=     # more options of `hybrid-kd score`
# End configuration section.

help_message="Usage: $0 [options] <data> <graph-dir> <decode-dir>
 e.g.: $0 --tune-on exp/student/decode_dt data-fmllr/et exp/tri3b/graph exp/student/decode_et
Options:
  --tune-on '<dir> <dir>'   # take the LM weight and penalty that were best there, on all of them together
  --opts '<options>'        # more options of hybrid-kd score
  --cmd <cmd>               # how to run the scoring: run.pl, queue.pl --mem 4G, ..."

. "$(dirname "$0")/utils/begin.sh"
expect_args 3 "$@"
data=$1 graph=$2 dir=$3

expect_files "$data"/{text,utt2spk} "$graph/words.txt" "$dir/lat.1.gz"

# shellcheck disable=SC2086
$cmd JOB=1:1 "$dir/log/score.JOB.log" \
  hybrid-kd score "$dir" --data "$data" --graph "$graph" ${tune_on:+--tune-on $tune_on} $opts

sed '/^#/d' "$dir/log/score.1.log"
