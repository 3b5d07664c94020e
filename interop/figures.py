#!/usr/bin/env python3
"""The figures of a server on one core, in one run with their yardsticks: what each costs a call, the highest rate held
for SECONDS (10), many peers and one trunk a side, two shards on that core, overload, idle. Writes a record to stdout.

Server on core 0, generator on core 1, a fresh server for every run, nobody spins on the server's core. The generator lets
datagrams gather for 1 ms (--gather), except where the delay is the figure. PARTS names some of: null many trunk kamailio
shards delay overload idle. RECORD=bench-results/DATE-MACHINE-WHAT makes that folder: README.md with the table, a JSON file
of each run (`tandem-loadgen report` draws them); TITLE is its heading."""

import json
import os
import pathlib
import subprocess
import sys
import time

import common
import measure

SECONDS = float(os.environ.get("SECONDS", 10))
PARTS = os.environ.get("PARTS", "null many trunk kamailio shards delay overload idle").split()
GATHER = ["--gather", "1ms"]
SHAPES = {"many peers": 16, "trunk": 1}
IDLE_SECONDS = 10
RECORD = os.environ.get("RECORD")


def say(text):
    """A line of the record: to stdout, and to the README.md of its folder."""
    print(text, flush=True)
    if RECORD:
        with open(pathlib.Path(RECORD) / "README.md", "a") as readme:
            readme.write(text + "\n")


def keep(record):
    """The whole of a run, in the order they were made."""
    if RECORD:
        folder = pathlib.Path(RECORD)
        number = len(list(folder.glob("*.json"))) + 1
        what = f"{record['server']}-{record['shape']}-{record['rate']:.0f}".lower().replace(" ", "-")
        (folder / f"{number:02}-{what}.json").write_text(json.dumps(record, indent=1) + "\n")


def begin():
    """The folder, and what its README.md says before the table."""
    if RECORD:
        pathlib.Path(RECORD).mkdir(parents=True)
        commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=common.ROOT, capture_output=True, text=True)
        say(f"# {os.environ.get('TITLE', 'One core: what a call costs, and what is held')}\n")
        say(f"`PARTS=\"{' '.join(PARTS)}\" SECONDS={SECONDS:g} interop/figures.py`, commit {commit.stdout.strip()}, {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}.")
        say("The machine stands in each JSON file. Server on core 0, generator on core 1, a fresh server for every run.\n")


def run(kind, rate, shape, shards=1, more=GATHER):
    """One run, and its line in the record."""
    measure.SOURCES, measure.SHARDS = SHAPES[shape], shards
    record = measure.run(kind, rate, SECONDS, more=more)
    record["shape"], record["shards"] = shape, shards
    total, user, system = record["cpu_us"]
    delay = record["times_us"][measure.DELAY]
    verdict = "held" if record["held"] else "; ".join(record["objections"])
    say(
        f"| {kind} | {shape} | {shards} | {rate:.0f} | {record['succeeded']} of {record['started']} | {total:.1f} | {user:.1f} | "
        f"{system:.1f} | {100 * record['core']:.0f} | {delay['p50']:.0f} / {delay['p99.9']:.0f} | "
        f"{record['generator_cpu']['us_per_call']:.1f} | {100 * record['others']:.0f} | {record['peak_bytes'] / 2**20:.0f} | {verdict} |",
    )
    keep(record)
    return record


def highest(kind, rates, shape, **more):
    """The last of the rising rates that is held, each tried twice; its record."""
    best = None
    for rate in rates:
        record = run(kind, rate, shape, **more)
        if not record["held"]:
            record = run(kind, rate, shape, **more)
        if not record["held"]:
            break
        best = record
    return best


def rates(first, most, step=1.12):
    while first <= most:
        yield round(first, -2)
        first *= step


def idle():
    """What a shard uses when nobody calls, of its core."""
    measure.SHARDS = 1
    server = measure.fresh("Tandem")
    time.sleep(2)
    before, _, _ = measure.cpu_time(server.process.pid)
    time.sleep(IDLE_SECONDS)
    after, _, _ = measure.cpu_time(server.process.pid)
    common.stop_server(server)
    return (after - before) / 1e9 / IDLE_SECONDS


def main():
    begin()
    say("| server | shape | shards | calls/s | succeeded | CPU us/call | user | system | core % | post-dial p50 / p99.9 us | generator us/call | others % | peak MiB | verdict |")
    say("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    best = {}
    for part, kind, shape, first, most in [
        ("null", "Null", "many peers", 22000, 50000),
        ("null", "Null", "trunk", 26000, 80000),
        ("many", "Tandem", "many peers", 14000, 40000),
        ("trunk", "Tandem", "trunk", 22000, 60000),
        ("kamailio", "Kamailio", "many peers", 6600, 15000),
        ("kamailio", "Kamailio", "trunk", 7400, 15000),
    ]:
        if part in PARTS:
            best[kind, shape] = highest(kind, rates(first, most), shape)
    top = best.get(("Tandem", "many peers"))
    top = top["rate"] if top else float(os.environ.get("TOP", 10000))
    if "kamailio" in PARTS:
        for _ in range(2):
            run("Kamailio", 3000, "many peers", more=[])
            run("Tandem", 3000, "many peers", more=[])
    if "shards" in PARTS:
        for _ in range(2):
            run("Tandem", top * 0.6, "many peers", shards=1)
            run("Tandem", top * 0.6, "many peers", shards=2)
    if "delay" in PARTS:
        run("Null", top / 2, "many peers", more=[])
        run("Tandem", top / 2, "many peers", more=[])
    if "overload" in PARTS:
        run("Tandem", top * 2, "many peers")
        run("Tandem", top * 5, "many peers")
    if "idle" in PARTS:
        say(f"\nidle: {100 * idle():.2f} % of a core")
    if RECORD:
        subprocess.run([common.binary("tandem-loadgen"), "index", pathlib.Path(RECORD).parent], check=True)


sys.exit(main())
