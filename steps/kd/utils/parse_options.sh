#!/usr/bin/env bash

# Sets shell variables from the command line; sourced by a script after it has given every option a default.
# It stands in for Kaldi's utils/parse_options.sh where there is none, and behaves like it:
#   --a-b value    sets $a_b; it is an error if the script has no variable a_b
#   --config file  sources a shell file of settings first, so that the other options win over it
#   --help         prints $help_message
# A variable whose default is true or false takes nothing else. What is left in "$@" are the arguments.

for ((kd_position = 1; kd_position < $#; kd_position++)); do
  if [ "${!kd_position}" = --config ]; then
    kd_value=$((kd_position + 1))
    [ -r "${!kd_value}" ] || { echo "$0: --config ${!kd_value}: cannot be read" >&2; exit 1; }
    # shellcheck disable=SC1090
    . "${!kd_value}"
  fi
done

# Kaldi gives every script this variable.
config=${config:-}

while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      printf '%s\n' "${help_message:-$0: no help}"
      exit 0
      ;;
    --*=*)
      echo "$0: options are given as --name value, not as '$1'" >&2
      exit 1
      ;;
    --*)
      kd_name=${1#--}
      kd_name=${kd_name//-/_}
      if ! [[ $kd_name =~ ^[A-Za-z_][A-Za-z_0-9]*$ ]] || [ -z "${!kd_name+set}" ]; then
        echo "$0: invalid option $1" >&2
        exit 1
      fi
      [ $# -ge 2 ] || { echo "$0: option $1 needs a value" >&2; exit 1; }
      if [[ ${!kd_name} = true || ${!kd_name} = false ]] && [[ $2 != true && $2 != false ]]; then
        echo "$0: expected \"true\" or \"false\": $1 $2" >&2
        exit 1
      fi
      printf -v "$kd_name" '%s' "$2"
      shift 2
      ;;
    *) break ;;
  esac
done

if [ -n "${cmd+set}" ] && [ -z "$cmd" ]; then
  echo "$0: empty argument to --cmd option" >&2
  exit 1
fi
unset kd_position kd_value kd_name
true
