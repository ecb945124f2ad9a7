#!/bin/sh
# Builds one preset: quiet when all is well, the compiler's words when not. ninja.sh PRESET JOBS [TARGET]
set -eu
log=build/$1${3:+-$3}.log
cmake --build --preset "$1" -j "$2" ${3:+--target "$3"} >"$log" 2>&1 || { cat "$log"; exit 1; }
grep -q "no work to do" "$log" || echo "built build/$1${3:+ $3}"
