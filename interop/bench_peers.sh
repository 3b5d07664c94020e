#!/usr/bin/env bash
# make bench-peers: a release Tandem (A) and Kamailio 5.6 from Debian (B) by turns in one run, equal scripts, a fresh server
# for every probe; ratios with their spread. ROUNDS, SERVER_CORE, GENERATOR_CORE, SHARDS, CHILDREN, SHAPE (--trunk, or
# --ports 16), RATE (runs at that rate, searches nothing), CONFIRM, PROBE, JSON,
# RECORD (writes bench-results/<date>-<machine>-$RECORD/).
set -euo pipefail
cd "$(dirname "$0")/.."
: "${ROUNDS:=3}" "${SERVER_CORE:=0}" "${GENERATOR_CORE:=1}" "${SHARDS:=1}" "${CHILDREN:=1}" "${SHAPE:=--ports 16}"
: "${CONFIRM:=30s}" "${PROBE:=8s}" "${PORT:=15060}"
command -v kamailio >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends kamailio >/dev/null; }
cargo build --release -p tandem -p loadgen
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for kind in cfg kamailio.cfg; do
  sed -e "s|@PORT@|$PORT|g" -e "s|@FIFO@|$work/fifo|g" -e "s|@REPLIES@|$work/|g" -e "s|@CHILDREN@|$CHILDREN|g" \
    -e "s|@WORK@|$work|g" "interop/scripts/routed.$kind" > "$work/routed.$kind"
done
tandem="exec taskset -c $SERVER_CORE target/release/tandem -F -f $work/routed.cfg --shards $SHARDS"
kamailio="exec taskset -c $SERVER_CORE kamailio -DD -E -x fm -X fm -m 8192 -M 64 -b 4194304 -f $work/routed.kamailio.cfg -w $work -Y $work 2>/dev/null"
# shellcheck disable=SC2086
target/release/tandem-loadgen compare "127.0.0.1:$PORT" --duration "$PROBE" --confirm "$CONFIRM" --rounds "$ROUNDS" \
  --core "$GENERATOR_CORE" $SHAPE ${RATE:+--rate "$RATE"} --server-command "$tandem" --server-command "$kamailio" ${JSON:+--json "$JSON"} \
  ${RECORD:+--record "$RECORD" --attach "$work/routed.cfg" --attach "$work/routed.kamailio.cfg"}
