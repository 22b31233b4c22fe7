#!/usr/bin/env bash

# Which --uncertainty-weight the students of local/an4_domains/run.sh are given: one student each, taught by the first teacher,
# trained side by side, decoded on the dev set alone. Begin with run.sh --stop-stage 2.

# Begin configuration section.
weights="10 100 1000"
jobs=2
threads=1
# End configuration section.

help_message="Usage: $0 [options]
 e.g.: $0 --weights '30 300'
Options:
  --weights '<w> ...'  # of the uncertainty term, beside 0.5 for the labels and 0.5 for the reference (10 100 1000)
  --jobs <n>           # decodings at a time (2)
  --threads <n>        # threads of the training (1)"

. ./path.sh
. steps/kd/utils/parse_options.sh
set -euo pipefail

fmllr=data/an4/data-fmllr ali=data/an4/exp/tri3b_ali train=tr05_multi dev=dt05_simu graph=data/an4/exp/tri3b/graph
exp=exp/an4_domains/tune
data="--train-data $fmllr/$train --train-ali ${ali}_$train --dev-data $fmllr/$dev --dev-ali ${ali}_$dev"
mkdir -p $exp
export OMP_NUM_THREADS=$threads

for weight in $weights; do
  echo "tok_unc_$weight --config local/an4_domains/student.yaml --teacher-labels exp/an4_domains/labels_bus_caf" \
    "--uncertainty --hard-weight 0.5 --uncertainty-weight $weight"
done > $exp/list
hybrid-kd train-together $exp/list --exp $exp --opts="$data --num-threads $threads"
cut -d ' ' -f 1 $exp/list | xargs -P "$jobs" -I{} local/decode_and_score.sh $graph $exp/{} $fmllr/$dev
grep -H WER $exp/*/decode_${dev}_10_5/scoring_kaldi/best_wer
