#!/bin/sh
# tidy's own test: what stands in good/ passes, and bad/ gives exactly the findings of bad.txt. Prints TAP.
cd "$(dirname "$0")" || exit 1
found=$(mktemp)
trap 'rm -f "$found"' EXIT
echo "1..$(($(wc -l <bad.txt) + 3))"

check() { # name, and a command that must hold
    name=$1
    shift
    if "$@"; then echo "ok - $name"; else echo "not ok - $name"; fi
}

passes() { "$BUILD_DIR/tidy" good; }
breaks() { "$BUILD_DIR/tidy" bad >"$found"; [ $? = 1 ]; }
nothing_more() { grep -v '^tidy: ' "$found" | grep -vxFf bad.txt; [ $? = 1 ]; }

check "the good ones pass" passes
check "the bad ones do not" breaks
while read -r line; do
    check "$line" grep -qxF -- "$line" "$found"
done <bad.txt
check "and nothing more is found" nothing_more
