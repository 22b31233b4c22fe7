# shellcheck shell=bash
# How every stage begins; sourced after its options block and help_message. Afterwards "$@" are the arguments, and run.pl is
# on the PATH: Kaldi's, from the recipe's utils/, else our own.

echo "$0 $*"
# shellcheck disable=SC1091
[ ! -f ./path.sh ] || . ./path.sh
PATH=$PATH:$PWD/utils:$(dirname "${BASH_SOURCE[0]}")
. parse_options.sh || exit 1
set -euo pipefail
command -v hybrid-kd > /dev/null || { echo "$0: no hybrid-kd on the PATH; pip install it" >&2; exit 1; }

# Ends with the usage unless there are so many arguments: expect_args <number> "$@"
expect_args() {
  [ $# -eq $(($1 + 1)) ] || { echo "$help_message" >&2; exit 1; }
}

# Ends with the name of the first file that is missing: expect_files <file> ...
expect_files() {
  local file
  for file in "$@"; do
    [ -f "$file" ] || { echo "$0: no such file $file" >&2; exit 1; }
  done
}
