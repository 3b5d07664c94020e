#!/usr/bin/env bash
# make verify-cps TARGET=30000: does a release Tandem hold so many calls per second on this machine? Exit status 0 when it does.
# SERVER_CORE, GENERATOR_CORE, SHARDS, PROFILE (a file of tuning/, instead of SHARDS), SCRIPT, SHAPE (--trunk, or --ports 16), CONFIRM,
# JSON, RECORD (writes bench-results/<date>-<machine>-$RECORD/).
set -euo pipefail
cd "$(dirname "$0")/.."
: "${TARGET:?as TARGET=30000}" "${SERVER_CORE:=0}" "${GENERATOR_CORE:=1}" "${SHARDS:=1}" "${PROFILE:=}" "${SHAPE:=--ports 16}"
: "${CONFIRM:=60s}" "${PROBE:=8s}" "${PORT:=15060}" "${SCRIPT:=interop/scripts/routed.cfg}"
cargo build --release -p tandem -p loadgen
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed -e "s|@PORT@|$PORT|g" -e "s|@FIFO@|$work/fifo|g" -e "s|@REPLIES@|$work/|g" "$SCRIPT" > "$work/tandem.cfg"
how="--shards $SHARDS"
[ -z "$PROFILE" ] || how="--tuning $PROFILE"
server="exec taskset -c $SERVER_CORE target/release/tandem -F -f $work/tandem.cfg $how"
# From half the target upwards; what stood in the way is said when the target is not reached.
# shellcheck disable=SC2086
target/release/tandem-loadgen find "127.0.0.1:$PORT" --rate "$(awk "BEGIN { print $TARGET / 2 }")" --duration "$PROBE" \
  --confirm "$CONFIRM" --target-cps "$TARGET" --core "$GENERATOR_CORE" $SHAPE --server-command "$server" ${JSON:+--json "$JSON"} \
  ${RECORD:+--record "$RECORD" --attach "$work/tandem.cfg" ${PROFILE:+--attach "$PROFILE"}}
