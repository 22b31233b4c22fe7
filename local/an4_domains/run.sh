#!/usr/bin/env bash

# Uncertainty matching and two teachers of different domains, on the reference experiment kaldi-an4: one teacher has heard the
# training mixtures with buses and cafes, the other those with pedestrians and streets; students hear all of them.
# Which students there are is in local/an4_domains/{sure,uncertain}; what is finished is not done again.

# Begin configuration section.
stage=1
stop_stage=5
jobs=2
threads=1
seeds="0 1 2"
sizes="256 128" # hidden units of two layers
teachers="none both bus_caf ped_str"
# End configuration section.

help_message="Usage: $0 [options]
 e.g.: $0 --jobs 1
Options:
  --stage <n> --stop-stage <n>   # 1 teachers, 2 labels, 3 students, 4 lattices, WERs and results/an4_domains.jsonl, 5 reports
  --jobs <n>                     # trainings or decodings at a time (2)
  --threads <n>                  # threads of each training (1)
  --seeds '<n> ...'              # of the students (0 1 2)
  --sizes '<n> ...'              # hidden units of their two layers (256 128)
  --teachers '<t> ...'           # students of these, both or none (none both bus_caf ped_str)"

. ./path.sh
. steps/kd/utils/parse_options.sh
set -euo pipefail

fmllr=data/an4/data-fmllr ali=data/an4/exp/tri3b_ali train=tr05_multi dev=dt05_simu eval=et05_simu
graph=data/an4/exp/tri3b/graph domains=data/an4_domains exp=exp/an4_domains systems=local/an4_domains
data="--train-data $fmllr/$train --train-ali ${ali}_$train --dev-data $fmllr/$dev --dev-ali ${ali}_$dev"
export OMP_NUM_THREADS=$threads
local/reference/prepare.sh an4

# Runs the commands on stdin, `jobs` at a time.
run_all() {
  xargs -d '\n' -r -P "$jobs" -I{} bash -c '{}'
}

# The utterances of a data directory in some environments: subset_data <from> <environments as in grep -E> <to>
subset_data() {
  mkdir -p "$3"
  for file in feats.scp text utt2spk utt2num_frames; do
    grep -E "^[^ ]*_($2)_SIMU " "$1/$file" > "$3/$file"
  done
  awk '{u[$2] = u[$2] " " $1} END {for (s in u) print s u[s]}' "$3/utt2spk" | LC_ALL=C sort > "$3/spk2utt"
}

if [ "$stage" -le 1 ] && [ "$stop_stage" -ge 1 ]; then
  subset_data $fmllr/$train 'BUS|CAF' $domains/bus_caf
  subset_data $fmllr/$train 'PED|STR' $domains/ped_str
  for domain in bus_caf ped_str; do
    echo "steps/kd/train.sh --config-yaml conf/teacher_small.yaml --opts '--uncertainty --num-threads $threads' \
$domains/$domain $fmllr/$dev ${ali}_$train ${ali}_$dev $exp/teacher_$domain"
  done | run_all
fi

if [ "$stage" -le 2 ] && [ "$stop_stage" -ge 2 ]; then
  for domain in bus_caf ped_str; do
    echo "steps/kd/make_labels.sh --temperatures 1 $fmllr/$train $exp/teacher_$domain $exp/labels_$domain"
  done | run_all
fi

# Trains the students of a list that have these teachers, all seeds side by side: train <list> <hidden units> <teachers>
train() {
  local lines=$exp/lists/$1_$2_$3 labels=$exp/labels_$3
  [ "$3" != both ] || labels="$exp/labels_bus_caf $exp/labels_ped_str"
  mkdir -p $exp/lists
  sed '/^#/d' "$systems/$1" | if [ "$3" = none ]; then grep -v TEACHERS; else grep TEACHERS; fi | while read -r name opts; do
    for seed in $seeds; do
      echo "${name}_$2_$3_s$seed --config $systems/student.yaml --hidden-dim $2 --seed $seed $opts"
    done
  done | sed "s#TEACHERS#--teacher-labels $labels#; s#_none_s#_s#" > "$lines"
  echo "hybrid-kd train-together $lines --exp $exp --opts='$data --num-threads $threads'"
}

if [ "$stage" -le 3 ] && [ "$stop_stage" -ge 3 ]; then
  for size in $sizes; do
    for of in $teachers; do
      for list in sure uncertain; do train $list "$size" "$of"; done
    done
  done | run_all
fi

if [ "$stage" -le 4 ] && [ "$stop_stage" -ge 4 ]; then
  # Also near LM weight 0.
  score="local/decode_and_score.sh --also-at 1_0.0 --results results/an4_domains.jsonl $graph"
  { echo teacher_bus_caf; echo teacher_ped_str; cut -d ' ' -f 1 -s $exp/lists/*; } |
    sed "s#.*#$score $exp/& $fmllr/$dev $fmllr/$eval#" | run_all
fi

if [ "$stage" -le 5 ] && [ "$stop_stage" -ge 5 ]; then
  hybrid-kd report --results results/an4_domains.jsonl --out docs/an4_domains
  hybrid-kd report --results results --out RESULTS.md
fi
