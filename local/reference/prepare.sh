#!/usr/bin/env bash

# Writes data/<name>/ for one of the reference experiments under HYBRID_KD_SHARED (by default ../shared):
#   data/<name>/data-fmllr/<set>/   feats.scp with absolute paths; text, utt2spk, spk2utt, utt2dur, utt2num_frames;
#                                   utt2snr (dB) of the set's mix.tsv, where there is one
#   data/<name>/data/<x>            links to the experiment's data/<x> (lang_test, dict, ...)
#   data/<name>/exp/<x>             links to its exp/<x> (tri3b with its graph, tri3b_ali_*, nnet1_student_ce)
#   data/<name>/golden              link, where there is one
# The directory appears only when it is whole; a second call writes nothing if nothing has changed.

set -euo pipefail
export LC_ALL=C

if [ $# -ne 1 ] || { [ "$1" != an4 ] && [ "$1" != libri5k ]; }; then
  echo "Usage: HYBRID_KD_SHARED=<dir> $0 an4|libri5k" >&2
  echo " e.g.: $0 an4" >&2
  exit 1
fi

name=$1
shared=${HYBRID_KD_SHARED:-../shared}
from=$shared/kaldi-$name
dir=data/$name
part=data/.$name.$$.partial

if [ ! -d "$from/data-fmllr" ] || [ ! -d "$from/exp" ]; then
  echo "$0: no reference experiment $from" >&2
  echo "  fix: set HYBRID_KD_SHARED to the directory that holds kaldi-$name" >&2
  exit 1
fi
SHARED=$(cd "$shared" && pwd -P)
export SHARED
from=$SHARED/kaldi-$name
trap 'rm -rf "$part" "$part.old"' EXIT

for set_dir in "$from"/data-fmllr/*/; do
  to=$part/data-fmllr/$(basename "$set_dir")
  mkdir -p "$to"
  for file in text utt2spk spk2utt utt2dur utt2num_frames; do
    [ -f "$set_dir$file" ] || { echo "$0: no such file $set_dir$file" >&2; exit 1; }
    cp "$set_dir$file" "$to/$file"
    chmod u+w "$to/$file"
  done
  # The lines are `utt_id ../shared/kaldi-<name>/...:offset`.
  awk -v script="$0" '
    $2 !~ /^\.\.\/shared\// { print script ": " FILENAME ": does not start with ../shared: " $2 > "/dev/stderr"; exit 1 }
    { print $1, ENVIRON["SHARED"] substr($2, length("../shared") + 1) }' "${set_dir}feats.scp" > "$to/feats.scp"
  cut -d ' ' -f 2- "$to/feats.scp" | sed 's/:[0-9]*$//' | sort -u | while IFS= read -r archive; do
    [ -f "$archive" ] || { echo "$0: no such file $archive" >&2; exit 1; }
  done
  mix=$from/data/$(basename "$set_dir")/mix.tsv
  if [ -f "$mix" ]; then
    awk -F '\t' -v script="$0" '
      NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i
                if (!("snr_db" in column)) { print script ": " FILENAME ": no column snr_db" > "/dev/stderr"; exit 1 }
                next }
      { print $column["utt_id"], $column["snr_db"] }' "$mix" | sort > "$to/utt2snr"
  fi
done

mkdir -p "$part/data" "$part/exp"
ln -s "$from"/data/* "$part/data/"
ln -s "$from"/exp/* "$part/exp/"
[ ! -d "$from/golden" ] || ln -s "$from/golden" "$part/golden"

if diff -rq --no-dereference "$part" "$dir" > /dev/null 2>&1; then
  echo "$0: $dir is up to date"
  exit 0
fi
[ ! -e "$dir" ] || mv -T "$dir" "$part.old"
mv -T "$part" "$dir"
echo "$0: wrote $dir"
