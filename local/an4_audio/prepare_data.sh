#!/usr/bin/env bash

# Makes the noisy audio of the reference experiment kaldi-an4 again from AN4 and its noise recordings, with the mixing
# lists, dictionary and language model of that experiment (all under HYBRID_KD_SHARED).

# Begin configuration section.
nj=2
# End configuration section.

help_message="Usage: $0 [options] <data>
 e.g.: $0 data/an4_audio
Options:
  --nj <n>                  # processes (2)"

. ./path.sh
. steps/kd/utils/parse_options.sh
set -euo pipefail

[ $# -eq 1 ] || { echo "$help_message" >&2; exit 1; }
data=$1 shared=${HYBRID_KD_SHARED:-../shared}
for dir in audio/an4 audio/noise kaldi-an4; do
  [ -d "$shared/$dir" ] || { echo "$0: no $shared/$dir; set HYBRID_KD_SHARED to the directory that holds it" >&2; exit 1; }
done

for set in tr05_multi dt05_simu et05_simu; do
  hybrid-kd corpus remix --data "$shared/kaldi-an4/data/$set" --clean "$shared/audio/an4" \
    --noise "$shared/audio/noise" --out "$data/$set" --nj "$nj"
done
cp -rT "$shared/kaldi-an4/data/dict" "$data/dict"
cp "$shared/kaldi-an4/data/lm.arpa.gz" "$data/lm.arpa.gz"
