#!/usr/bin/env bash

# WERs of CHiME-4 systems in the form of Kaldi's RESULTS (its local/chime4_calc_wers.sh): the LM weight of 4 to 15 with the
# least WER on dt05_simu and dt05_real together, at insertion penalty 0, for all four sets.

# Begin configuration section.
out=             # file that the results are also written to
min_lm_weight=4
max_lm_weight=15
penalties=0
data=            # parent of data directories, for lattices of Kaldi's that are not scored
graph=           # words.txt, for decode directories of Kaldi's
nj=1
# End configuration section.

help_message="Usage: $0 [options] <system-dir> [<system-dir> ...]
 e.g.: $0 --out exp/chime4/RESULTS exp/chime4
       $0 --graph exp/tri4a_dnn_tr05_multi_noisy/graph_tgpr_5k exp/tri4a_dnn_tr05_multi_noisy
A system holds decode_*{dt05,et05}_{simu,real}*, decoded by hybrid-kd or by Kaldi; of a directory of systems all are taken.
Options:
  --out <file>                      # write the results there, too
  --min-lm-weight <n> --max-lm-weight <n>   # LM weights that are searched (4, 15)
  --penalties <p>,<p>               # insertion penalties that are searched (0)
  --graph <dir>                     # graph or lang directory, for systems that Kaldi decoded
  --data <dir>                      # parent of the data directories, for lattices that Kaldi did not score
  --nj <n>                          # processes (1)"

echo "$0 $*"
. ./path.sh
. steps/kd/utils/parse_options.sh
set -euo pipefail

[ $# -ge 1 ] || { echo "$help_message" >&2; exit 1; }
for system in "$@"; do
  [ -d "$system" ] || { echo "$0: no such directory $system" >&2; exit 1; }
done
[ -z "$graph" ] || [ -f "$graph/words.txt" ] || { echo "$0: no such file $graph/words.txt" >&2; exit 1; }

python -m local.chime4.calc_wers "$@" --nj "$nj" ${out:+--out "$out"} ${data:+--data "$data"} \
  ${graph:+--graph "$graph"} --min-lm-weight "$min_lm_weight" --max-lm-weight "$max_lm_weight" --penalties "$penalties"
