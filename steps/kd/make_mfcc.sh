#!/usr/bin/env bash

# MFCC and per-speaker CMVN statistics of a data directory's audio, as a new data directory.

# Begin configuration section.
cmd=run.pl
nj=4
mfcc_config=conf/mfcc.conf
opts=  # more options of `hybrid-kd features`
# End configuration section.

help_message="Usage: $0 [options] <data> <new-data>
 e.g.: $0 --nj 8 data/tr data/mfcc/tr
Options:
  --nj <n>                  # processes (4)
  --mfcc-config <file>      # (conf/mfcc.conf)
  --opts '<options>'        # more options of hybrid-kd features, e.g. --allow-pipes
  --cmd <cmd>               # how to run the job: run.pl, queue.pl --mem 4G, ..."

. "$(dirname "$0")/utils/begin.sh"
expect_args 2 "$@"
data=$1 new_data=$2
expect_files "$data"/{wav.scp,utt2spk} "$mfcc_config"

# shellcheck disable=SC2086
$cmd --num-threads "$nj" "$new_data/log/make_mfcc.log" \
  hybrid-kd features --data "$data" --out "$new_data" --mfcc-config "$mfcc_config" --nj "$nj" $opts

echo "$0: made $new_data"
