#!/usr/bin/env bash

# The experiments of RESULTS.md on a reference experiment: students on hard labels, a teacher, its labels, students
# on them, lattices, WERs. Which systems there are is in local/reference/<name>/{hard,teachers,distilled}. What is
# finished is not done again; et is scored only at the point that was chosen on dt.

# Begin configuration section.
cmd=run.pl
stage=0
stop_stage=9
jobs=2          # trainings, or decoding processes, at a time
threads=1       # of each training
beam=11
lattice_beam=6
kaldi_beams=    # e.g. "13 8": decode the hard-label students also at these beams, to stand beside Kaldi's network
systems=        # "hard_s0 si_0.5": decode only these (default: all)
study_beams="15_10 13_8 11_6" # beams that are tried on the first 100 utterances of dt
# End configuration section.

help_message="Usage: $0 [options] an4|libri5k
 e.g.: $0 --jobs 2 an4
Options:
  --stage <n> --stop-stage <n>   # 0 data, 1 hard students, 2 teachers, 3 labels, 4 distilled students,
                                 # 5 beam study, 6 lattices and WERs, 7 results/<name>.jsonl and RESULTS.md
  --jobs <n>                     # trainings or decoding processes at a time (2)
  --threads <n>                  # threads of each training (1)
  --beam <b> --lattice-beam <b>  # (11, 6)
  --kaldi-beams '<b> <b>'        # decode hard-label students also at these beams, as Kaldi's network was
  --systems '<names>'            # decode only these systems
  --study-beams '<b>_<b> ...'    # beams of the study (15_10 13_8 11_6)
  --cmd <cmd>                    # how to run the jobs (run.pl)"

. ./path.sh
. steps/kd/utils/parse_options.sh
set -euo pipefail

[ $# -eq 1 ] && [ -d "local/reference/$1" ] || { echo "$help_message" >&2; exit 1; }
name=$1
lists=local/reference/$name exp=exp/$name
data=data/$name/data-fmllr ali=data/$name/exp/tri3b_ali graph=data/$name/exp/tri3b/graph
export OMP_NUM_THREADS=$threads

# The names of the systems in lists.
names_of() {
  sed -s '/^#/d; s/ .*//' "$@"
}

# Trains the systems of a list, `jobs` at a time; further arguments are options of each.
train_all() {
  local list=$1
  shift
  sed '/^#/d' "$list" | while read -r system opts; do
    printf '%s\0' "steps/kd/train.sh --cmd '$cmd' --opts '$opts --num-threads $threads $*' \
      $data/tr05_multi $data/dt05_simu ${ali}_tr05_multi ${ali}_dt05_simu $exp/$system"
  done | xargs -0 -r -P "$jobs" -I{} bash -c '{}'
}

# Decodes and scores dt, then et at dt's point: decode_and_score <system> <beam> <lattice-beam>.
decode_and_score() {
  local dir=$exp/$1 suffix=_$2_$3 set tune_on=
  for set in dt05_simu et05_simu; do
    steps/kd/decode.sh --cmd "$cmd" --nj "$jobs" --beam "$2" --lattice-beam "$3" \
      "$graph" "$data/$set" "$dir/decode_$set$suffix"
    steps/kd/score.sh --cmd "$cmd" --opts "--nj $jobs" --tune-on "$tune_on" \
      "$data/$set" "$graph" "$dir/decode_$set$suffix"
    tune_on=$dir/decode_dt05_simu$suffix
  done
}

if [ "$stage" -le 0 ] && [ "$stop_stage" -ge 0 ]; then
  local/reference/prepare.sh "$name"
fi

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
  steps/kd/make_labels.sh --cmd "$cmd" --temperatures 1,2,3 "$data/tr05_multi" "$exp/teacher" "$exp/labels"
fi

if [ "$stage" -le 4 ] && [ "$stop_stage" -ge 4 ]; then
  train_all "$lists/distilled" --teacher-labels "$exp/labels"
fi

if [ "$stage" -le 5 ] && [ "$stop_stage" -ge 5 ]; then
  for beams in $study_beams; do
    dir=$exp/hard_s0/beams/decode_dt05_simu_$beams
    steps/kd/decode.sh --cmd "$cmd" --nj "$jobs" --srcdir "$exp/hard_s0" --opts "--max-utts 100" \
      --beam "${beams%_*}" --lattice-beam "${beams#*_}" "$graph" "$data/dt05_simu" "$dir"
    steps/kd/score.sh --cmd "$cmd" --opts "--nj $jobs" "$data/dt05_simu" "$graph" "$dir"
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

if [ "$stage" -le 7 ] && [ "$stop_stage" -ge 7 ]; then
  hybrid-kd collect --exp "$exp" --baseline hard_s0 --out "results/$name.jsonl" \
    --kaldi "data/$name/exp" --kaldi-searches "$lists/kaldi"
  hybrid-kd report --results results --out RESULTS.md
fi
