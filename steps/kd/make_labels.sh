#!/usr/bin/env bash

# Writes down what a teacher believes about every frame of a data directory, for students to train on.

# Begin configuration section.
cmd=run.pl
temperatures=1    # those that a student may be trained at, e.g. 1,2,3
prune_below=0.01  # smaller posteriors are left out (the largest never)
opts=             # more options of `hybrid-kd label`
# End configuration section.

help_message="Usage: $0 [options] <data> <teacher-dir> <labels-dir>
 e.g.: $0 --temperatures 1,2,3 data-fmllr/tr exp/teacher exp/teacher/labels_tr
Options:
  --temperatures <list>     # those that students may be trained at (1)
  --prune-below <p>         # leave out smaller posteriors (0.01)
  --opts '<options>'        # more options of hybrid-kd label
  --cmd <cmd>               # how to run the teacher: run.pl, queue.pl --mem 4G, ..."

. "$(dirname "$0")/utils/begin.sh"
expect_args 3 "$@"
data=$1 teacher=$2 dir=$3

expect_files "$data"/{feats.scp,utt2spk} "$teacher/final.safetensors"

# shellcheck disable=SC2086
$cmd JOB=1:1 "$teacher/log/make_$(basename "$dir").JOB.log" \
  hybrid-kd label --teacher "$teacher" --data "$data" --out "$dir" \
  --temperatures "$temperatures" --prune-below "$prune_below" $opts

echo "$0: wrote $dir"
