#!/usr/bin/env bash

# The whole way from a corpus to students and their WERs: waveforms, MFCC, monophones, triphones, LDA+MLLT, speaker
# adaptation, HCLG, fMLLR frames, teacher, labels, students, lattices, a study, its report. The GMM stages and the decoding are
# Kaldi's or those of hybrid_kd. With --from-kaldi-exp it begins with the teacher, on a finished Kaldi experiment. What is
# finished is not done again, so the same call continues. What belongs to one corpus is in local/<corpus>: prepare_data.sh,
# settings.sh and the lists of systems teachers, hard, distilled.

# Begin configuration section.
corpus=mini
from_kaldi_exp=false
dry_run=false
stage=0
stop_stage=99
nj=2               # processes of features, GMM stages and decoding; trainings at a time
threads=1          # of each training
kaldi_root=        # a Kaldi that is installed (KALDI_ROOT)
gmm=embedded       # the GMM stages: kaldi or embedded
decoder=auto       # of the networks: kaldi (latgen-faster-mapped), embedded, or auto
data_dir=          # where data go (data/<corpus>)
exp_dir=           # where models go (exp/<corpus>)
systems=           # lists of systems (local/<corpus>)
label_temperatures=1,2,3 # that the label store plans for
study=             # grid of further students (conf/paper.yaml); none: those of the lists are all
side_by_side=8     # students of the study that train together
beam=13            # of the networks, as the next two; a corpus may have its own
lattice_beam=8
acoustic_scale=0.1
train_data=        # this and the next are for --from-kaldi-exp
train_ali=
dev_data=
dev_ali=
tune_data=
eval_data=
graph=
only=              # "hard_s0 si_0.5": lattices and WERs of these systems alone
cmd=
cuda_cmd=
# End configuration section.

help_message="Usage: $0 [options]
 e.g.: $0 --corpus mini --stage 4
       $0 --corpus chime4 --kaldi-root /opt/kaldi --gmm kaldi --chime4 /corpora/CHiME4 --wsj0 /corpora/wsj0
       $0 --from-kaldi-exp --train-data data-fmllr-tri3b/tr --train-ali exp/tri3b_ali_tr \\
         --dev-data data-fmllr-tri3b/dt --dev-ali exp/tri3b_ali_dt --eval-data data-fmllr-tri3b/et \\
         --graph exp/tri3b/graph --exp-dir exp/kd
Options:
  --corpus <name>                # a directory of local/ (mini)
  --stage <n> --stop-stage <n>   # 0 corpus, 1 MFCC, 2 lexicon and language model, 3 monophones, 4 triphones,
                                 # 5 LDA+MLLT, 6 speaker-adapted, 7 HCLG, 8 alignments and first-pass decoding,
                                 # 9 fMLLR frames, 10 teachers, 11 labels, 12 students, 13 lattices, 14 WERs,
                                 # 15 study, 16 tables and report
  --dry-run                      # print the commands, run nothing
  --nj <n>                       # processes (2); with --gmm kaldi no more than a set has speakers
  --threads <n>                  # threads of each training (1)
  --kaldi-root <dir>             # a Kaldi that is installed (the environment's KALDI_ROOT)
  --gmm kaldi|embedded           # whose GMM stages (embedded)
  --decoder kaldi|embedded|auto  # of the networks (auto: latgen-faster-mapped where it is on the PATH)
  --beam <b> --lattice-beam <b> --acoustic-scale <s>   # of the networks (13, 8, 0.1, or the corpus' own)
  --data-dir <dir> --exp-dir <dir>   # (data/<corpus>, exp/<corpus>)
  --systems <dir>                # the lists of systems teachers, hard, distilled (local/<corpus>)
  --only '<names>'               # lattices and WERs of these systems alone (all)
  --label-temperatures <t>,<t>   # that the label store plans for, those of the study among them (1,2,3)
  --study <file>                 # grid of further students, as conf/paper.yaml; what the lists' stages finished is not
                                 # done again (the corpus' own, or none)
  --side-by-side <n>             # students of the study that train together on the same minibatches (8)
  --cmd <cmd> --cuda-cmd <cmd>   # how to run jobs, and trainings (train_cmd and cuda_cmd of cmd.sh)
On a finished Kaldi experiment (stages 10 to 16; the systems are those of local/chime4 unless --systems names others):
  --from-kaldi-exp
  --train-data <dir> --train-ali <dir>   # fMLLR features (feats.scp) and alignments (ali.N.gz, final.mdl)
  --dev-data <dir> --dev-ali <dir>       # these drive the learning rate
  --tune-data '<dir> ...'        # decoded; LM weight and penalty are chosen on all of them together (--dev-data)
  --eval-data '<dir> ...'        # decoded, scored at that point (none)
  --graph <dir>                  # HCLG.fst (or .gz, .xz) and words.txt"

# Flags without a value, and the corpus whose settings are options too.
args=()
while [ $# -gt 0 ]; do
  args+=("$1")
  case $1 in
    --from-kaldi-exp | --dry-run) [[ ${2:-} = true || ${2:-} = false ]] || args+=(true) ;;
    --corpus) corpus=${2:-} ;;
  esac
  shift
done
[[ " ${args[*]} " != *" --from-kaldi-exp true "* || " ${args[*]} " == *" --corpus "* ]] || corpus=chime4
[ -f "local/$corpus/settings.sh" ] \
  || { echo "$0: no corpus '$corpus': no such file local/$corpus/settings.sh" >&2; exit 1; }
# shellcheck source=local/mini/settings.sh
. "local/$corpus/settings.sh"

[ -z "${corpus_help:-}" ] || help_message+="
Of this corpus:
$corpus_help"

. ./cmd.sh
cmd=$train_cmd
set -- "${args[@]}"
. steps/kd/utils/parse_options.sh
[ -z "$kaldi_root" ] || export KALDI_ROOT=$kaldi_root
. ./path.sh
. local/dry_run.sh
set -euo pipefail
[ $# -eq 0 ] || { echo "$help_message" >&2; exit 1; }

# Names as paths: in_dir <dir>/<prefix> '<name> <name>'
in_dir() {
  local name paths=()
  for name in $2; do paths+=("$1$name"); done
  echo "${paths[*]}"
}

data=${data_dir:-data/$corpus} exp=${exp_dir:-exp/$corpus} systems=${systems:-local/$corpus}
if $from_kaldi_exp; then
  exp=${exp_dir:-exp/kd}
  [ "$stage" -ge 10 ] || stage=10
else
  train_data=$data/fmllr/$train_set train_ali=$exp/tri3b_ali_$train_set graph=$exp/tri3b/graph
  dev_data=$data/fmllr/$cv_set dev_ali=$exp/tri3b_ali_$cv_set
  tune_data=$(in_dir "$data/fmllr/" "$dev_sets") eval_data=$(in_dir "$data/fmllr/" "$eval_sets")
fi

results=$exp/results/$(basename "$exp").jsonl # one line a finished system

# Every missing input is named before any work starts.
complaints=()
expect() {
  local file
  for file in "$@"; do
    [ -f "$file" ] || complaints+=("no such file $file")
  done
}
expect "$systems"/{teachers,hard,distilled} ${study:+"$study"}
[[ $gmm = kaldi || $gmm = embedded ]] || complaints+=("--gmm $gmm: give kaldi or embedded")
if [ "$gmm" = kaldi ] && ! $from_kaldi_exp && [ ! -d "${KALDI_ROOT:-/nowhere}/egs/wsj/s5/steps" ]; then
  complaints+=("--gmm kaldi: no egs/wsj/s5/steps in KALDI_ROOT '${KALDI_ROOT:-}'; give --kaldi-root")
fi
if [ "$decoder" = kaldi ] && ! command -v latgen-faster-mapped > /dev/null; then
  complaints+=("--decoder kaldi: no latgen-faster-mapped on the PATH; give --kaldi-root")
fi
if $from_kaldi_exp; then
  for name in train_data train_ali dev_data dev_ali graph; do
    [ -n "${!name}" ] || complaints+=("--from-kaldi-exp needs --${name/_/-}")
  done
  for dir in $train_data $dev_data $tune_data $eval_data; do expect "$dir"/{feats.scp,utt2spk}; done
  for dir in $train_ali $dev_ali; do expect "$dir"/{ali.1.gz,final.mdl}; done
  if [ -n "$graph" ]; then
    expect "$graph/words.txt"
    [ -n "$(compgen -G "$graph/HCLG.fst*")" ] || complaints+=("no $graph/HCLG.fst, .gz or .xz")
  fi
elif [ "$stage" -le 0 ] && ! $dry_run && declare -F check_corpus > /dev/null; then
  check_corpus || complaints+=("local/$corpus lacks what is named above")
fi
if [ "${#complaints[@]}" -gt 0 ]; then
  printf "$0: %s\n" "${complaints[@]}" >&2
  exit 1
fi

# Says and runs one stage, and how many seconds it took: stage <number> <what> <command>.
stage() {
  local number=$1 what=$2 start
  shift 2
  if [ "$stage" -gt "$number" ] || [ "$stop_stage" -lt "$number" ]; then return; fi
  echo "stage $number: $what"
  start=$(date +%s)
  "$@"
  $dry_run || echo "$number $(($(date +%s) - start)) $what" >> "$exp/stage_seconds"
  $dry_run || echo "stage $number: $(($(date +%s) - start)) s"
}

# distil <stage of local/distil.sh>
distil() {
  local/distil.sh --stage "$1" --stop-stage "$1" --dry-run "$dry_run" --jobs "$nj" --threads "$threads" \
    --cmd "$cmd" --cuda-cmd "$cuda_cmd" --decoder "$decoder" --beam "$beam" --lattice-beam "$lattice_beam" \
    --acoustic-scale "$acoustic_scale" --only "$only" --temperatures "$label_temperatures" \
    --tune-data "$tune_data" --eval-data "$eval_data" \
    "$train_data" "$train_ali" "$dev_data" "$dev_ali" "$graph" "$systems" "$exp"
}

# The systems of a grid. Lattices stay, since those of the stages before are among them; run.pl is how it runs jobs anyway.
run_study() {
  local on_cluster=()
  [ -n "$study" ] || { echo "no --study is given"; return; }
  [ "$cuda_cmd" = run.pl ] || on_cluster=(--cmd "$cuda_cmd")
  # shellcheck disable=SC2086
  run hybrid-kd sweep --config "$study" --exp "$exp" --results "$results" --jobs "$nj" --threads "$threads" \
    --side-by-side "$side_by_side" --keep-lattices --teacher "$exp/teacher" --labels "$exp/labels" \
    --train-data "$train_data" --train-ali "$train_ali" --dev-data "$dev_data" --dev-ali "$dev_ali" --graph "$graph" \
    --tune-data ${tune_data:-$dev_data} --eval-data $eval_data --decoder "$decoder" --beam "$beam" \
    --lattice-beam "$lattice_beam" --acoustic-scale "$acoustic_scale" "${on_cluster[@]}"
}

make_tables() {
  run hybrid-kd collect --exp "$exp" --baseline "$(sed '/^#/d; s/ .*//; q' "$systems/hard")" --out "$results"
  run hybrid-kd report --results "$exp/results" --out "$exp/RESULTS.md"
  $dry_run || sed -n '/^### Word error rates/,$p' "$exp/RESULTS.md"
  if declare -F corpus_results > /dev/null; then corpus_results; fi
  if [ -n "$study" ] || grep -q '^[^#]' "$systems/distilled"; then
    run hybrid-kd report --results "$results" --out "$exp/report"
    $dry_run || echo "figures, and which of the paper's claims hold here: $exp/report/index.html"
  fi
}

$dry_run || mkdir -p "$exp"
. local/gmm.sh

stage 0 "corpus" prepare_corpus
stage 1 "MFCC" make_mfcc
stage 2 "lexicon and language model" make_language
stage 3 "monophones" train_mono
stage 4 "triphones" train_triphones deltas mono tri1 "$tri1_leaves" "$tri1_gauss"
stage 5 "LDA+MLLT" train_triphones lda-mllt tri1 tri2b "$tri2b_leaves" "$tri2b_gauss"
stage 6 "speaker-adapted" train_triphones sat tri2b tri3b "$tri3b_leaves" "$tri3b_gauss"
stage 7 "HCLG" make_graph
stage 8 "alignments and first-pass decoding" align_and_decode
stage 9 "fMLLR frames" make_fmllr
stage 10 "teachers" distil 1
stage 11 "labels" distil 2
stage 12 "students" distil 3
stage 13 "lattices" distil 4
stage 14 "WERs" distil 5
stage 15 "study" run_study
stage 16 "tables and report" make_tables
