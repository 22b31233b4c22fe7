#!/usr/bin/env bash

# How far our alignment, transforms and decoding agree with Kaldi's when both use Kaldi's own speaker-adapted system of
# kaldi-an4, on the same audio (Kaldi's features were dithered). Needs stages 0 and 1 of run.sh --corpus an4_audio.

# Begin configuration section.
nj=2
data=data/an4_audio
exp=exp/an4_audio/kaldi_tri3b
set=dt05_simu
# End configuration section.

help_message="Usage: $0 [options]
 e.g.: $0 --nj 4
Options:
  --nj <n>                       # processes (2)
  --data <dir> --exp <dir>       # (data/an4_audio, exp/an4_audio/kaldi_tri3b)
  --set <set>                    # (dt05_simu)"

. ./path.sh
. steps/kd/utils/parse_options.sh
set -euo pipefail

kaldi=${HYBRID_KD_SHARED:-../shared}/kaldi-an4
for file in "$data/mfcc/$set/feats.scp" "$kaldi/exp/tri3b/final.mdl"; do
  [ -f "$file" ] || { echo "$0: no such file $file" >&2; exit 1; }
done
local/reference/prepare.sh an4 # Kaldi's data directories, with paths that are right from here

hybrid-kd gmm align --data "$data/mfcc/$set" --lang "$kaldi/data/lang_test" --model "$kaldi/exp/tri3b" \
  --out "$exp/ali_$set" --nj "$nj"
hybrid-kd gmm decode-fmllr --data "$data/mfcc/$set" --graph "$kaldi/exp/tri3b/graph" --model "$kaldi/exp/tri3b" \
  --out "$exp/decode_$set" --nj "$nj"
hybrid-kd score --data "$data/mfcc/$set" --graph "$kaldi/exp/tri3b/graph" "$exp/decode_$set" --nj "$nj"
hybrid-kd features --data "$data/mfcc/$set" --gmm "$kaldi/exp/tri3b" --transforms "$exp/decode_$set" \
  --out "$data/kaldi_fmllr/$set" --nj "$nj"
python local/an4_audio/agreement.py "$exp/ali_$set" "$kaldi/exp/tri3b_ali_$set" \
  "$data/kaldi_fmllr/$set" "data/an4/data-fmllr/$set"
