# shellcheck shell=bash disable=SC2034,SC2154
# CHiME-4, 1-channel track: its sets and the sizes of its systems, those of Kaldi's recipe; sourced by run.sh, whose options
# they become.
chime4=${CHIME4_ROOT:-}
wsj0=${WSJ0_ROOT:-}
cmudict=${CMUDICT:-}
channels=CH5
enhanced_dir=
train_set=tr05_multi_noisy
cv_set=dt05_multi # drives the learning rate
dev_sets="dt05_real dt05_simu"
eval_sets="et05_real et05_simu"
oov_word="<SPOKEN_NOISE>"
lm_text= # the corpus brings its language model
mono_gauss=1000
tri1_leaves=2000
tri1_gauss=10000
tri2b_leaves=2500
tri2b_gauss=15000
tri3b_leaves=2500
tri3b_gauss=15000
gmm_decode_opts= # Kaldi's beams
beam=13
lattice_beam=8

corpus_help="  --chime4 <dir>                 # CHiME-4: holds data/audio, data/annotations, data/transcriptions (CHIME4_ROOT)
  --wsj0 <dir>                   # WSJ0: holds wsj0/ (WSJ0_ROOT, else CHiME-4's data/WSJ0)
  --cmudict <file>               # cmudict.0.7a, with cmudict.0.7a.symbols beside it (CMUDICT, else that of KALDI_ROOT's egs)
  --channels '<CHn> ...'         # training audio, of CH1 to CH6 (CH5)
  --enhanced-dir <dir>           # enhanced audio (BeamformIt, BLSTM-GEV): makes <set>_enhanced of each set
  --train-set, --cv-set, --dev-sets, --eval-sets   # sets, e.g. --dev-sets 'dt05_real_enhanced dt05_simu_enhanced'
  --tri3b-leaves <n> --tri3b-gauss <n>   # and mono_gauss, tri1_*, tri2b_* of settings.sh alike: the sizes of the GMM stages"

# Names every missing input; fails if there is one.
check_corpus() {
  chime4_inputs
  local/chime4/prepare_data.sh "${inputs[@]}" --check-only true "$data"
}

prepare_corpus() {
  chime4_inputs
  run local/chime4/prepare_data.sh "${inputs[@]}" "$data"
}

# WERs in the form of Kaldi's RESULTS.
corpus_results() {
  [[ $tune_data != *dt05_real* ]] || run local/chime4/score.sh --nj "$nj" --out "$exp/RESULTS" "$exp"
}

# What the options above say, for prepare_data.sh.
chime4_inputs() {
  inputs=(--nj "$nj" --chime4 "$chime4" --wsj0 "$wsj0" --cmudict "$cmudict" --channels "$channels"
    --enhanced-dir "$enhanced_dir")
}
