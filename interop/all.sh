#!/usr/bin/env bash
# Real peers from the package registries against Tandem, on loopback. Named parts, or all of them:
#   interop/all.sh [phones] [sipp_builtin] [sipp_routed] [uac_auth] [sipp_xml] [protos]
# `beside_kamailio` wants a quiet machine and up to 20 minutes; it runs when named.
set -uo pipefail
cd "$(dirname "$0")"

parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(phones sipp_builtin sipp_routed uac_auth sipp_xml protos)
failed=()
for part in "${parts[@]}"; do
    printf '\n== %s\n' "$part"
    if ! "./$part.sh"; then failed+=("$part"); fi
done
if [ ${#failed[@]} -gt 0 ]; then
    printf '\ninterop: FAILED: %s\n' "${failed[*]}"
    exit 1
fi
printf '\ninterop: all passed\n'
