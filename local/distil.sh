#!/usr/bin/env bash

# The systems of one experiment: students on hard labels, teachers, their labels, students on them, lattices, WERs.
# Which systems there are, and their options, is in the files hard, teachers and distilled of <systems>: lines
# "<name> <options of hybrid-kd train>", where EXP stands for <exp>. What is finished is not done again; the sets
# after the development set are scored only at the point that was chosen on it.

# Begin configuration section.
cmd=run.pl
stage=1
stop_stage=6
train_set=tr05_multi
dev_set=dt05_simu
eval_sets=et05_simu
temperatures=1,2,3 # that the label store plans for
jobs=2             # trainings, or decoding processes, at a time
threads=1          # of each training
beam=11
lattice_beam=6
acoustic_scale=0.1
kaldi_beams=       # e.g. "13 8": decode the hard-label students also at these beams
systems=           # "hard_s0 si_0.5": decode only these (default: all)
study_beams="15_10 13_8 11_6" # beams that are tried on the first 100 utterances of the development set
# End configuration section.

help_message="Usage: $0 [options] <data> <ali> <graph> <systems> <exp>
 e.g.: $0 --jobs 2 data/an4/data-fmllr data/an4/exp/tri3b_ali data/an4/exp/tri3b/graph local/reference/an4 exp/an4
<data> holds a directory for each set; alignments are in <ali>_<set>.
Options:
  --stage <n> --stop-stage <n>   # 1 hard-label students, 2 teachers, 3 labels, 4 distilled students,
                                 # 5 beam study, 6 lattices and WERs
  --train-set <set> --dev-set <set> --eval-sets '<set> ...'  # (tr05_multi, dt05_simu, et05_simu)
  --temperatures <t>,<t>         # of the label store (1,2,3)
  --jobs <n>                     # trainings or decoding processes at a time (2)
  --threads <n>                  # threads of each training (1)
  --beam <b> --lattice-beam <b> --acoustic-scale <s>         # (11, 6, 0.1)
  --kaldi-beams '<b> <b>'        # decode hard-label students also at these beams
  --systems '<names>'            # decode only these systems
  --study-beams '<b>_<b> ...'    # beams of the study (15_10 13_8 11_6)
  --cmd <cmd>                    # how to run the jobs (run.pl)"

. ./path.sh
. steps/kd/utils/parse_options.sh
set -euo pipefail

[ $# -eq 5 ] || { echo "$help_message" >&2; exit 1; }
data=$1 ali=$2 graph=$3 lists=$4 exp=$5
for file in "$data/$train_set/feats.scp" "${ali}_$train_set/final.mdl" "$lists"/{hard,teachers,distilled}; do
  [ -f "$file" ] || { echo "$0: no such file $file" >&2; exit 1; }
done
export OMP_NUM_THREADS=$threads

# The names of the systems in lists.
names_of() {
  sed -s '/^#/d; s/ .*//' "$@"
}

# Trains the systems of a list, `jobs` at a time; further arguments are options of each.
train_all() {
  local list=$1
  shift
  sed "/^#/d; s#\bEXP\b#$exp#g" "$list" | while read -r system opts; do
    printf '%s\0' "steps/kd/train.sh --cmd '$cmd' --opts '$opts --num-threads $threads $*' \
      $data/$train_set $data/$dev_set ${ali}_$train_set ${ali}_$dev_set $exp/$system"
  done | xargs -0 -r -P "$jobs" -I{} bash -c '{}'
}

# Decodes and scores the development set, then the others at its point: decode_and_score <system> <beam> <lattice-beam>.
decode_and_score() {
  local dir=$exp/$1 suffix=_$2_$3 set tune_on=
  for set in $dev_set $eval_sets; do
    steps/kd/decode.sh --cmd "$cmd" --nj "$jobs" --beam "$2" --lattice-beam "$3" --acoustic-scale "$acoustic_scale" \
      "$graph" "$data/$set" "$dir/decode_$set$suffix"
    steps/kd/score.sh --cmd "$cmd" --opts "--nj $jobs" --tune-on "$tune_on" \
      "$data/$set" "$graph" "$dir/decode_$set$suffix"
    tune_on=$dir/decode_$dev_set$suffix
  done
}

if [ "$stage" -le 1 ] && [ "$stop_stage" -ge 1 ]; then
  train_all "$lists/hard"
fi

if [ "$stage" -le 2 ] && [ "$stop_stage" -ge 2 ]; then
  train_all "$lists/teachers"
  if [ ! -f "$exp/teacher/final.safetensors" ]; then
    mapfile -t members < <(names_of "$lists/teachers")
    if [ "${#members[@]}" -gt 1 ]; then
      hybrid-kd ensemble "${members[@]/#/$exp/}" --out "$exp/teacher"
    else
      ln -s "${members[0]}" "$exp/teacher"
    fi
  fi
fi

if [ "$stage" -le 3 ] && [ "$stop_stage" -ge 3 ]; then
  steps/kd/make_labels.sh --cmd "$cmd" --temperatures "$temperatures" "$data/$train_set" "$exp/teacher" "$exp/labels"
fi

if [ "$stage" -le 4 ] && [ "$stop_stage" -ge 4 ]; then
  train_all "$lists/distilled" --teacher-labels "$exp/labels"
fi

if [ "$stage" -le 5 ] && [ "$stop_stage" -ge 5 ] && [ -n "$study_beams" ]; then
  srcdir=$exp/$(names_of "$lists/hard" | head -n 1)
  for beams in $study_beams; do
    dir=$srcdir/beams/decode_${dev_set}_$beams
    steps/kd/decode.sh --cmd "$cmd" --nj "$jobs" --srcdir "$srcdir" --opts "--max-utts 100" \
      --beam "${beams%_*}" --lattice-beam "${beams#*_}" --acoustic-scale "$acoustic_scale" \
      "$graph" "$data/$dev_set" "$dir"
    steps/kd/score.sh --cmd "$cmd" --opts "--nj $jobs" "$data/$dev_set" "$graph" "$dir"
  done
fi

if [ "$stage" -le 6 ] && [ "$stop_stage" -ge 6 ]; then
  [ -n "$systems" ] || systems="teacher $(names_of "$lists"/{hard,distilled} | tr '\n' ' ')"
  for system in $systems; do
    decode_and_score "$system" "$beam" "$lattice_beam"
  done
  if [ -n "$kaldi_beams" ]; then
    # shellcheck disable=SC2086
    names_of "$lists/hard" | while read -r system; do decode_and_score "$system" $kaldi_beams; done
  fi
fi
