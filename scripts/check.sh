#!/bin/bash
# Everything a reviewer should not have to say. Each step prints one line when it holds and its findings when not;
# all steps run, and the exit status tells whether every one held.
set -u
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

step() {
    local name=$1 from=$SECONDS
    shift
    if "$@" >"$log" 2>&1; then
        echo "ok   $name ($((SECONDS - from)) s)"
    else
        echo "FAIL $name"
        cat "$log"
        failed=1
    fi
}

files() { git ls-files -co --exclude-standard -- "$@" | while read -r file; do [ -e "$file" ] && echo "$file"; done; }
format() {
    files '*.c' ':!test/tidy' | while read -r file; do
        clang-format "$file" | cmp -s - "$file" || echo "$file: not as make format lays it out"
    done | { ! grep .; }
}
compile() { { [ -e "build/$1/build.ninja" ] || cmake --preset "$1"; } && cmake --build --preset "$1" -j 2; }
shell() { files "*.sh" .ci/run | while read -r file; do bash -n "$file" || return 1; done; }
lint_c() { files 'src/*.c' | grep -vE '_(test|fuzz)\.c$' | xargs -r -n 4 -P 2 clang-tidy -p build/clang --quiet; }

step "clang-format" format
step "shell syntax" shell
step "gcc, warnings are errors" compile release
step "gcc with sanitizers, warnings are errors" compile asan
step "clang, warnings are errors" compile clang
step "tidy: the house rules" build/asan/tidy .
step "clang-tidy" lint_c
if [ -e web/admin/package.json ]; then
    step "eslint" npm run --silent lint
    step "vue-tsc" npm run --silent typecheck
    step "the console's size" npm run --silent size
    step "openapi.json is good OpenAPI 3.1" node scripts/openapi_lint.mjs build/openapi.json
fi
exit $failed
