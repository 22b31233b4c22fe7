#!/usr/bin/env bash

# One system with one process: lattices and WERs of a development set and, at the point that is best there, of an evaluation set;
# then its line in the results. The experiment is the directory that holds the model. What is finished is not done again.

# Begin configuration section.
beam=10
lattice_beam=5
logit_scale=1
also_at=  # "1_0.0": WERs at more points
results=  # results/<experiment>.jsonl (default: no line)
# End configuration section.

help_message="Usage: $0 [options] <graph> <model> <dev-data> [<eval-data>]
 e.g.: $0 --results results/an4.jsonl exp/tri3b/graph exp/an4/student data-fmllr/dt data-fmllr/et
Options:
  --beam <b> --lattice-beam <b>  # (10, 5)
  --logit-scale <s>              # of hybrid-kd decode (1)
  --also-at '<lmwt>_<wip> ...'   # WERs at these points too
  --results <file>               # where its line goes"

. ./path.sh
. steps/kd/utils/parse_options.sh
set -euo pipefail

[ $# -eq 3 ] || [ $# -eq 4 ] || { echo "$help_message" >&2; exit 1; }
graph=$1 model=$2 tune_on=() search=${beam}_$lattice_beam
shift 2
[ "$logit_scale" = 1 ] || search+=_logits_x_$logit_scale

for data in "$@"; do
  decoded=$model/decode_$(basename "$data")_$search
  hybrid-kd decode --model "$model" --data "$data" --graph "$graph" --out "$decoded" --decoder embedded \
    --beam "$beam" --lattice-beam "$lattice_beam" --logit-scale "$logit_scale"
  # shellcheck disable=SC2086
  hybrid-kd score "$decoded" --data "$data" --graph "$graph" "${tune_on[@]}" ${also_at:+--also-at $also_at}
  tune_on=(--tune-on "$decoded")
done

if [ -n "$results" ]; then
  exp=$(dirname "$model")
  flock "$exp" hybrid-kd collect --exp "$exp" --only "$(basename "$model")" --out "$results"
fi
