#!/bin/sh
# Installs the Debian packages that are missing: `deps.sh build` what `make build` and `make demo` need, `deps.sh all` also
# what tests and checks need, `deps.sh bench` also the peers beside which speed is measured. When nothing is missing it
# touches neither network nor system.
set -eu

build="build-essential ca-certificates cmake libcurl4-openssl-dev libexpat1-dev libpq-dev libsodium-dev libsqlite3-dev
libssl-dev libuv1-dev libxxhash-dev libzip-dev ninja-build node-llhttp pkg-config tzdata zlib1g-dev"
test="chromium clang clang-format clang-tidy curl fonts-noto-cjk groff-base jq libclang-rt-dev libcmocka-dev
libjansson-dev libroaring-dev postgresql sqlite3 wrk xz-utils"
soak="cppcheck"
bench="clickhouse-server"

node_is_good() {
    command -v npm >/dev/null && node -e 'process.exit(process.versions.node.split(".")[0] >= 18 ? 0 : 1)' 2>/dev/null
}

case ${1:-all} in
build) wanted=$build ;;
all) wanted="$build $test" ;;
soak) wanted="$build $test $soak" ;;
bench) wanted="$build $test $bench" ;;
*) echo "usage: deps.sh [build|all|soak|bench]" >&2; exit 2 ;;
esac
node_is_good || wanted="$wanted nodejs npm"

if ! command -v dpkg-query >/dev/null; then
    echo "deps: not a Debian system; needed are the equivalents of: $(echo $wanted)" >&2
    exit 0
fi

missing=""
installed=" $(dpkg-query -W -f '${Status} ${Package} ' 2>/dev/null | sed 's/install ok installed/ /g' | tr -s ' \n' ' ') "
for package in $wanted; do
    case $installed in
    *" $package "*) ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
        echo "deps: please run as root: apt-get install --no-install-recommends$missing" >&2
        exit 1
    }
    as_root="sudo"
fi

install_missing() {
    $as_root apt-get -qq -o Acquire::Retries=3 update &&
        $as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get -qq -y -o Acquire::Retries=3 install --no-install-recommends $missing
}
echo "deps: installing$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install_missing >"$log" 2>&1 || { sleep 3; install_missing >"$log" 2>&1; } || { cat "$log" >&2; exit 1; }
node_is_good || { echo "deps: Node is older than 18; please install a newer one" >&2; exit 1; }
