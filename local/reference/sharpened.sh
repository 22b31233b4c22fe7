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

# Decodes both sets at the student's own T; then its line in results/.
decode_and_score() {
  local student=$1 temperature tune_on=() decoded set
  temperature=$(sed -n "s/^temperatures: '\?\([0-9.]*\)'\?$/\1/p" "$exp/$student/config.yaml")
  for set in $dev $eval; do
    decoded=$exp/$student/decode_${set}_10_5_logits_x_$temperature
    hybrid-kd decode --model "$exp/$student" --data "$fmllr/$set" --graph "$graph" --out "$decoded" --decoder embedded \
      --beam 10 --lattice-beam 5 --logit-scale "$temperature"
    hybrid-kd score "$decoded" --data "$fmllr/$set" --graph "$graph" "${tune_on[@]}"
    tune_on=(--tune-on "$decoded")
  done
  flock $exp hybrid-kd collect --exp $exp --only "$student" --out $results
}

export -f decode_and_score
export dev eval exp fmllr graph results
(cd $exp && printf 'decode_and_score %s\n' si_*_unpruned_s?) | xargs -d '\n' -P "$jobs" -I{} bash -c '{}'
hybrid-kd report --results $results --out docs/paper-an4
