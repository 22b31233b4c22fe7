# shellcheck shell=bash disable=SC2154
# Sourced by run.sh: its stages from waveforms to fMLLR frames, by Kaldi's scripts (linked into steps/ and utils/) or by those
# of steps/kd, which take the same arguments where they do the same.

mfcc=$data/mfcc lang=$data/lang gmm_steps=steps/kd
if [ "$gmm" = kaldi ] && ! $from_kaldi_exp; then
  gmm_steps=steps
  run local/link_kaldi.sh "$KALDI_ROOT"
fi

# Words, each once, a line each.
unique() {
  printf '%s\n' "$@" | awk '!seen[$0]++'
}

# shellcheck disable=SC2086
mapfile -t all_sets < <(unique $train_set $cv_set $dev_sets $eval_sets)

make_mfcc() {
  local set
  for set in "${all_sets[@]}"; do
    if [ "$gmm" = kaldi ]; then
      run utils/copy_data_dir.sh "$data/$set" "$mfcc/$set"
      run steps/make_mfcc.sh --nj "$nj" --cmd "$cmd" --mfcc-config conf/mfcc.conf "$mfcc/$set"
      run steps/compute_cmvn_stats.sh "$mfcc/$set"
    else
      run steps/kd/make_mfcc.sh --nj "$nj" --cmd "$cmd" "$data/$set" "$mfcc/$set"
    fi
  done
}

make_language() {
  if [ "$gmm" = kaldi ]; then
    run utils/prepare_lang.sh "$data/dict" "$oov_word" "$data/lang_tmp" "$lang"
  else
    run steps/kd/prepare_lang.sh --cmd "$cmd" "$data/dict" "$oov_word" "$lang"
  fi
  if [ "${lm_text:-}" ]; then # else the corpus brings its language model
    run steps/kd/train_lm.sh --cmd "$cmd" "$data/$lm_text" "$data/vocab" "$data/lm.arpa.gz"
  fi
}

train_mono() {
  run "$gmm_steps/train_mono.sh" --nj "$nj" --cmd "$cmd" --boost-silence 1.25 --totgauss "$mono_gauss" \
    "$mfcc/$train_set" "$lang" "$exp/mono"
}

# train_triphones <deltas|lda-mllt|sat> <from> <to> <leaves> <Gaussians>
train_triphones() {
  local kind=$1 from=$exp/$2 to=$exp/$3 sizes=("$4" "$5") trainer=(steps/kd/train_triphones.sh --nj "$nj" --kind "$1")
  align si "$mfcc/$train_set" "$from" "${from}_ali"
  [ "$gmm" = embedded ] || trainer=("steps/train_${kind/-/_}.sh")
  run "${trainer[@]}" --cmd "$cmd" "${sizes[@]}" "$mfcc/$train_set" "$lang" "${from}_ali" "$to"
}

# align <si|fmllr> <data> <model> <ali>
align() {
  local script=steps/kd/align.sh
  [ "$gmm" = embedded ] || script=steps/align_$1.sh
  run "$script" --nj "$nj" --cmd "$cmd" "$2" "$lang" "$3" "$4"
}

make_graph() {
  if [ "$gmm" = kaldi ]; then
    run utils/format_lm.sh "$lang" "$data/lm.arpa.gz" "$data/dict/lexicon.txt" "${lang}_test"
    run utils/mkgraph.sh "${lang}_test" "$exp/tri3b" "$graph"
  else
    run steps/kd/mkgraph.sh --cmd "$cmd" "$lang" "$data/lm.arpa.gz" "$exp/tri3b" "$graph"
  fi
}

# Alignments of what drives the training, first-pass lattices and transforms of what is decoded.
align_and_decode() {
  local set tune_on="" more=(--opts "$gmm_decode_opts")
  [ "$gmm" = embedded ] || more=(--skip-scoring true)
  for set in $(unique "$train_set" "$cv_set"); do
    align fmllr "$mfcc/$set" "$exp/tri3b" "$exp/tri3b_ali_$set"
  done
  for set in $dev_sets $eval_sets; do
    run "$gmm_steps/decode_fmllr.sh" --nj "$nj" --cmd "$cmd" "${more[@]}" "$graph" "$mfcc/$set" "$exp/tri3b/decode_$set"
  done
  for set in $dev_sets $eval_sets; do
    [ "$dev_sets" = "$set" ] || tune_on=$(in_dir "$exp/tri3b/decode_" "$dev_sets")
    run steps/kd/score.sh --cmd "$cmd" --opts "--nj $nj" --tune-on "$tune_on" \
      "$mfcc/$set" "$graph" "$exp/tri3b/decode_$set"
  done
}

# Transforms come from the decoding of a set where there is one, else from its alignment.
make_fmllr() {
  local set transforms
  for set in "${all_sets[@]}"; do
    transforms=$exp/tri3b_ali_$set
    [[ " $dev_sets $eval_sets " != *" $set "* ]] || transforms=$exp/tri3b/decode_$set
    if [ "$gmm" = kaldi ]; then
      run steps/nnet/make_fmllr_feats.sh --nj "$nj" --cmd "$cmd" --transform-dir "$transforms" \
        "$data/fmllr/$set" "$mfcc/$set" "$exp/tri3b" "$data/fmllr/$set/log" "$data/fmllr/$set/data"
    else
      run steps/kd/make_fmllr_feats.sh --nj "$nj" --cmd "$cmd" --transform-dir "$transforms" \
        "$data/fmllr/$set" "$mfcc/$set" "$exp/tri3b"
    fi
  done
}
