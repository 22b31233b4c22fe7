# shellcheck shell=bash
# Sourced by the scripts: where programs are found. With KALDI_ROOT set, Kaldi's programs are found too.
export LC_ALL=C
export PATH=$PWD/.venv/bin:$PATH
if [ -n "${KALDI_ROOT:-}" ]; then
  [ -f "$KALDI_ROOT/tools/config/common_path.sh" ] \
    || { echo "path.sh: no Kaldi in KALDI_ROOT=$KALDI_ROOT (no tools/config/common_path.sh)" >&2; exit 1; }
  # shellcheck disable=SC1091
  . "$KALDI_ROOT/tools/config/common_path.sh"
fi
