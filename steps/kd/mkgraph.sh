#!/usr/bin/env bash

# The decoding graph HCLG of a lang directory, a language model and an acoustic model.

# Begin configuration section.
cmd=run.pl
opts=  # more options of `hybrid-kd graph hclg`
# End configuration section.

help_message="Usage: $0 [options] <lang> <lm> <model-dir> <graph-dir>
 e.g.: $0 data/lang data/lm.arpa.gz exp/tri3b exp/tri3b/graph
Options:
  --opts '<options>'        # more options of hybrid-kd graph hclg
  --cmd <cmd>               # how to run the job: run.pl, queue.pl --mem 4G, ..."

. "$(dirname "$0")/utils/begin.sh"
expect_args 4 "$@"
lang=$1 lm=$2 model=$3 graph=$4
expect_files "$lang"/{phones.txt,words.txt,L_disambig.fst} "$lm" "$model"/{final.mdl,tree}

# shellcheck disable=SC2086
$cmd "$model/log/mkgraph.log" \
  hybrid-kd graph hclg --lang "$lang" --lm "$lm" --model "$model" --out "$graph" $opts

echo "$0: made $graph"
