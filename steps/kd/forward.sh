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

. "$(dirname "$0")/utils/begin.sh"
expect_args 3 "$@"
data=$1 model=$2 dir=$3

expect_files "$data"/{feats.scp,utt2spk} "$model"/{final.safetensors,ali_train_pdf.counts}

# shellcheck disable=SC2086
$cmd JOB=1:"$nj" "$dir/log/forward.JOB.log" \
  hybrid-kd forward --model "$model" --data "$data" --nj "$nj" --job JOB $opts \
  "ark,scp:$dir/loglikes.JOB.ark,$dir/loglikes.JOB.scp"

for ((job = 1; job <= nj; job++)); do
  cat "$dir/loglikes.$job.scp"
done > "$dir/loglikes.scp"
echo "$0: wrote $dir/loglikes.scp"
