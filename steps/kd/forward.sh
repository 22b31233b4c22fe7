#!/usr/bin/env bash

# Writes the log-likelihoods (logits - log prior) of a data directory: loglikes.JOB.ark, and one loglikes.scp.

# Begin configuration section.
cmd=run.pl
nj=4
opts=  # more options of `hybrid-kd forward`
# End configuration section.

help_message="Usage: $0 [options] <data> <model-dir> <dir>
 e.g.: $0 --nj 8 data-fmllr/dt exp/student exp/student/loglikes_dt
Options:
  --nj <n>                  # jobs, each with its share of the utterances (4)
  --opts '<options>'        # more options of hybrid-kd forward
  --cmd <cmd>               # how to run the jobs: run.pl, queue.pl --mem 4G, ..."

echo "$0 $*"
[ ! -f ./path.sh ] || . ./path.sh
PATH=$PATH:$PWD/utils:$(dirname "$0")/utils # Kaldi's utils/, else our own run.pl and parse_options.sh
. parse_options.sh || exit 1
set -euo pipefail

[ $# -eq 3 ] || { echo "$help_message" >&2; exit 1; }
data=$1 model=$2 dir=$3

command -v hybrid-kd > /dev/null || { echo "$0: no hybrid-kd on the PATH; pip install it" >&2; exit 1; }
for file in "$data"/{feats.scp,utt2spk} "$model"/{final.safetensors,ali_train_pdf.counts}; do
  [ -f "$file" ] || { echo "$0: no such file $file" >&2; exit 1; }
done

# shellcheck disable=SC2086
$cmd JOB=1:"$nj" "$dir/log/forward.JOB.log" \
  hybrid-kd forward --model "$model" --data "$data" --nj "$nj" --job JOB $opts \
  "ark,scp:$dir/loglikes.JOB.ark,$dir/loglikes.JOB.scp"

for ((job = 1; job <= nj; job++)); do
  cat "$dir/loglikes.$job.scp"
done > "$dir/loglikes.scp"
echo "$0: wrote $dir/loglikes.scp"
