#!/usr/bin/env bash

# Decodes a data directory to lattices, lat.JOB.gz. The model is the directory that holds the decode directory,
# unless --srcdir names another.

# Begin configuration section.
cmd=run.pl
nj=4
srcdir=
decoder=auto  # kaldi (latgen-faster-mapped on the PATH), embedded, or auto: Kaldi's if it is there
acoustic_scale=0.1
beam=13
lattice_beam=8
opts=         # more options of `hybrid-kd decode`
# End configuration section.

help_message="Usage: $0 [options] <graph-dir> <data> <decode-dir>
 e.g.: $0 --nj 8 exp/tri3b/graph data-fmllr/dt exp/student/decode_dt
Options:
  --nj <n>                  # jobs, each with its share of the utterances (4)
  --srcdir <dir>            # the model (the decode directory's parent)
  --decoder <d>             # auto, kaldi or embedded (auto)
  --acoustic-scale <s>  --beam <b>  --lattice-beam <b>     # (0.1, 13, 8)
  --opts '<options>'        # more options of hybrid-kd decode
  --cmd <cmd>               # how to run the jobs: run.pl, queue.pl --mem 4G, ..."

. "$(dirname "$0")/utils/begin.sh"
expect_args 3 "$@"
graph=$1 data=$2 dir=$3
[ -n "$srcdir" ] || srcdir=$(dirname "$dir")

expect_files "$data"/{feats.scp,utt2spk} "$graph/words.txt" \
  "$srcdir"/{final.safetensors,final.mdl,ali_train_pdf.counts}
[ -n "$(compgen -G "$graph/HCLG.fst*")" ] || { echo "$0: no $graph/HCLG.fst, .gz or .xz" >&2; exit 1; }

# shellcheck disable=SC2206
decode=(hybrid-kd decode --model "$srcdir" --data "$data" --graph "$graph" --out "$dir" --nj "$nj"
  --decoder "$decoder" --acoustic-scale "$acoustic_scale" --beam "$beam" --lattice-beam "$lattice_beam" $opts)
$cmd JOB=1:"$nj" "$dir/log/decode.JOB.log" "${decode[@]}" --job JOB
"${decode[@]}" # nothing is left to decode: writes decode.json

echo "$0: decoded $data to $dir"
