#!/usr/bin/env bash

# The experiments of RESULTS.md on a reference experiment: its students, teachers and students of teachers
# (local/reference/<name>/{hard,teachers,distilled}), beside Kaldi's own results. What is finished is not done again.

# Begin configuration section.
stage=0
stop_stage=9
jobs=2
threads=1
beam=11
lattice_beam=6
kaldi_beams=
systems=
study_beams="15_10 13_8 11_6"
cmd=run.pl
# End configuration section.

help_message="Usage: $0 [options] an4|libri5k
 e.g.: $0 --jobs 2 an4
Options:
  --stage <n> --stop-stage <n>   # 0 data, 1 to 6 as in local/distil.sh, 7 results/<name>.jsonl and RESULTS.md
  and --jobs, --threads, --beam, --lattice-beam, --kaldi-beams, --systems, --study-beams, --cmd of local/distil.sh"

. ./path.sh
. steps/kd/utils/parse_options.sh
set -euo pipefail

[ $# -eq 1 ] && [ -d "local/reference/$1" ] || { echo "$help_message" >&2; exit 1; }
name=$1

if [ "$stage" -le 0 ] && [ "$stop_stage" -ge 0 ]; then
  local/reference/prepare.sh "$name"
fi

local/distil.sh --stage "$stage" --stop-stage "$stop_stage" --jobs "$jobs" --threads "$threads" --cmd "$cmd" \
  --beam "$beam" --lattice-beam "$lattice_beam" --kaldi-beams "$kaldi_beams" --systems "$systems" \
  --study-beams "$study_beams" \
  "data/$name/data-fmllr" "data/$name/exp/tri3b_ali" "data/$name/exp/tri3b/graph" "local/reference/$name" "exp/$name"

if [ "$stage" -le 7 ] && [ "$stop_stage" -ge 7 ]; then
  hybrid-kd collect --exp "exp/$name" --baseline hard_s0 --out "results/$name.jsonl" \
    --kaldi "data/$name/exp" --kaldi-searches "local/reference/$name/kaldi"
  hybrid-kd report --results results --out RESULTS.md
fi
