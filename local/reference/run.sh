#!/usr/bin/env bash

# The experiments of RESULTS.md on a reference experiment: its teachers, students and students of teachers
# (local/reference/<name>/{teachers,hard,distilled}), beside Kaldi's own results. What is finished is not done again.

# Begin configuration section.
stage=0
stop_stage=6
dry_run=false
jobs=2
threads=1
beam=11
lattice_beam=6
only=
cmd=run.pl
# End configuration section.

help_message="Usage: $0 [options] an4|libri5k
 e.g.: $0 --jobs 2 an4
Options:
  --stage <n> --stop-stage <n>   # 0 data, 1 to 5 as in local/distil.sh, 6 results/<name>.jsonl and RESULTS.md
  and --dry-run, --jobs, --threads, --beam, --lattice-beam, --only, --cmd of local/distil.sh"

. ./path.sh
. steps/kd/utils/parse_options.sh
set -euo pipefail

[ $# -eq 1 ] && [ -d "local/reference/$1" ] || { echo "$help_message" >&2; exit 1; }
name=$1 fmllr=data/$1/data-fmllr ali=data/$1/exp/tri3b_ali

if [ "$stage" -le 0 ] && [ "$stop_stage" -ge 0 ]; then
  local/reference/prepare.sh "$name"
fi

local/distil.sh --stage "$stage" --stop-stage "$stop_stage" --dry-run "$dry_run" --jobs "$jobs" --threads "$threads" \
  --cmd "$cmd" --beam "$beam" --lattice-beam "$lattice_beam" --only "$only" --eval-data "$fmllr/et05_simu" \
  "$fmllr/tr05_multi" "${ali}_tr05_multi" "$fmllr/dt05_simu" "${ali}_dt05_simu" \
  "data/$name/exp/tri3b/graph" "local/reference/$name" "exp/$name"

if [ "$stage" -le 6 ] && [ "$stop_stage" -ge 6 ] && ! $dry_run; then
  hybrid-kd collect --exp "exp/$name" --baseline hard_s0 --out "results/$name.jsonl" \
    --kaldi "data/$name/exp" --kaldi-searches "local/reference/$name/kaldi"
  hybrid-kd report --results results --out RESULTS.md
fi
