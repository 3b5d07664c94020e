"""Measuring servers with tandem-loadgen: one run on a fresh server, and the highest rate that is held.

The server (all its shards or children) is on core SERVER_CORE (0), the generator on GENERATOR_CORE (1), nobody spins
on the server's core. A finished transaction stays for 32 s (Timers D, J, L, M; 5 s in Kamailio), so only a run of
SECONDS says whether a rate is held; PROBE_SECONDS find where to begin."""

import functools
import json
import os
import pathlib
import subprocess
import time

import common

QUICK = bool(os.environ.get("QUICK"))


def knob(name, value, quick=None):
    return float(os.environ.get(name, value if quick is None or not QUICK else quick))


SECONDS = knob("SECONDS", 60, quick=5)
PROBE_SECONDS = knob("PROBE_SECONDS", 8, quick=2)
FIRST = knob("FIRST", 2000, quick=200)
# Not searched beyond.
MOST = knob("MOST", 200_000, quick=400)
# How far a search goes down after a run that was not held.
STEP = knob("STEP", 0.92)
SOURCES = int(knob("SOURCES", 16))
SERVER_CORE, GENERATOR_CORE = int(knob("SERVER_CORE", 0)), int(knob("GENERATOR_CORE", 1))
SHARDS = int(knob("SHARDS", 2))
# On one core a second child makes a call dearer for Kamailio, and lets a BYE overtake its ACK.
CHILDREN = int(knob("CHILDREN", 1))
# What both servers keep a finished transaction for, in seconds; without it each as it does by itself.
LINGER = int(knob("LINGER", 0)) or None
LINGERS = {"Tandem": 32, "Kamailio": 5}
# Of sent datagrams that the generator may repeat; more is a storm.
REPEATED = 0.001
# Seconds that open calls get at the end, and that a run may take beyond its own time.
DRAIN, PATIENCE = 5, 10
# The null server's answering side counts up from here.
ANSWERING = 29_000
DELAY = "post-dial delay (18x)"


class Null:
    """`tandem-loadgen forward`: moves datagrams and reads nothing. What it holds is the generator's own limit."""

    name = "null server"
    more = ["--unrouted", "--listen", f"127.0.0.1:{ANSWERING}"]

    def __init__(self, port):
        self.port = port
        command = [
            common.binary("tandem-loadgen"), "forward", f"127.0.0.1:{ANSWERING}", "--listen", f"127.0.0.1:{port}",
            "--answer-sources", SOURCES, "--duration", "600s", "--quiet",
        ]
        self.process = common.start(command, f"null{port}", core=SERVER_CORE)
        common.wait_until_served(port, self.process)

    def handovers(self):
        return {}


def fresh(kind, linger=LINGER):
    """A server that has not served anybody, with the equal script."""
    port = common.free_port()
    if kind == "Tandem":
        return common.Tandem("scripts/routed.cfg", port, shards=SHARDS, core=SERVER_CORE, linger=linger)
    if kind == "Kamailio":
        config = "scripts/routed.kamailio.cfg"
        return common.Kamailio(config, port, core=SERVER_CORE, children=CHILDREN, linger=linger)
    return Null(port)


def run(kind, rate, seconds, linger=LINGER, settle=False, show=False, more=()):
    """One run on a fresh server; its record. With `settle`, what finished calls leave behind is waited for and its
    CPU time counted too, else the end of the run would be free."""
    server = fresh(kind, linger)
    pid = server.process.pid
    pinned(server)
    path = common.WORK / f"{kind.replace(' ', '-')}-{server.port}.json"
    # A generator that falls behind would start its calls all the same, only later: it is asked to end.
    command = [
        "timeout", "--foreground", "--signal=INT", seconds + PATIENCE, common.binary("tandem-loadgen"), "call",
        f"127.0.0.1:{server.port}", "--rate", f"{rate:.0f}", "--duration", f"{seconds}s", "--drain", f"{DRAIN}s",
        "--sources", SOURCES, "--answer-sources", SOURCES, "--core", GENERATOR_CORE, "--server-pid", pid, "--json", path,
        *getattr(server, "more", []), *more,
    ]
    if not show:
        command.append("--quiet")
    before, all_before = cpu_time(pid), machine_time()
    output = None if show else subprocess.DEVNULL
    done = subprocess.run([str(word) for word in command], stdout=output, timeout=seconds + PATIENCE + 60)
    if not path.exists():
        common.fail(f"the generator could not run: {done.returncode}")
    record = json.loads(path.read_text())
    elapsed = record["elapsed_us"] / 1e6
    ours = (record["server_cpu"]["total_ns"] + record["generator_cpu"]["total_ns"]) / 1e9
    objections = record["objections"] + against(record)
    record.update(
        server=kind, objections=objections, held=not objections, handovers=server.handovers(), peak_bytes=peak(pid),
        core=record["server_cpu"]["total_ns"] / 1e9 / elapsed,
        others=max(0.0, (machine_time() - all_before - ours) / elapsed),
    )
    if settle and record["held"]:
        time.sleep((linger or LINGERS.get(kind, 0)) + 2)
    record["cpu_us"] = [part / 1e3 / max(1, record["started"]) for part in cpu_since(before, cpu_time(pid))]
    common.stop_server(server)
    return record


def against(record):
    """The reasons beyond the generator's own why a run was not held."""
    reasons = []
    if record["retransmissions"] > REPEATED * max(1, record["datagrams"]["sent"]):
        reasons.append(f"{record['retransmissions']} repeated")
    return reasons


def told(record):
    """One line that says how a run went."""
    verdict = "held" if record["held"] else "not held: " + "; ".join(record["objections"])
    if record["generator_busy"] > 0.85:
        verdict += f" (generator-limited: {100 * record['generator_busy']:.0f} % busy)"
    return (
        f"{record['server']:<11} {record['rate']:>6.0f}/s {record['started'] / record['rate']:>4.0f} s "
        f"{record['server_cpu']['us_per_call']:>6.1f} us a call, {record['peak_bytes'] / 2**20:>5.0f} MiB  {verdict}"
    )


def say(record):
    common.say("  " + told(record))
    return record


def held(kind, rate):
    """A probe. Where no call failed, a second one tells the machine's noise from the server's limit."""
    for _ in range(2):
        record = say(run(kind, rate, PROBE_SECONDS))
        if record["held"] or record["failed"]:
            break
    return record["held"]


def ceiling(kind, first=FIRST):
    """Roughly what a server begins with: doubled until a probe is not held, then the gap is halved three times."""
    low, high, rate = 0.0, None, first
    while high is None and low < MOST:
        low, high = (rate, None) if held(kind, rate) else (low, rate)
        rate *= 2
    for _ in range(3 if high else 0):
        middle = (low + high) / 2
        low, high = (middle, high) if held(kind, middle) else (low, middle)
    return low or common.fail(f"{kind} does not even hold {high:.0f}/s for {PROBE_SECONDS:.0f} s")


def highest(kind, rate=None, end=None):
    """Runs of SECONDS, STEP by STEP down from the ceiling until one is held: its record is the last. Nearer than two
    runs to the end of the time there is, the steps are longer."""
    tried, rate = [], rate or ceiling(kind)
    while True:
        tried.append(say(run(kind, rate, SECONDS, settle=True)))
        if tried[-1]["held"]:
            return tried
        if end and time.monotonic() > end:
            common.fail(f"no rate of {kind} was held in the time there is")
        rate *= STEP if not end or time.monotonic() + 2 * SECONDS < end else STEP**4


def threads(pid):
    return [task for process in common.family(pid) for task in pathlib.Path(f"/proc/{process}/task").iterdir()]


def pinned(server):
    """Every thread of a server is on its core, or there is nothing to measure."""
    strays = [task.name for task in threads(server.process.pid) if os.sched_getaffinity(int(task.name)) != {SERVER_CORE}]
    if strays:
        common.fail(f"{server.name} has {len(strays)} threads that may leave core {SERVER_CORE}")


def cpu_time(pid):
    """Of a server's threads: nanoseconds as the scheduler gave them, user and system ticks as the kernel saw them."""
    total = sum(int((task / "schedstat").read_text().split()[0]) for task in threads(pid))
    fields = common.family(pid).values()
    return total, sum(int(field[11]) for field in fields), sum(int(field[12]) for field in fields)


def cpu_since(before, after):
    """Nanoseconds, and the shares of them in user and system mode by the ticks."""
    total, user, system = (now - so_far for now, so_far in zip(after, before))
    return [total] + [total * part / max(1, user + system) for part in (user, system)]


def machine_time():
    """Seconds that all cores were not idle, whoever used or stole them."""
    user, nice, system, _, _, irq, softirq, steal = map(int, pathlib.Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def peak(pid):
    """The most memory that was resident. What processes share (it only grows) is counted once, where most is seen."""
    own, shared = 0, 0
    for process in common.family(pid):
        lines = pathlib.Path(f"/proc/{process}/status").read_text().splitlines()
        sizes = {line.split(":")[0]: 1024 * int(line.split()[1]) for line in lines if line.endswith(" kB")}
        own += sizes["VmHWM"] - sizes["RssShmem"]
        shared = max(shared, sizes["RssShmem"])
    return own + shared
