#!/usr/bin/env bash

# A network of Kaldi's nnet1 as one of ours, on a reference experiment: imported and decoded beside Kaldi, retrained
# with the teacher's labels; and a training that starts where Kaldi's did. What is finished is not done again.

# Begin configuration section.
stage=0
stop_stage=4
jobs=2
threads=1
cmd=run.pl
# End configuration section.

help_message="Usage: $0 [options] an4
 e.g.: $0 --jobs 2 an4
Options:
  --stage <n> --stop-stage <n>   # 0 import, 1 training from nnet.init, 2 retraining (needs exp/<name>/labels of
                                 # local/reference/run.sh), 3 lattices and WERs, 4 results/<name>.jsonl and RESULTS.md
  --jobs <n>                     # decoding processes at a time (2)
  --threads <n>                  # threads of each training (1)
  --cmd <cmd>                    # how to run the jobs (run.pl)"

. ./path.sh
. steps/kd/utils/parse_options.sh
set -euo pipefail

[ $# -eq 1 ] || { echo "$help_message" >&2; exit 1; }
name=$1 exp=exp/$1 kaldi=data/$1/exp/nnet1_student_ce fmllr=data/$1/data-fmllr ali=data/$1/exp/tri3b_ali
local/reference/prepare.sh "$name"
for file in "$kaldi"/{final.nnet,nnet.init,final.feature_transform}; do
  [ -f "$file" ] || { echo "$0: no such file $file: Kaldi's network of $name is not there" >&2; exit 1; }
done
export OMP_NUM_THREADS=$threads

# train <system> <options of hybrid-kd train>
train() {
  steps/kd/train.sh --cmd "$cmd" --config-yaml conf/student.yaml --opts "$2 --num-threads $threads" \
    "$fmllr/tr05_multi" "$fmllr/dt05_simu" "${ali}_tr05_multi" "${ali}_dt05_simu" "$exp/$1"
}

# decode <systems> <beam> <lattice-beam>
decode() {
  local/distil.sh --stage 4 --stop-stage 5 --jobs "$jobs" --threads "$threads" --cmd "$cmd" --only "$1" \
    --beam "$2" --lattice-beam "$3" --eval-data "$fmllr/et05_simu" \
    "$fmllr/tr05_multi" "${ali}_tr05_multi" "$fmllr/dt05_simu" "${ali}_dt05_simu" \
    "data/$name/exp/tri3b/graph" "local/reference/$name" "$exp"
}

if [ "$stage" -le 0 ] && [ "$stop_stage" -ge 0 ]; then
  for net in final.nnet:kaldi_nnet1 nnet.init:kaldi_nnet1_init; do
    hybrid-kd import-nnet1 --nnet "$kaldi/${net%:*}" --feature-transform "$kaldi/final.feature_transform" \
      --ali "${ali}_tr05_multi" --out "$exp/${net#*:}"
  done
fi

if [ "$stage" -le 1 ] && [ "$stop_stage" -ge 1 ]; then
  train kaldi_init "--init $exp/kaldi_nnet1_init --randomizer-size 32768"
fi

if [ "$stage" -le 2 ] && [ "$stop_stage" -ge 2 ]; then
  train retrained_kaldi_nnet1_min_iters10 \
    "--init $exp/kaldi_nnet1 --teacher-labels $exp/labels --hard-weight 0.5 --min-iters 10"
fi

if [ "$stage" -le 3 ] && [ "$stop_stage" -ge 3 ]; then
  decode "kaldi_nnet1 kaldi_init retrained_kaldi_nnet1_min_iters10" 11 6
  decode kaldi_nnet1 13 8
fi

if [ "$stage" -le 4 ] && [ "$stop_stage" -ge 4 ]; then
  local/reference/run.sh --stage 6 "$name"
fi
