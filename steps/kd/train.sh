#!/usr/bin/env bash

# Trains a network on the alignments of two Kaldi data directories (training and development), with or without
# a teacher. The same call continues a training that was stopped, and does nothing if it is done.

# Begin configuration section.
cmd=run.pl
nproc=1          # processes that share the training, one a GPU
config_yaml=     # options of `hybrid-kd train`, e.g. conf/student.yaml
teacher_labels=  # what make_labels.sh wrote, of one teacher or of several; or
utt_map=         # where those are labels of other utt_ids
teacher=         # a model to run on the fly, or several
init=            # a model to start from
opts=            # more options of `hybrid-kd train`
# End configuration section.

help_message="Usage: $0 [options] <data-train> <data-dev> <ali-train> <ali-dev> <dir>
 e.g.: $0 --config-yaml conf/student.yaml --teacher-labels exp/teacher/labels_tr \\
         data-fmllr/tr data-fmllr/dt exp/tri3b_ali_tr exp/tri3b_ali_dt exp/student
Options:
  --config-yaml <file>      # options of hybrid-kd train: conf/student.yaml
  --teacher-labels '<dir> ...'   # train on these labels, of one teacher or of several, or
  --utt-map '<file> ...'    # where those are labels of other utt_ids: '<training utt_id> <label utt_id>' a line
  --teacher '<dir> ...'     # on those of this model, or these, run on the fly
  --init <dir>              # start from this model
  --opts '<options>'        # more, e.g. '--hard-weight 0.1 --temperatures 2 --seed 1'
  --nproc <n>               # so many processes on one host share the training (torchrun), one a GPU
  --cmd <cmd>               # how to run the training: run.pl, queue.pl --mem 4G, ..."

. "$(dirname "$0")/utils/begin.sh"
expect_args 5 "$@"
data_train=$1 data_dev=$2 ali_train=$3 ali_dev=$4 dir=$5

read -ra labels <<< "$teacher_labels"
read -ra maps <<< "$utt_map"
read -ra teachers <<< "$teacher"
teacher_files=("${labels[@]/%//labels.json}" "${teachers[@]/%//final.safetensors}")
for file in "${maps[@]}"; do
  [ "$file" = - ] || teacher_files+=("$file") # - is a teacher with the same utt_ids
done
expect_files "$data_train"/{feats.scp,utt2spk} "$data_dev"/{feats.scp,utt2spk} \
  "$ali_train"/{ali.1.gz,final.mdl} "$ali_dev"/{ali.1.gz,final.mdl} \
  ${config_yaml:+"$config_yaml"} ${init:+"$init/final.safetensors"} "${teacher_files[@]}"

train="hybrid-kd train"
if [ "$nproc" != 1 ]; then
  command -v torchrun > /dev/null || { echo "$0: no torchrun on the PATH; it comes with torch" >&2; exit 1; }
  train="torchrun --standalone --nproc-per-node $nproc -m hybrid_kd train"
fi
# shellcheck disable=SC2086
$cmd JOB=1:1 "$dir/log/train.JOB.log" \
  $train ${config_yaml:+--config "$config_yaml"} ${init:+--init "$init"} \
  ${teacher_labels:+--teacher-labels "${labels[@]}"} ${utt_map:+--utt-map "${maps[@]}"} \
  ${teacher:+--teacher "${teachers[@]}"} $opts \
  --train-data "$data_train" --train-ali "$ali_train" --dev-data "$data_dev" --dev-ali "$ali_dev" --out "$dir"

echo "$0: trained $dir"
