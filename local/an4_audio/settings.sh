# shellcheck shell=bash disable=SC2034
# AN4 in noise, from its audio: the sizes of its systems, near those of the reference experiment; sourced by run.sh.
train_set=tr05_multi
dev_set=dt05_simu
eval_sets=et05_simu
oov_word="<SPOKEN_NOISE>"
mono_gauss=1000
tri1_leaves=340  tri1_gauss=4000
tri2b_leaves=440 tri2b_gauss=6000
tri3b_leaves=440 tri3b_gauss=6000
gmm_decode_opts= # Kaldi's beams
baseline=hard_s0
distil_opts="--beam 11 --lattice-beam 6"
