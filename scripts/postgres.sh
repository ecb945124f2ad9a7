#!/bin/sh
# Runs a command with a scratch PostgreSQL beside it: postgres.sh COMMAND ARGS...
# The cluster lives in a temporary folder, listens on a socket there only, and is gone afterwards. The command finds
# it through PGHOST, PGUSER and PGDATABASE. initdb refuses root, so root runs the server as the user postgres.
set -eu

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
[ -n "$bin" ] || bin=$(dirname "$(command -v initdb)")
dir=$(mktemp -d "${TMPDIR:-/tmp}/papilio-pg.XXXXXX")
as_server() { "$@"; }
if [ "$(id -u)" = 0 ]; then
    chown postgres "$dir"
    as_server() { setpriv --reuid postgres --regid postgres --clear-groups "$@"; }
fi
cd "$dir"

stop() {
    as_server "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$dir"
}
trap stop EXIT
trap 'exit 1' INT TERM HUP

as_server "$bin/initdb" -D "$dir/data" -U papilio -A trust --no-sync -E UTF8 --locale=C >"$dir/log" 2>&1 ||
    { cat "$dir/log" >&2; exit 1; }
as_server "$bin/pg_ctl" -D "$dir/data" -w -t 600 -l "$dir/data/log" \
    -o "-c listen_addresses='' -c unix_socket_directories='$dir' -c fsync=${POSTGRES_FSYNC:-off}" start >/dev/null ||
    { cat "$dir/data/log" >&2; exit 1; }

cd "$OLDPWD"
PGHOST=$dir PGUSER=papilio PGDATABASE=postgres "$@"
