# shellcheck shell=bash disable=SC2034
# The embedded corpus: the sizes of its systems; sourced by run.sh.
train_set=tr05_multi
dev_set=dt05_simu
eval_sets=et05_simu
oov_word="<UNK>"
mono_gauss=1000
tri1_leaves=500  tri1_gauss=3000
tri2b_leaves=600 tri2b_gauss=4000
tri3b_leaves=600 tri3b_gauss=5000
gmm_decode_opts="--first-beam 9 --beam 10 --lattice-beam 5"
baseline=hard_s0
distil_opts="--beam 8 --lattice-beam 4"
