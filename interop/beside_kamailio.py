#!/usr/bin/env python3
"""The same calls through Tandem (2 shards) and Kamailio 5.6 (Debian, 1 or 2 children), equal scripts, in one run.

Both servers on core 0, the generator on core 1, no spinning, a fresh server for every probe and run. Finds the highest
rate that each holds for SECONDS, then runs both at the lower of the two. Writes a record below bench-results/ (RECORDS).
Wants a quiet machine; ends within BUDGET minutes. QUICK=1 tries the script itself in two minutes, RATE=N
(or N,M: Tandem's, Kamailio's) begins the runs there and searches nothing, LINGER=N has both keep finished transactions N s."""

import datetime
import os
import pathlib
import platform
import re
import subprocess
import time

import common
import measure

BUDGET = 60 * measure.knob("BUDGET", 20)
RATES = [float(rate) for rate in os.environ.get("RATE", "0").split(",")]
RECORDS = pathlib.Path(os.environ.get("RECORDS", common.WORK if measure.QUICK else common.ROOT / "bench-results"))
KINDS = ["Tandem", "Kamailio"]
# More than this share of a core used by anybody else, and a run is marked.
NOISE = 0.05
SEARCHED = "CHILDREN" not in os.environ and "RATE" not in os.environ
CHOICE = f"of 1 and {measure.SHARDS}, what held more" if SEARCHED else "as given"


def main():
    common.binary("tandem-loadgen"), common.binary("tandem"), common.need("kamailio", "kamailio")
    began = time.monotonic()
    common.say(f"at most {BUDGET / 60:.0f} minutes; runs of {measure.SECONDS:.0f} s, probes of {measure.PROBE_SECONDS:.0f} s")
    limit = measure.ceiling("null server", 8 * measure.FIRST)
    tried = {}
    for kind, rate, share in zip(KINDS, (RATES[0], RATES[-1]), (0.45, 0.65)):
        passed = (time.monotonic() - began) / 60
        common.say(f"{passed:.1f} min: the highest rate that {kind} holds for {measure.SECONDS:.0f} s")
        if kind == "Kamailio" and SEARCHED:
            rate = by_children()
        tried[kind] = measure.highest(kind, rate, began + share * BUDGET)
    own = [tried[kind][-1] for kind in KINDS]
    equal = equals(own)
    place = write(own, equal, tried, limit)
    common.say(f"{(time.monotonic() - began) / 60:.1f} min in all; record: {place}\n\n{place.read_text()}")
    bad = [record for record in equal if not record["held"]]
    common.say("passed" if not bad else "FAILED: a run at the equal rate was not held")
    raise SystemExit(1 if bad else 0)


def by_children():
    """Where Kamailio begins, with one child or with as many as Tandem has shards: whichever probes say is better."""
    rate, alone = measure.ceiling("Kamailio"), measure.CHILDREN
    common.say(f"  with {measure.SHARDS} children:")
    measure.CHILDREN = measure.SHARDS
    if not measure.held("Kamailio", rate / measure.STEP):
        measure.CHILDREN = alone
        return rate
    return rate / measure.STEP


def equals(own):
    """Both at the lower rate, and Tandem with Kamailio's lingering where that differs. Whose own rate it is has run."""
    rate = min(record["rate"] for record in own)
    common.say(f"both at {rate:.0f}/s")
    lingers = [(kind, measure.LINGER) for kind in KINDS]
    if not measure.LINGER:
        lingers.append(("Tandem", measure.LINGERS["Kamailio"]))
    found = []
    for kind, linger in lingers:
        ran = [record for record in own if (record["server"], record["rate"], measure.LINGER) == (kind, rate, linger)]
        record = ran[0] if ran else measure.run(kind, rate, measure.SECONDS, linger=linger, settle=True)
        lost = [] if record["held"] else [measure.told(record) + "; once more, and that counts"]
        if lost:
            common.say("  " + lost[0])
            record = measure.run(kind, rate, measure.SECONDS, linger=linger, settle=True)
        found.append(record if ran else measure.say(record))
        found[-1].update(linger=linger or measure.LINGERS[kind], lost=lost)
    return found


def row(record):
    delay, linger = record["times_us"][measure.DELAY], record.get("linger", measure.LINGER or measure.LINGERS[record["server"]])
    marks = []
    if record["generator_busy"] > 0.85:
        marks.append("generator-limited")
    if record["others"] > NOISE:
        marks.append("disturbed")
    if not record["held"]:
        marks.append("NOT HELD")
    cells = [
        f"{record['server']}, {linger} s", f"{record['rate']:.0f}", f"{record['started']}", f"{record['failed']}",
        f"{record['retransmissions']}", " / ".join(f"{delay[q]}" for q in ("p50", "p90", "p99", "p99.9", "max")),
        *(f"{part:.1f}" for part in record["cpu_us"]), f"{100 * record['core']:.0f}",
        f"{record['peak_bytes'] / 2**20:.0f}", f"{100 * record['generator_busy']:.0f}", f"{100 * record['others']:.0f}",
        ", ".join(marks) or "-",
    ]
    return "| " + " | ".join(cells) + " |"


def bars(rows, form):
    """Label, value and a bar in proportion."""
    longest = max(value for _, value in rows)
    return ["```", *(f"{label:<24} {form.format(value):>9}  {'#' * round(50 * value / longest)}" for label, value in rows), "```"]


def output(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, cwd=common.ROOT)
    return (done.stdout.splitlines() or ["unknown"])[0].strip()


def write(own, equal, tried, limit):
    machine, today = own[0]["machine"], datetime.datetime.now(datetime.timezone.utc)
    place = RECORDS / f"{today:%Y-%m-%d}-beside-kamailio.md"
    while place.exists():
        number = re.search(r"kamailio-(\d+)", place.name)
        place = RECORDS / f"{today:%Y-%m-%d}-beside-kamailio-{int(number[1]) + 1 if number else 2}.md"
    knobs = " ".join(f"{name}={os.environ[name]}" for name in sorted(os.environ) if name in KNOBS)
    tandem, kamailio, later = *equal[:2], equal[2:]
    ratios = [f"{record['cpu_us'][0] / kamailio['cpu_us'][0]:.2f} (Tandem keeping {record['linger']} s)" for record in [tandem, *later]]
    table = [
        "| server, lingering | calls/s | calls | failed | repeated | post-dial delay us, p50 / p90 / p99 / p99.9 / max "
        "| CPU us/call | user | system | core % | peak MiB | generator busy % | others % | marks |",
        "|---|" + "---|" * 13,
    ]
    lines = [
        f"# Tandem beside Kamailio 5.6, {measure.SECONDS:.0f} s a run", "",
        f"Command: `{knobs + ' ' if knobs else ''}interop/beside_kamailio.sh` at {today:%H:%M} UTC, commit "
        f"{output('git', 'describe', '--always', '--dirty')}.",
        f"Machine: {machine['cpu']}, {machine['cores']} cores, {int(machine['memory_kb']) / 2**20:.0f} GiB, Linux {platform.release()}.",
        f"Servers: {output(common.binary('tandem'), '-V')}, {measure.SHARDS} shards, `interop/scripts/routed.cfg`; "
        f"{output('kamailio', '-v').removeprefix('version: ')}, children: {measure.CHILDREN} ({CHOICE}), `interop/scripts/routed.kamailio.cfg`, "
        f"`{' '.join(common.Kamailio.options)}`.",
        f"Cores: every thread of the server on core {measure.SERVER_CORE}, the generator on core {measure.GENERATOR_CORE}; nobody spins "
        "on the server's core. A fresh server for every probe and run.", "",
        f"Calls: INVITE, 100, 180, 200, ACK, BYE, 200 with Record-Route, 13 datagrams, loopback UDP, {measure.SOURCES} ports a side.", "",
        f"## The highest rate held for {measure.SECONDS:.0f} s (calls/s)", "",
        *bars([(record["server"], record["rate"]) for record in own], "{:.0f}"), "",
        *table, *map(row, own), "",
        f"The generator alone holds {limit:.0f}/s for {measure.PROBE_SECONDS:.0f} s against a server that only moves datagrams.", "",
        f"## Both at {kamailio['rate']:.0f} calls/s (CPU us/call)", "",
        *bars([(f"{record['server']}, {record['linger']} s", record["cpu_us"][0]) for record in equal], "{:.1f}"), "",
        *table, *map(row, equal), "", f"CPU per call, Tandem / Kamailio: {', '.join(ratios)}.", "",
        "## How it counts", "",
        f"Held: no call failed, at most {measure.REPEATED:.1%} of the generator's datagrams repeated, starts in time (p99 under 50 ms). The rate of a "
        f"server is the first that was held going down from where probes of {measure.PROBE_SECONDS:.0f} s ended, {1 - measure.STEP:.0%} a step; what was not "
        "held counts for nothing else. A run at the equal rate that is not held is made once more, and the second counts.",
        "CPU time is the scheduler's for all threads and processes, from before the first call until what the last one left behind is gone "
        "(lingering + 2 s), divided by calls; user and system are split as the kernel's tick saw them. `core` is the server's share of "
        "its core while calls came. Lingering: how long a finished transaction stays for retransmissions; RFC 3261 says 32 s, Kamailio 5.",
        "Memory is the peak, what processes share counted once. `others`: what the rest of the machine used, of one core; `disturbed` "
        f"above {NOISE:.0%}. `generator-limited`: it was busy for more than 85 % of the run.", "",
        f"Every run of {measure.SECONDS:.0f} s, in order:", "", "```", *(measure.told(record) for kind in KINDS for record in tried[kind]),
        *(line for record in equal if record not in own for line in [*record["lost"], measure.told(record)]), "```", "",
        f"Handovers between shards, Tandem at {own[0]['rate']:.0f}/s: {own[0]['handovers']}.",
    ]
    place.write_text("\n".join(lines) + "\n")
    return place


KNOBS = {
    "QUICK", "SECONDS", "PROBE_SECONDS", "FIRST", "MOST", "STEP", "RATE", "BUDGET", "LINGER", "SHARDS", "CHILDREN", "SOURCES",
    "SERVER_CORE", "GENERATOR_CORE",
}

if __name__ == "__main__":
    main()
