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

echo "$0 $*"
[ ! -f ./path.sh ] || . ./path.sh
PATH=$PATH:$PWD/utils:$(dirname "$0")/utils # Kaldi's utils/, else our own run.pl and parse_options.sh
. parse_options.sh || exit 1
set -euo pipefail

[ $# -eq 3 ] || { echo "$help_message" >&2; exit 1; }
data=$1 teacher=$2 dir=$3

command -v hybrid-kd > /dev/null || { echo "$0: no hybrid-kd on the PATH; pip install it" >&2; exit 1; }
for file in "$data"/{feats.scp,utt2spk} "$teacher/final.safetensors"; do
  [ -f "$file" ] || { echo "$0: no such file $file" >&2; exit 1; }
done

# shellcheck disable=SC2086
$cmd JOB=1:1 "$teacher/log/make_$(basename "$dir").JOB.log" \
  hybrid-kd label --teacher "$teacher" --data "$data" --out "$dir" \
  --temperatures "$temperatures" --prune-below "$prune_below" $opts

echo "$0: wrote $dir"
