#!/usr/bin/env bash

# Links Kaldi's utils/ and the scripts of its steps/ into the recipe, beside steps/kd, as Kaldi's recipes have them.

help_message="Usage: $0 <kaldi-root>
 e.g.: $0 /opt/kaldi"

. steps/kd/utils/parse_options.sh
set -euo pipefail

[ $# -eq 1 ] || { echo "$help_message" >&2; exit 1; }
[[ $1 == /* ]] || { echo "$0: $1: give the absolute path" >&2; exit 1; }
wsj=$1/egs/wsj/s5
for dir in steps utils; do
  [ -d "$wsj/$dir" ] || { echo "$0: no $wsj/$dir; is $1 the root of a Kaldi checkout?" >&2; exit 1; }
done

ln -sfnT "$wsj/utils" utils
for path in "$wsj"/steps/*; do
  ln -sfnT "$path" "steps/$(basename "$path")"
done
