#!/usr/bin/env python3
"""The same scenario files by SIPp and by `tandem-loadgen sipp`.

`same`  one call of every pair of files through a relay that writes down what passes, SIPp and ours on either side in
        all four ways: the messages have to be the same, word for word but for ports, process ids and credentials.
`many`  CALLS calls at RATE of the built-in callers and callees, ours against SIPp's both ways: none may fail.
`held`  what each tool drives on one core: rates rise by half until calls fail, are repeated (more than 0.1 %) or start
        late; the other side is always ours, on the other core. Wants a quiet machine. FROM, SECONDS, STEPS change it.

Parts are named as arguments; without any, `same` and `many`."""

import json
import os
import re
import resource
import socket
import sys
import threading
import time

import common

CALLS = int(os.environ.get("CALLS", "1000"))
RATE = int(os.environ.get("RATE", "200"))
FROM = int(os.environ.get("FROM", "1000"))
SECONDS = int(os.environ.get("SECONDS", "5"))
STEPS = int(os.environ.get("STEPS", "12"))
SCENARIOS = common.HERE / "scenarios"
OURS = common.binary("tandem-loadgen")

common.need("sipp", "sip-tester")


def builtin(name):
    """A scenario of ours as a file, so that SIPp can run it too."""
    path = common.WORK / f"{name}.xml"
    if not path.exists():
        import subprocess

        path.write_bytes(subprocess.run([OURS, "sipp", "-sd", name], stdout=subprocess.PIPE, check=True).stdout)
    return path


def run(tool, side, arguments, core=None):
    """Starts a tool with the same words."""
    environment = dict(os.environ, TERM="dumb")
    if tool == "sipp":
        table = common.WORK / f"{side}-{time.monotonic_ns()}.csv"
        command = ["sipp", "-nostdin", "-trace_stat", "-stf", table, "-fd", "1"] + arguments
    else:
        table = common.WORK / f"{side}-{time.monotonic_ns()}.json"
        command = [OURS, "sipp", "--quiet", "--json", table] + arguments
    process = common.start(command, f"{tool}-{side}", core=core, cwd=common.WORK, env=environment)
    process.table = table
    process.tool = tool
    return process


def figures(process):
    """What a tool counted."""
    if process.tool == "sipp":
        row = common.last_row(process.table)
        return {
            "started": int(row["TotalCallCreated"]), "succeeded": int(row["SuccessfulCall(C)"]),
            "failed": int(row["FailedCall(C)"]), "repeated": int(row["Retransmissions(C)"]),
            "rate": float(row["CallRate(C)"]),
        }
    value = json.loads(process.table.read_text())
    return {
        "started": value["started"], "succeeded": value["succeeded"], "failed": value["failed"],
        "repeated": value["retransmissions"], "rate": value["succeeded_per_second"],
    }


def finish(process, patience):
    try:
        return process.wait(patience)
    except Exception:
        common.fail(f"{process.tool} did not end:\n{common.log_of(process)}")


class Relay(threading.Thread):
    """Moves datagrams between two sides and writes them down."""

    def __init__(self, callee):
        super().__init__(daemon=True)
        self.callee = callee
        self.messages = []
        self.near, self.far = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self.near.bind(("127.0.0.1", 0))
        self.far.bind(("127.0.0.1", 0))
        self.port = self.near.getsockname()[1]
        self.caller = None
        self.start()
        threading.Thread(target=self.back, daemon=True).start()

    def run(self):
        while True:
            data, self.caller = self.near.recvfrom(65536)
            self.messages.append((">", data))
            self.far.sendto(data, ("127.0.0.1", self.callee))

    def back(self):
        while True:
            data, _ = self.far.recvfrom(65536)
            self.messages.append(("<", data))
            self.near.sendto(data, self.caller)


def plain(direction, data, words):
    """A message without what has to differ."""
    text = data.decode("latin-1").replace("\r\n", "\n")
    for word, name in words:
        text = re.sub(rf"(?<!\d){word}(?!\d)", name, text)
    text = re.sub(r"(?m)^(Content-Length:) +", r"\1 ", text)
    text = re.sub(r"(?m)^(Authorization: Digest).*$", r"\1 ...", text)
    # SIPp takes the next port that is free on the machine.
    text = re.sub(r"(m=audio|port) 60\d\d\b", r"\1 MEDIA", text)
    text = re.sub(r"(?m)^(Route:) *(.*)$", lambda m: m[1] + " " + ", ".join(p.strip() for p in m[2].split(",")), text)
    return "\n".join(f"{direction} {line}" for line in text.strip().split("\n"))


def transcript(caller, callee, uac, uas, more):
    port, own = common.free_port(), common.free_port()
    relay = Relay(port)
    keys = ["-key", "callee", f"127.0.0.1:{port}"]
    answering = run(callee, "uas", ["-sf", uas, "-i", "127.0.0.1", "-p", port, "-m", 1])
    common.wait_until_served(port, answering)
    calling = run(
        caller, "uac",
        ["-sf", uac, *more, *keys, "-i", "127.0.0.1", "-p", own, "-m", 1, "-r", 1, f"127.0.0.1:{relay.port}"],
    )
    code = finish(calling, 30)
    other = finish(answering, 30)
    if code or other:
        common.fail(f"{caller} to {callee}: left with {code} and {other}:\n{common.log_of(calling)}")
    words = [(calling.pid, "PID1"), (answering.pid, "PID2"), (own, "UAC"), (port, "UAS"), (relay.port, "RELAY")]
    return [plain(*message, words) for message in relay.messages]


def same():
    pairs = [
        ("builtin", builtin("uac"), builtin("uas"), []),
        ("regular expressions", builtin("regexp"), builtin("uas"), []),
        ("route sets", SCENARIOS / "routed_uac.xml", SCENARIOS / "routed_uas.xml", []),
        ("branches", SCENARIOS / "branches_uac.xml", SCENARIOS / "branches_uas.xml",
         ["-inf", SCENARIOS / "branches.csv"]),
    ]
    for name, uac, uas, more in pairs:
        wanted = transcript("sipp", "sipp", uac, uas, more)
        for caller, callee in [("sipp", "ours"), ("ours", "sipp"), ("ours", "ours")]:
            found = transcript(caller, callee, uac, uas, more)
            if found != wanted:
                for ours, theirs in zip(found, wanted):
                    if ours != theirs:
                        common.say(f"--- SIPp\n{theirs}\n--- {caller} to {callee}\n{ours}")
                        break
                common.fail(f"{name}: {caller} to {callee}: {len(found)} messages, SIPp's are {len(wanted)}, or they differ")
        common.say(f"same: {name}: {len(wanted)} messages, the same in all four ways")


def many():
    pairs = [
        ("ours to SIPp's uas", "ours", ["-sn", "uac"], "sipp", ["-sn", "uas"]),
        ("SIPp's uac to ours", "sipp", ["-sn", "uac"], "ours", ["-sn", "uas"]),
        ("SIPp's regexp to ours", "sipp", ["-sn", "regexp"], "ours", ["-sn", "uas"]),
    ]
    for name, caller, uac, callee, uas in pairs:
        port = common.free_port()
        answering = run(callee, "uas", uas + ["-i", "127.0.0.1", "-p", port])
        common.wait_until_served(port, answering)
        calling = run(
            caller, "uac",
            uac + ["-i", "127.0.0.1", "-m", CALLS, "-r", RATE, "-l", RATE * 10, f"127.0.0.1:{port}"],
        )
        code = finish(calling, CALLS / RATE + 60)
        common.stop(answering, patience=10)
        result = figures(calling)
        common.say(f"many: {name}:", json.dumps(result))
        if code or result["failed"] or result["succeeded"] != CALLS:
            common.fail(f"{name}: left with {code}:\n{common.log_of(calling)}")


def probe(tool, side, rate):
    """One rate: whether it was held, and the CPU time of a call in microseconds."""
    port = common.free_port()
    calls = rate * SECONDS
    cores = {"uac": (1, 0), "uas": (0, 1)}[side]
    caller, callee = (tool, "ours") if side == "uac" else ("ours", tool)
    answering = run(callee, "uas", ["-sf", builtin("uas"), "-i", "127.0.0.1", "-p", port], core=cores[1])
    common.wait_until_served(port, answering)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    calling = run(
        caller, "uac",
        ["-sf", builtin("uac"), "-i", "127.0.0.1", "-m", calls, "-r", rate, "-l", rate * 10, "-timeout",
         f"{SECONDS * 3 + 10}s", f"127.0.0.1:{port}"],
        core=cores[0],
    )
    finish(calling, SECONDS * 3 + 60)
    between = resource.getrusage(resource.RUSAGE_CHILDREN)
    common.stop(answering, patience=10)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    first, second = (between, before) if side == "uac" else (after, between)
    used = first.ru_utime + first.ru_stime - second.ru_utime - second.ru_stime
    result = figures(calling)
    reached = result["succeeded"] >= calls and not result["failed"]
    repeated = result["repeated"] <= calls * 6 / 1000
    in_time = result["rate"] >= rate * 0.98
    return reached and repeated and in_time, used * 1e6 / max(result["succeeded"], 1), result


def held():
    common.need("taskset", "util-linux")
    rows = []
    for side in ["uac", "uas"]:
        for tool in ["sipp", "ours"]:
            rate, best = FROM, None
            for _ in range(STEPS):
                good, cost, result = probe(tool, side, rate)
                common.say(f"held: {tool} {side} at {rate}/s: {'held' if good else 'not held'}, "
                           f"{cost:.1f} us a call,", json.dumps(result))
                if not good:
                    break
                best = (rate, cost)
                rate = rate * 3 // 2
            rows.append((tool, side, best))
    common.say("| tool | side | highest rate held, one core | CPU a call there |\n|---|---|---|---|")
    for tool, side, best in rows:
        name = {"sipp": "SIPp", "ours": "tandem-loadgen sipp"}[tool]
        text = f"{best[0]}/s | {best[1]:.1f} us" if best else f"below {FROM}/s | -"
        common.say(f"| {name} | {side} | {text} |")


PARTS = {"same": same, "many": many, "held": held}
for part in sys.argv[1:] or ["same", "many"]:
    if part not in PARTS:
        common.fail(f"no part {part}: {', '.join(PARTS)}")
    PARTS[part]()
common.say("passed")
