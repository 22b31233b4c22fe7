#!/usr/bin/env bash

# A lang directory (phones, words, topology, lexicon transducers) of a dictionary directory, as Kaldi's prepare_lang.sh.

# Begin configuration section.
cmd=run.pl
opts=  # more options of `hybrid-kd graph lang`
# End configuration section.

help_message="Usage: $0 [options] <dict> <oov-word> <lang>
 e.g.: $0 data/dict '<UNK>' data/lang
Options:
  --opts '<options>'        # more options of hybrid-kd graph lang
  --cmd <cmd>               # how to run the job: run.pl, queue.pl --mem 4G, ..."

. "$(dirname "$0")/utils/begin.sh"
expect_args 3 "$@"
dict=$1 oov_word=$2 lang=$3
expect_files "$dict"/{silence_phones,nonsilence_phones,optional_silence}.txt

# shellcheck disable=SC2086
$cmd "$(dirname "$lang")/log/prepare_$(basename "$lang").log" \
  hybrid-kd graph lang --dict "$dict" --oov-word "'$oov_word'" --out "$lang" $opts

echo "$0: made $lang"
