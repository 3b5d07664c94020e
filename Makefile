# The verbs of the house. `make run` and `make test` are the two commands of the README.
#
#   help     this text; `make` alone says it as well
#   run      build and start a registrar and proxy on this host's UDP and TCP port 5060
#   test     everything that must hold before a change lands (under 20 minutes cold)
#   check    format, lints, units, flows (under 5 minutes warm)
#   docs     write docs/opensips.md again from what is exported
#   flows    write the golden ladders of flows and test files again; read the diff
#   storm    seeded storms: STORMS=10000 FROM=1
#   fuzz     every fuzz target: SECONDS=600 each (needs a nightly toolchain; installs cargo-fuzz)
#   pgo      a release that was shown calls first (profile-guided): target/release-pgo/tandem
#   bench    the criterion benches of the rooms
#   load     tandem-loadgen through a Tandem of two shards on loopback
#   verify-cps   TARGET=30000: whether a release Tandem holds so many calls/s on this machine, and if not, why
#   bench-peers  Tandem and Kamailio (installed from Debian) by turns, equal scripts; ratios with spread
#   bench-index  write the table of bench-results/README.md again from the records
#   interop  real peers from the package registries, on loopback

CARGO ?= cargo
STORMS ?= 10000
FROM ?= 1
SECONDS ?= 600
ARGS ?=

# `make` alone: the text at the head of this file.
help:
	@awk '!/^#/ { exit } { sub(/^# ?/, ""); print }' $(firstword $(MAKEFILE_LIST))

.PHONY: pgo help run test check docs flows storm fuzz fuzz-replay bench load verify-cps bench-peers bench-index interop fmt

run:
	$(CARGO) build --release -p tandem
	./target/release/tandem -F $(ARGS)

test: check
	@printf 'make test: storms (500 seeds)\n'
	$(CARGO) run --quiet --profile storm -p sim --bin storm -- --storms 500 --from 1
	@printf '\nmake test: all passed\n'

check:
	@printf 'make check: format\n'
	$(CARGO) fmt --all --check
	@printf 'make check: lints (minutes, if nothing is built yet)\n'
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings
	@printf 'make check: tests (units, then flows)\n'
	$(CARGO) test --workspace --quiet
	@printf 'make check: the index of the records\n'
	$(CARGO) run --quiet -p loadgen -- index bench-results --check

pgo:
	interop/pgo.sh

docs:
	$(CARGO) run --quiet -p tandem -- explain --all > target/opensips.md
	mv target/opensips.md docs/opensips.md

flows:
	UPDATE_EXPECT=1 $(CARGO) test -p sim --test flows --test rehearsals
	git diff --stat -- sim/flows sim/scripts

storm:
	$(CARGO) run --profile storm -p sim --bin storm -- --storms $(STORMS) --from $(FROM)

fuzz:
	fuzz/run $(SECONDS)

bench:
	$(CARGO) bench -p parser
	$(CARGO) bench -p script --bench compile
	$(CARGO) bench --manifest-path parser/bench-competitors/Cargo.toml

load:
	interop/load.sh $(ARGS)

verify-cps:
	TARGET=$(TARGET) interop/verify_cps.sh

bench-peers:
	interop/bench_peers.sh

bench-index:
	$(CARGO) run --quiet -p loadgen -- index bench-results

interop:
	interop/all.sh $(ARGS)
