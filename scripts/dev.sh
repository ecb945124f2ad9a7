#!/bin/sh
# The server on a data folder of its own, and vite in front of it: dev.sh DATA LISTEN
set -eu
build/release/papilio serve --data "$1" --listen "$2" &
server=$!
trap 'kill $server 2>/dev/null' EXIT
trap 'exit 0' INT TERM
PAPILIO_URL="http://$2" npm run dev --workspace web/admin
