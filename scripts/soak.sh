#!/bin/bash
# The proofs that take too long for every change. Each step prints how it went; all run.
set -u
failed=0
step() {
    local name=$1 from=$SECONDS
    shift
    echo "---- $name"
    if "$@"; then echo "ok   $name ($((SECONDS - from)) s)"; else echo "FAIL $name"; failed=1; fi
}
threads() { cmake --preset tsan >/dev/null && cmake --build --preset tsan -j 2 >/dev/null &&
    TSAN_OPTIONS="die_after_fork=0 suppressions=$PWD/test/tsan.supp" ctest --test-dir build/tsan --output-on-failure; }
# cppcheck does not know that must() does not return, hence no redundant-NULL warnings.
static() {
    cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 -j 2 \
        --suppress=missingIncludeSystem \
        --suppress=nullPointerRedundantCheck --suppress=autoVariables "--suppress=*:*_test.c" -I src -I build/release src
}

export KILL_ROUNDS=50 FAILOVER_ROUNDS=10 TAKEOVER_ROUNDS=20 TIMER_COUNT=1000000 # and tests that loop read such numbers
step "tests, the long way" make test
step "ledger model, 20 seeds" env LEDGER_SEEDS=20 build/asan/test/ledger_model_test
step "engine against its oracle, 50,000 queries" env ORACLE_QUERIES=50000 build/asan/test/oracle_test
step "segments beside their definitions, 2,000 steps" env MODEL_STEPS=2000 MODEL_SEED=7 build/asan/test/segment_model_test
step "simulator, 20 seeds" env SIM_SEEDS=20 build/asan/test/sim_test
step "store over kill -9, 200 rounds" env KILL_ROUNDS=200 build/asan/test/engine_store_test
step "engine and segments over kill -9, 200 rounds" env KILL_ROUNDS=200 PAPILIO_BIN=build/asan/papilio \
    node --test --test-concurrency=1 test/api/kill_audience.test.mjs test/api/kill_segments.test.mjs
step "kill -9 under load, 200 rounds" env SIM_KILL_ROUNDS=200 PAPILIO_BIN=build/asan/papilio node --test test/api/kill_giveaway.test.mjs
step "the same on PostgreSQL" env SIM_KILL_ROUNDS=200 PAPILIO_BIN=build/asan/papilio PAPILIO_TEST_DB=postgres:// \
    scripts/postgres.sh node --test test/api/kill_giveaway.test.mjs
step "API and browser on PostgreSQL" node scripts/test.mjs api-postgres e2e-postgres
step "thread sanitizer" threads
step "cppcheck" static
step "fuzz" env FUZZ_SECONDS="${FUZZ_SECONDS:-600}" scripts/fuzz.sh
exit $failed
