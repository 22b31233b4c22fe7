# shellcheck shell=bash disable=SC2154
# Sourced by run.sh and distil.sh.

# Runs a command; prints it if dry_run is true.
run() {
  if $dry_run; then
    printf '%q ' "$@"
    echo
  else
    "$@"
  fi
}
