#!/usr/bin/env bash

# An n-gram language model (interpolated Kneser-Ney, ARPA) of a text of one sentence a line.

# Begin configuration section.
cmd=run.pl
order=3
opts=  # more options of `hybrid-kd graph lm`
# End configuration section.

help_message="Usage: $0 [options] <text> <vocab> <lm>
 e.g.: $0 data/lm_text data/vocab data/lm.arpa.gz
Options:
  --order <n>               # words of the longest n-grams (3)
  --opts '<options>'        # more options of hybrid-kd graph lm, e.g. --prune 1e-7
  --cmd <cmd>               # how to run the job: run.pl, queue.pl --mem 4G, ..."

. "$(dirname "$0")/utils/begin.sh"
expect_args 3 "$@"
text=$1 vocab=$2 lm=$3
expect_files "$text" "$vocab"

# shellcheck disable=SC2086
$cmd "$(dirname "$lm")/log/train_lm.log" \
  hybrid-kd graph lm --text "$text" --plain --vocab "$vocab" --order "$order" --out "$lm" $opts

echo "$0: made $lm"
