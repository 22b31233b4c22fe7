#!/usr/bin/env bash

# Makes the embedded corpus: Kaldi data directories of noisy speech, a dictionary, text for the language model.

# Begin configuration section.
nj=2
opts=     # more options of `hybrid-kd corpus mini`
# End configuration section.

help_message="Usage: $0 [options] <data>
 e.g.: $0 data/mini
Options:
  --nj <n>                  # processes (2)
  --opts '<options>'        # e.g. '--seed 1 --test-environments 4'"

. ./path.sh
. steps/kd/utils/parse_options.sh
set -euo pipefail

[ $# -eq 1 ] || { echo "$help_message" >&2; exit 1; }
data=$1

# shellcheck disable=SC2086
hybrid-kd corpus mini --out "$data" --nj "$nj" $opts

# The words to be recognised: all but those of noises and of what is not in the dictionary.
cut -d ' ' -f 1 "$data/dict/lexicon.txt" | grep -v '^[!<]' | sort -u > "$data/vocab"
