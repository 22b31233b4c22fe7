#!/usr/bin/env bash

# Makes Kaldi data directories of CHiME-4 (1-channel track), the dictionary and the language model of its recipe:
# <data>/{tr05_multi_noisy,{dt05,et05}_{real,simu,multi}}, <data>/dict and <data>/lm.arpa.gz. With enhanced audio also
# <data>/{tr05_multi,{dt05,et05}_{real,simu,multi}}_enhanced. The audio stays where it is.

# Begin configuration section.
nj=2          # as every corpus takes it; this one has nothing to share out
chime4=
wsj0=
cmudict=
channels=CH5
enhanced_dir=
check_only=false
# End configuration section.

help_message="Usage: $0 [options] --chime4 <dir> <data>
 e.g.: $0 --chime4 /corpora/CHiME4 --wsj0 /corpora/WSJ0 --cmudict /corpora/cmudict/cmudict.0.7a data/chime4
Options:
  --chime4 <dir>                 # CHiME-4: holds data/audio, data/annotations, data/transcriptions
  --wsj0 <dir>                   # WSJ0: holds wsj0/ (CHiME-4's data/WSJ0)
  --cmudict <file>               # cmudict.0.7a, with cmudict.0.7a.symbols beside it (that of KALDI_ROOT's egs)
  --channels '<CHn> ...'         # training audio, of CH1 to CH6; of several, each is a speaker of its own (CH5)
  --enhanced-dir <dir>           # enhanced audio: directories dt05_bus_real, ..., tr05_str_simu of <name>.wav
  --check-only true              # only look whether all inputs are there
  --nj <n>                       # (2)"

. ./path.sh
. steps/kd/utils/parse_options.sh
set -euo pipefail

[ $# -eq 1 ] && [ "$nj" -gt 0 ] || { echo "$help_message" >&2; exit 1; }
opts=()
! $check_only || opts+=(--check-only)

python -m local.chime4.prepare --chime4 "$chime4" --wsj0 "$wsj0" --cmudict "$cmudict" --channels "$channels" \
  --enhanced-dir "$enhanced_dir" --out "$1" "${opts[@]}"
