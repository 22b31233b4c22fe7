#!/usr/bin/env bash

# The unpruned students of the study on kaldi-an4 once more, decoded with their logits times T: how much of what a temperature
# costs is that such a student's posteriors are flat. Begin with `make paper STUDY=paper-an4`. What is finished is not done again.

# Begin configuration section.
jobs=2
# End configuration section.

help_message="Usage: $0 [options]
 e.g.: $0 --jobs 1
Options:
  --jobs <n>  # decodings at a time (2)"

. ./path.sh
. steps/kd/utils/parse_options.sh
set -euo pipefail

fmllr=data/an4/data-fmllr dev=dt05_simu eval=et05_simu graph=data/an4/exp/tri3b/graph exp=exp/paper-an4
results=results/paper-an4.jsonl
export OMP_NUM_THREADS=1

for student in "$exp"/si_*_unpruned_s?; do
  temperature=$(sed -n "s/^temperatures: '\?\([0-9.]*\)'\?$/\1/p" "$student/config.yaml") # the student's own, if constant
  [ -z "$temperature" ] || echo "local/decode_and_score.sh --logit-scale $temperature --results $results \
    $graph $student $fmllr/$dev $fmllr/$eval"
done | xargs -d '\n' -P "$jobs" -I{} bash -c '{}'
hybrid-kd report --results $results --out docs/paper-an4
