#!/usr/bin/env bash

# The systems of one experiment: teachers, their labels, students on hard labels and on the teacher's, lattices, WERs. Which
# systems there are, and their options, is in the files teachers, hard and distilled of <systems>: lines
# "<name> <options of hybrid-kd train>", where EXP stands for <exp>. What is finished is not done again.

# Begin configuration section.
cmd=run.pl
cuda_cmd=run.pl
stage=1
stop_stage=5
dry_run=false
tune_data=
eval_data=
temperatures=1,2,3 # that the label store plans for
jobs=2             # trainings, or decoding processes, at a time
threads=1          # of each training
decoder=auto
beam=13
lattice_beam=8
acoustic_scale=0.1
only=              # "hard_s0 si_0.5": lattices and WERs of these systems (default: all)
# End configuration section.

help_message="Usage: $0 [options] <train-data> <train-ali> <dev-data> <dev-ali> <graph> <systems> <exp>
 e.g.: $0 --eval-data data-fmllr/et data-fmllr/tr exp/tri3b_ali_tr data-fmllr/dt exp/tri3b_ali_dt \\
         exp/tri3b/graph local/chime4 exp/kd
Options:
  --stage <n> --stop-stage <n>   # 1 teachers, 2 labels, 3 students, 4 lattices, 5 WERs
  --dry-run true                 # print the commands, run nothing
  --tune-data '<data> ...'       # decoded; LM weight and penalty are chosen on all of them together (<dev-data>)
  --eval-data '<data> ...'       # decoded, scored at that point (none)
  --temperatures <t>,<t>         # of the label store (1,2,3)
  --jobs <n>                     # trainings or decoding processes at a time (2)
  --threads <n>                  # threads of each training (1)
  --decoder kaldi|embedded|auto  # (auto: latgen-faster-mapped where it is on the PATH)
  --beam <b> --lattice-beam <b> --acoustic-scale <s>         # (13, 8, 0.1)
  --only '<names>'               # decode and score only these systems
  --cmd <cmd> --cuda-cmd <cmd>   # how to run jobs (run.pl), and trainings and labels (run.pl)"

. ./path.sh
. local/dry_run.sh
. steps/kd/utils/parse_options.sh
set -euo pipefail

[ $# -eq 7 ] || { echo "$help_message" >&2; exit 1; }
train_data=$1 train_ali=$2 dev_data=$3 dev_ali=$4 graph=$5 systems=$6 exp=$7
tune_data=${tune_data:-$dev_data}
for file in "$systems"/{teachers,hard,distilled}; do
  [ -f "$file" ] || { echo "$0: no such file $file" >&2; exit 1; }
done
export OMP_NUM_THREADS=$threads

# The names of the systems in lists.
names_of() {
  sed -s '/^#/d; s/ .*//' "$@"
}

# Trains the systems of a list, `jobs` at a time; further arguments are options of each.
train_all() {
  local list=$1 runner=(xargs -0 -r -P "$jobs" -I{} bash -c '{}')
  shift
  ! $dry_run || runner=(tr '\0' '\n')
  sed "/^#/d; s#\bEXP\b#$exp#g" "$list" | while read -r system opts; do
    printf '%s\0' "steps/kd/train.sh --cmd '$cuda_cmd' --opts '$opts --num-threads $threads $*' \
$train_data $dev_data $train_ali $dev_ali $exp/$system"
  done | "${runner[@]}"
}

# Makes one model of the teachers: their ensemble, or the only one.
make_teacher() {
  local members
  mapfile -t members < <(names_of "$systems/teachers")
  if [ "${#members[@]}" -gt 1 ]; then
    run hybrid-kd ensemble "${members[@]/#/$exp/}" --out "$exp/teacher"
  else
    run ln -s "${members[0]}" "$exp/teacher"
  fi
}

# The decode directory of a system: decode_dir <system> <data>
decode_dir() {
  echo "$exp/$1/decode_$(basename "$2")_${beam}_$lattice_beam"
}

decode() {
  run steps/kd/decode.sh --cmd "$cmd" --nj "$jobs" --decoder "$decoder" --beam "$beam" --lattice-beam "$lattice_beam" \
    --acoustic-scale "$acoustic_scale" "$graph" "$2" "$(decode_dir "$1" "$2")"
}

# At the point that is best on all of the development data together.
score() {
  local tune_on=() data
  if [ "$2" != "$tune_data" ]; then
    for data in $tune_data; do tune_on+=("$(decode_dir "$1" "$data")"); done
  fi
  run steps/kd/score.sh --cmd "$cmd" --opts "--nj $jobs" --tune-on "${tune_on[*]}" "$2" "$graph" "$(decode_dir "$1" "$2")"
}

# Does something with each system and set: for_all <decode|score>
for_all() {
  local system data
  for system in ${only:-teacher $(names_of "$systems"/{hard,distilled})}; do
    for data in $tune_data $eval_data; do "$1" "$system" "$data"; done
  done
}

if [ "$stage" -le 1 ] && [ "$stop_stage" -ge 1 ]; then
  train_all "$systems/teachers"
  [ -e "$exp/teacher/final.safetensors" ] || make_teacher
fi

if [ "$stage" -le 2 ] && [ "$stop_stage" -ge 2 ]; then
  run steps/kd/make_labels.sh --cmd "$cuda_cmd" --temperatures "$temperatures" "$train_data" "$exp/teacher" "$exp/labels"
fi

if [ "$stage" -le 3 ] && [ "$stop_stage" -ge 3 ]; then
  train_all "$systems/hard"
  train_all "$systems/distilled" --teacher-labels "$exp/labels"
fi

if [ "$stage" -le 4 ] && [ "$stop_stage" -ge 4 ]; then
  for_all decode
fi

if [ "$stage" -le 5 ] && [ "$stop_stage" -ge 5 ]; then
  for_all score
fi
