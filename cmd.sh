# shellcheck shell=bash disable=SC2034
# How jobs are run: here (run.pl, Kaldi's or that of steps/kd/utils), or on a cluster with Kaldi's
# queue.pl / slurm.pl, e.g. train_cmd="queue.pl --mem 4G" and cuda_cmd="queue.pl --gpu 1 --mem 8G".
train_cmd=run.pl
decode_cmd=run.pl
cuda_cmd=run.pl
