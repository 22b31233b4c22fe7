# shellcheck shell=bash disable=SC2034,SC2154
# The embedded corpus: its sets and the sizes of its systems; sourced by run.sh, whose options they become.
train_set=tr05_multi
cv_set=dt05_simu # drives the learning rate
dev_sets=dt05_simu
eval_sets=et05_simu
oov_word="<UNK>"
lm_text=lm_text # its language model is trained on data/mini/lm_text
mono_gauss=1000
tri1_leaves=500
tri1_gauss=3000
tri2b_leaves=600
tri2b_gauss=4000
tri3b_leaves=600
tri3b_gauss=5000
gmm_decode_opts="--first-beam 7 --beam 8 --lattice-beam 4"
beam=8
lattice_beam=4
study=conf/paper-mini.yaml

prepare_corpus() {
  run local/mini/prepare_data.sh --nj "$nj" "$data"
}
