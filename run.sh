#!/usr/bin/env bash

# The whole way from a corpus to students and their WERs, without Kaldi: waveforms, MFCC, monophones, triphones,
# LDA+MLLT, speaker adaptation, HCLG, fMLLR frames, teacher, labels, students, lattices. What is finished is not done
# again, so the same call continues. What belongs to one corpus is in local/<corpus>: prepare_data.sh, settings.sh
# (sizes) and the lists of systems hard, teachers, distilled (see local/distil.sh).

# Begin configuration section.
corpus=mini
stage=0
stop_stage=99
nj=2           # processes of features, GMM stages and decoding; trainings at a time
threads=1      # of each training
data_dir=      # where data go (data/<corpus>)
exp_dir=       # where models go (exp/<corpus>)
cmd=
# End configuration section.

help_message="Usage: $0 [options]
 e.g.: $0 --corpus mini --stage 4
Options:
  --corpus <name>                # a directory of local/ (mini)
  --stage <n> --stop-stage <n>   # 0 corpus, 1 MFCC, 2 lexicon and language model, 3 monophones, 4 triphones,
                                 # 5 LDA+MLLT, 6 speaker-adapted, 7 HCLG, 8 alignments and first-pass decoding,
                                 # 9 fMLLR frames, 10 hard-label students, 11 teachers, 12 labels, 13 distilled
                                 # students, 14 lattices and WERs, 15 tables
  --nj <n>                       # processes (2)
  --threads <n>                  # threads of each training (1)
  --data-dir <dir> --exp-dir <dir>   # (data/<corpus>, exp/<corpus>)
  --cmd <cmd>                    # how to run the jobs (train_cmd of cmd.sh)"

. ./cmd.sh
. ./path.sh
cmd=$train_cmd
. steps/kd/utils/parse_options.sh
set -euo pipefail

[ $# -eq 0 ] || { echo "$help_message" >&2; exit 1; }
for file in prepare_data.sh settings.sh hard teachers distilled; do
  [ -f "local/$corpus/$file" ] || { echo "$0: no corpus '$corpus': no such file local/$corpus/$file" >&2; exit 1; }
done
data=${data_dir:-data/$corpus} exp=${exp_dir:-exp/$corpus}
# shellcheck source=local/mini/settings.sh
. "local/$corpus/settings.sh"
sets="$train_set $dev_set $eval_sets"
mkdir -p "$exp"

# Says and runs one stage, and how many seconds it took: stage <number> <what> <command>.
stage() {
  local number=$1 what=$2 start
  shift 2
  if [ "$stage" -gt "$number" ] || [ "$stop_stage" -lt "$number" ]; then return; fi
  echo "stage $number: $what"
  start=$(date +%s)
  "$@"
  echo "$number $(($(date +%s) - start)) $what" >> "$exp/stage_seconds"
  echo "stage $number: $(($(date +%s) - start)) s"
}

prepare_corpus() {
  "local/$corpus/prepare_data.sh" --nj "$nj" "$data"
}

make_mfcc() {
  local set
  for set in $sets; do
    hybrid-kd features --data "$data/$set" --out "$data/mfcc/$set" --nj "$nj"
  done
}

make_language() {
  hybrid-kd graph lang --dict "$data/dict" --oov-word "$oov_word" --out "$data/lang"
  if [ -f "$data/lm_text" ]; then # else the corpus brings its language model
    hybrid-kd graph lm --text "$data/lm_text" --plain --vocab "$data/vocab" --out "$data/lm.arpa.gz"
  fi
}

train_mono() {
  hybrid-kd gmm mono --data "$mfcc_train" --lang "$data/lang" --out "$exp/mono" --num-gauss "$mono_gauss" --nj "$nj"
}

# align_and_train <command> <from> <to> <leaves> <Gaussians>
align_and_train() {
  hybrid-kd gmm align --data "$mfcc_train" --lang "$data/lang" --model "$exp/$2" --out "$exp/$2_ali" --nj "$nj"
  hybrid-kd gmm "$1" --data "$mfcc_train" --lang "$data/lang" --ali "$exp/$2_ali" --out "$exp/$3" \
    --num-leaves "$4" --num-gauss "$5" --nj "$nj"
}

make_graph() {
  hybrid-kd graph hclg --lang "$data/lang" --lm "$data/lm.arpa.gz" --model "$exp/tri3b" --out "$exp/tri3b/graph"
}

align_and_decode() {
  local set tune_on=
  for set in $train_set $dev_set; do
    hybrid-kd gmm align --data "$data/mfcc/$set" --lang "$data/lang" --model "$exp/tri3b" \
      --out "$exp/tri3b_ali_$set" --nj "$nj"
  done
  for set in $dev_set $eval_sets; do
    # shellcheck disable=SC2086
    hybrid-kd gmm decode-fmllr --data "$data/mfcc/$set" --graph "$exp/tri3b/graph" --model "$exp/tri3b" \
      --out "$exp/tri3b/decode_$set" --nj "$nj" $gmm_decode_opts
    hybrid-kd score --data "$data/mfcc/$set" --graph "$exp/tri3b/graph" "$exp/tri3b/decode_$set" --nj "$nj" \
      ${tune_on:+--tune-on "$tune_on"}
    tune_on=$exp/tri3b/decode_$dev_set
  done
}

# The training set's transforms come from its alignment, those of the others from their decoding.
make_fmllr() {
  local set transforms
  for set in $sets; do
    transforms=$exp/tri3b/decode_$set
    [ "$set" != "$train_set" ] || transforms=$exp/tri3b_ali_$set
    hybrid-kd features --data "$data/mfcc/$set" --gmm "$exp/tri3b" --transforms "$transforms" \
      --out "$data/fmllr/$set" --nj "$nj"
  done
}

# distil <first-stage> <last-stage> of local/distil.sh
distil() {
  # shellcheck disable=SC2086
  local/distil.sh --stage "$1" --stop-stage "$2" --jobs "$nj" --threads "$threads" --cmd "$cmd" \
    --train-set "$train_set" --dev-set "$dev_set" --eval-sets "$eval_sets" --study-beams "" $distil_opts \
    "$data/fmllr" "$exp/tri3b_ali" "$exp/tri3b/graph" "local/$corpus" "$exp"
}

make_tables() {
  hybrid-kd collect --exp "$exp" --baseline "$baseline" --out "$exp/results/$corpus.jsonl"
  hybrid-kd report --results "$exp/results" --out "$exp/RESULTS.md"
  sed -n '/^### Word error rates/,$p' "$exp/RESULTS.md"
}

mfcc_train=$data/mfcc/$train_set

stage 0 "corpus" prepare_corpus
stage 1 "MFCC" make_mfcc
stage 2 "lexicon and language model" make_language
stage 3 "monophones" train_mono
stage 4 "triphones" align_and_train deltas mono tri1 "$tri1_leaves" "$tri1_gauss"
stage 5 "LDA+MLLT" align_and_train lda-mllt tri1 tri2b "$tri2b_leaves" "$tri2b_gauss"
stage 6 "speaker-adapted" align_and_train sat tri2b tri3b "$tri3b_leaves" "$tri3b_gauss"
stage 7 "HCLG" make_graph
stage 8 "alignments and first-pass decoding" align_and_decode
stage 9 "fMLLR frames" make_fmllr
stage 10 "hard-label students" distil 1 1
stage 11 "teachers" distil 2 2
stage 12 "labels" distil 3 3
stage 13 "distilled students" distil 4 4
stage 14 "lattices and WERs" distil 6 6
stage 15 "tables" make_tables
