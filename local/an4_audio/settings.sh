# shellcheck shell=bash disable=SC2034,SC2154
# AN4 in noise, from its audio: its sets and the sizes of its systems, near those of the reference experiment; sourced by
# run.sh, whose options they become.
train_set=tr05_multi
cv_set=dt05_simu # drives the learning rate
dev_sets=dt05_simu
eval_sets=et05_simu
oov_word="<SPOKEN_NOISE>"
lm_text= # the corpus brings its language model
mono_gauss=1000
tri1_leaves=340
tri1_gauss=4000
tri2b_leaves=440
tri2b_gauss=6000
tri3b_leaves=440
tri3b_gauss=6000
gmm_decode_opts= # Kaldi's beams
beam=11
lattice_beam=6

prepare_corpus() {
  run local/an4_audio/prepare_data.sh --nj "$nj" "$data"
}
