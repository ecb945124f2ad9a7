#!/bin/bash
# Runs every fuzzer (or the one named) for FUZZ_SECONDS, starting from its seeds in test/fuzz/NAME where there are any.
# Finds stay in build/fuzz/finds; the exit status tells whether there were any.
set -euo pipefail
seconds=${FUZZ_SECONDS:-60}
[ -e build/fuzz/build.ninja ] || cmake --preset fuzz >/dev/null
cmake --build --preset fuzz -j 2 >build/fuzz.log 2>&1 || { cat build/fuzz.log; exit 1; }

failed=0
mkdir -p build/fuzz/finds
for program in build/fuzz/fuzz/${1:-*}_fuzz; do
    [ -x "$program" ] || { echo "fuzz: no fuzzer named ${1:-at all}" >&2; exit 1; }
    name=$(basename "$program" _fuzz)
    mkdir -p "build/fuzz/corpus/$name"
    seeds=()
    [ -d "test/fuzz/$name" ] && seeds=("test/fuzz/$name")
    log=build/fuzz/$name.log
    if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/finds/$name-" "build/fuzz/corpus/$name" "${seeds[@]}" >"$log" 2>&1; then
        echo "ok   $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs in $seconds s"
    else
        echo "FAIL $name"
        tail -40 "$log"
        failed=1
    fi
done
exit $failed
