#!/usr/bin/env bash

# Two epochs of a teacher and of a student on a part of a reference experiment, then lattices and a WER: every stage
# in minutes on two cores. The networks are small and undertrained on purpose; their WER says that the path works.

# Begin configuration section.
cmd=run.pl
nj=2
dir=exp/demo
num_train=400  # utterances of tr05_multi
num_dev=100    # utterances of dt05_simu
# End configuration section.

help_message="Usage: $0 [options]
 e.g.: $0 --nj 4
Options:
  --dir <dir>               # where everything goes (exp/demo)
  --num-train <n>  --num-dev <n>   # utterances (400, 100)
  --nj <n>                  # decoding jobs (2)
  --cmd <cmd>               # how to run the jobs (run.pl)"

. ./path.sh
. steps/kd/utils/parse_options.sh
set -euo pipefail

shared=${HYBRID_KD_SHARED:-../shared}
if [ ! -d "$shared/kaldi-an4" ]; then
  echo "$0: the demo needs the reference experiment $shared/kaldi-an4, which is absent" >&2
  echo "  fix: set HYBRID_KD_SHARED to the directory that holds kaldi-an4" >&2
  exit 1
fi
local/reference/prepare.sh an4

# Every n-th utterance, so that all speakers and noises are met.
subset() {
  local from=$1 to=$2 num=$3
  mkdir -p "$to"
  awk -v num="$num" '{ id[NR] = $1 } END { for (i = 1; i <= num; i++) print id[int(i * NR / num)] }' \
    "$from/utt2spk" > "$to/utts"
  for file in feats.scp text utt2spk utt2dur utt2num_frames; do
    awk 'NR == FNR { keep[$1]; next } $1 in keep' "$to/utts" "$from/$file" > "$to/$file"
  done
  awk '$2 != last { printf "%s%s", sep, $2; sep = "\n"; last = $2 } { printf " %s", $1 } END { print "" }' \
    "$to/utt2spk" > "$to/spk2utt"
}

rm -rf "$dir"/{data,teacher,labels,student}
data=data/an4/data-fmllr ali=data/an4/exp/tri3b_ali graph=data/an4/exp/tri3b/graph
subset "$data/tr05_multi" "$dir/data/train" "$num_train"
subset "$data/dt05_simu" "$dir/data/dev" "$num_dev"
inputs=("$dir/data/train" "$dir/data/dev" "${ali}_tr05_multi" "${ali}_dt05_simu")

steps/kd/train.sh --cmd "$cmd" --opts "--hidden-layers 3 --activation relu --batch-norm --max-iters 2" \
  "${inputs[@]}" "$dir/teacher"
steps/kd/make_labels.sh --cmd "$cmd" --temperatures 1,2 "$dir/data/train" "$dir/teacher" "$dir/labels"
steps/kd/train.sh --cmd "$cmd" --teacher-labels "$dir/labels" \
  --opts "--hidden-layers 2 --hidden-dim 256 --activation relu --batch-norm --max-iters 2" \
  "${inputs[@]}" "$dir/student"
steps/kd/decode.sh --cmd "$cmd" --nj "$nj" --beam 11 --lattice-beam 6 "$graph" "$dir/data/dev" "$dir/student/decode"
steps/kd/score.sh --cmd "$cmd" "$dir/data/dev" "$graph" "$dir/student/decode"
