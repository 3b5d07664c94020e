#!/usr/bin/env bash
# A release of tandem that the compiler was shown calls for (profile-guided optimisation): the same program, with what
# calls take laid out together. `make pgo`; about ten minutes on two cores, and two cores are all it uses.
#
# It builds tandem three times (to be watched, the generator, and for good), lets it serve a minute of calls by many
# peers and by one trunk on one and two shards on loopback, and leaves the result in target/release-pgo/tandem.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$PWD/target/pgo
rm -rf "$work/raw" && mkdir -p "$work/raw"

profdata=$(find "$(rustc --print sysroot)" -name llvm-profdata -type f | head -1)
if [ -z "$profdata" ]; then
    printf 'pgo: llvm-profdata comes with the component llvm-tools\n'
    rustup component add llvm-tools
    profdata=$(find "$(rustc --print sysroot)" -name llvm-profdata -type f | head -1)
fi
printf 'pgo 1/4: a tandem that writes down what it does\n'
RUSTFLAGS="-Cprofile-generate=$work/raw" cargo build --release -p tandem --target-dir "$work/watched"
printf 'pgo 2/4: the generator\n'
cargo build --release -p loadgen
printf 'pgo 3/4: calls\n'
export TANDEM=$work/watched/release/tandem LOADGEN=$PWD/target/release/tandem-loadgen DURATION=10
for shape in "1 16" "1 1" "2 16"; do
    read -r shards sources <<<"$shape"
    SHARDS=$shards SOURCES=$sources RATE=${RATE:-5000} interop/load.sh --gather 1ms
done
ls "$work"/raw/*.profraw >/dev/null || { printf 'pgo: nothing was written down\n' >&2; exit 1; }
"$profdata" merge -o "$work/calls.profdata" "$work"/raw/*.profraw
printf 'pgo 4/4: tandem\n'
RUSTFLAGS="-Cprofile-use=$work/calls.profdata" cargo build --release -p tandem --target-dir "$work/used"
mkdir -p target/release-pgo
cp "$work/used/release/tandem" target/release-pgo/tandem
printf 'pgo: target/release-pgo/tandem\n'
