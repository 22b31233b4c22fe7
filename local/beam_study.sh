#!/usr/bin/env bash

# Decodes the first utterances of a development set with one network at several beams: what each costs and loses.

# Begin configuration section.
cmd=run.pl
jobs=2
beams="15_10 13_8 11_6"
max_utts=100
acoustic_scale=0.1
# End configuration section.

help_message="Usage: $0 [options] <data> <graph> <model>
 e.g.: $0 --beams '11_6 10_5 9_4' data-fmllr/dt exp/tri3b/graph exp/student
Options:
  --beams '<beam>_<lattice-beam> ...'    # (15_10 13_8 11_6)
  --max-utts <n>                 # (100)
  --acoustic-scale <s>           # (0.1)
  --jobs <n>                     # processes (2)
  --cmd <cmd>                    # how to run the jobs (run.pl)"

. ./path.sh
. steps/kd/utils/parse_options.sh
set -euo pipefail

[ $# -eq 3 ] || { echo "$help_message" >&2; exit 1; }
data=$1 graph=$2 model=$3

for pair in $beams; do
  dir=$model/beams/decode_$(basename "$data")_$pair
  steps/kd/decode.sh --cmd "$cmd" --nj "$jobs" --srcdir "$model" --opts "--max-utts $max_utts" \
    --beam "${pair%_*}" --lattice-beam "${pair#*_}" --acoustic-scale "$acoustic_scale" "$graph" "$data" "$dir"
  steps/kd/score.sh --cmd "$cmd" --opts "--nj $jobs" "$data" "$graph" "$dir"
done
