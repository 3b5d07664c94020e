"""Measuring servers with tandem-loadgen: one run, the highest rate held, the same for two servers by turns.

The server (all its shards or children) is on core SERVER_CORE (0), the generator on GENERATOR_CORE (1); nobody
spins on the server's core."""

import json
import os
import subprocess

import common

SERVER_CORE = int(os.environ.get("SERVER_CORE", "0"))
GENERATOR_CORE = int(os.environ.get("GENERATOR_CORE", "1"))
SOURCES = int(os.environ.get("SOURCES", "16"))
PROBE_SECONDS = float(os.environ.get("PROBE_SECONDS", "5"))
FIRST = float(os.environ.get("FIRST", "1000"))
# The search stops when the next step would be smaller than this share of the rate.
GRAIN = float(os.environ.get("GRAIN", "0.05"))
# Not searched beyond.
MOST = float(os.environ.get("MOST", "200000"))


def servers(port, only=("Tandem", "Kamailio")):
    """Servers with the equal script, the second on the next free port."""
    found = []
    if "Tandem" in only:
        shards = int(os.environ.get("SHARDS", "2"))
        found.append(common.Tandem("scripts/routed.cfg", port, shards=shards, core=SERVER_CORE))
    if "Kamailio" in only:
        children = int(os.environ.get("CHILDREN", "1"))
        kamailio = common.Kamailio("scripts/routed.kamailio.cfg", common.free_port(), core=SERVER_CORE, children=children)
        found.append(kamailio)
    return found


def run(server, rate, seconds, show=False, more=()):
    """One run of the generator; its record."""
    path = common.WORK / f"{server.name}-{rate:.0f}.json"
    path.unlink(missing_ok=True)
    command = [
        common.binary("tandem-loadgen"), "call", f"127.0.0.1:{server.port}", "--rate", f"{rate:.0f}",
        "--duration", f"{seconds}s", "--sources", SOURCES, "--answer-sources", SOURCES, "--core", GENERATOR_CORE,
        "--server-pid", server.pid(), "--json", path, *more,
    ]
    if not show:
        command.append("--quiet")
    output = None if show else subprocess.PIPE
    done = subprocess.run([str(word) for word in command], stdout=output, text=True, timeout=seconds + 120)
    if not path.exists():
        common.fail(f"the generator could not run: {done.returncode}")
    record = json.loads(path.read_text())
    record["text"] = done.stdout or ""
    record["handovers"] = server.handovers()
    return record


def holds(server, rate):
    """Whether a rate is held; where no call failed, a second try tells the machine's noise from the server's limit."""
    held, failed = holds_once(server, rate)
    return held or (not failed and holds_once(server, rate)[0])


def holds_once(server, rate):
    """Whether nothing failed, less than 0.1 % was repeated by us and starts were in time; and whether calls failed."""
    record = run(server, rate, PROBE_SECONDS, more=["--drain", "33s"])
    sent = max(1, record["datagrams"]["sent"])
    good = record["good"] and record["retransmissions"] / sent < 0.001
    in_time = record["times_us"]["start too late by"]["p99"] < 50_000
    cpu = record["server_cpu"]["us_per_call"]
    verdict = "held" if good and in_time else "not held: " + "; ".join(record["objections"] + record["remarks"] or ["repeated"])
    common.say(f"  {server.name} {rate:>7.0f}/s {verdict} ({cpu:.1f} us a call)")
    return good and in_time, record["failed"] > 0


def highest(server):
    """The highest rate that is held: doubled until it is not, then halved in, then confirmed."""
    low, high = 0.0, None
    rate = FIRST
    while high is None:
        if holds(server, rate):
            low, rate = rate, rate * 2
        else:
            high = rate
        if low >= MOST:
            return low
    while high - low > max(low, 100) * GRAIN:
        middle = (low + high) / 2
        low, high = (middle, high) if holds(server, middle) else (low, middle)
    while low > 0 and not holds(server, low):
        low *= 0.95
    if low <= 0:
        common.fail(f"{server.name} holds no rate at all")
    return low
