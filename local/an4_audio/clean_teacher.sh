#!/usr/bin/env bash

# Parallel-view distillation on the reference experiment kaldi-an4: a teacher that is trained on the clean recordings of AN4,
# aligned by Kaldi's tri3b, labels them for students on the noisy mixtures. Beside it, students of an equal teacher that was
# trained on the mixtures: exp/an4/teacher_s0, which local/reference/run.sh makes.

# Begin configuration section.
stage=1
stop_stage=4
nj=2
jobs=2
threads=1
# End configuration section.

help_message="Usage: $0 [options]
 e.g.: $0 --jobs 1
Options:
  --stage <n> --stop-stage <n>   # 1 clean frames, 2 teacher and labels, 3 students, lattices and WERs, 4 significance, results/an4_clean.jsonl
  --nj <n>                       # processes of stage 1 (2)
  --jobs <n>                     # trainings or decoding processes at a time (2)
  --threads <n>                  # threads of each training (1)"

. ./path.sh
. steps/kd/utils/parse_options.sh
set -euo pipefail

shared=${HYBRID_KD_SHARED:-../shared} train=tr05_multi dev=dt05_simu eval=et05_simu
noisy=data/an4/data-fmllr ali=data/an4/exp/tri3b_ali tri3b=data/an4/exp/tri3b noisy_teacher=exp/an4/teacher_s0
data=data/an4_clean clean=data/an4_clean/fmllr exp=exp/an4_clean systems=local/an4_audio/clean_teacher
for file in "$shared/kaldi-an4/data/$train/mix.tsv" "$shared/audio/an4/etc/an4.dic" $noisy_teacher/final.safetensors; do
  [ -f "$file" ] || { echo "$0: no such file $file" >&2; exit 1; }
done
local/reference/prepare.sh an4 # Kaldi's data directories, with paths that are right from here

if [ "$stage" -le 1 ] && [ "$stop_stage" -ge 1 ]; then
  for set in $train $dev; do
    python local/an4_audio/clean_data.py "$shared/kaldi-an4/data/$set" "$shared/audio/an4" "$data/$set"
    hybrid-kd features --data "$data/$set" --out "$data/mfcc/$set" --nj "$nj"
    hybrid-kd gmm align --data "$data/mfcc/$set" --lang data/an4/data/lang_test --model $tri3b \
      --out "$exp/tri3b_ali_$set" --nj "$nj"
    hybrid-kd features --data "$data/mfcc/$set" --gmm $tri3b --transforms "$exp/tri3b_ali_$set" --out "$clean/$set" --nj "$nj"
  done
  cp $data/$train/utt_map $exp/utt_map
fi

if [ "$stage" -le 2 ] && [ "$stop_stage" -ge 2 ]; then
  local/distil.sh --stop-stage 2 --threads "$threads" --temperatures 1 \
    $clean/$train $exp/tri3b_ali_$train $clean/$dev $exp/tri3b_ali_$dev $tri3b/graph $systems $exp
  steps/kd/make_labels.sh --temperatures 1 $noisy/$train $noisy_teacher $exp/labels_noisy_s0
fi

if [ "$stage" -le 3 ] && [ "$stop_stage" -ge 3 ]; then
  local/distil.sh --stage 3 --jobs "$jobs" --threads "$threads" --beam 11 --lattice-beam 6 --eval-data $noisy/$eval \
    $noisy/$train ${ali}_$train $noisy/$dev ${ali}_$dev $tri3b/graph $systems $exp
fi

if [ "$stage" -le 4 ] && [ "$stop_stage" -ge 4 ]; then
  hybrid-kd compare $exp/{noisy_s0_,}si_0.5_min_iters10/decode_${eval}_11_6
  hybrid-kd collect --exp $exp --baseline noisy_s0_si_0.5_min_iters10 --out results/an4_clean.jsonl
  hybrid-kd report --results results --out RESULTS.md
fi
