#!/usr/bin/env python3
"""The 4,527 cases of PROTOS c07-sip against a running Tandem, an OPTIONS after each, and no growth.

The cases are GPL test data beside the project (../shared/torture); they are unpacked into a temporary place and
never copied here. CASES limits how many are sent, SERVER=kamailio tries the script against Kamailio."""

import os
import pathlib
import re
import socket
import subprocess
import sys
import time

import common

ARCHIVE = pathlib.Path(os.environ.get("PROTOS") or common.beside("shared/torture/protos-c07-sip/cases.tar.xz"))
CASES = int(os.environ.get("CASES", "4527"))
# Pools and tables fill up over the first rounds; in the last one memory has to stay where it is.
ROUNDS = int(os.environ.get("ROUNDS", "6"))
GROWTH_MAX_PERCENT = 3


def messages(case):
    """The messages of one case, length-prefixed and with placeholders unfilled."""
    rest = case
    while rest:
        head = re.match(rb"\s*(\d+) ", rest)
        if not head:
            return
        length, rest = int(head.group(1)), rest[head.end():]
        yield rest[:length]
        rest = rest[length:]


def filled(template, number, port, server, method):
    words = {
        b"<To>": b"receiver@127.0.0.1:%d" % server, b"<From>": b"tester@127.0.0.1:%d" % port,
        b"<From-Address>": b"127.0.0.1", b"<From-IP>": b"127.0.0.1", b"<Local-Port>": b"%d" % port,
        b"<Branch-ID>": b"%d" % number, b"<Call-ID>": b"%d" % number, b"<CSeq>": b"%d" % (number + 1),
        b"<Teardown-Method>": method,
    }
    for place, word in words.items():
        template = template.replace(place, word)
    body = re.split(rb"\r?\n\r?\n", template, maxsplit=1)
    length = len(body[1]) if len(body) == 2 else 0
    return template.replace(b"<Content-Length>", b"%d" % length)


def drain(wire):
    statuses = []
    try:
        while True:
            datagram = wire.recv(65535, socket.MSG_DONTWAIT)
            found = re.match(rb"SIP/2.0 (\d)(\d\d)", datagram)
            statuses.append(found.group(1).decode() + "xx" if found else "request")
    except BlockingIOError:
        return statuses


def still_serves(probe, port, number):
    for attempt in range(3):
        probe.sendto(common.options_request(port, number * 3 + attempt), ("127.0.0.1", port))
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            probe.settimeout(max(0.01, end - time.monotonic()))
            try:
                if probe.recv(65535).startswith(b"SIP/2.0 "):
                    return True
            except TimeoutError:
                break
    return False


def main():
    if not ARCHIVE.exists():
        common.say(f"{ARCHIVE} is not here: skipped")
        return
    common.need("xz", "xz-utils")
    place = common.WORK / "protos"
    place.mkdir()
    subprocess.run(["tar", "-C", place, "-xJf", ARCHIVE], check=True)
    cases = sorted((place / "cases").iterdir())[:CASES]
    port = common.free_port()
    server = common.server("scripts/registrar.cfg", port)
    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire.bind(("127.0.0.1", 0))
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    probe.bind(("127.0.0.1", 0))
    local = wire.getsockname()[1]
    answers, sizes, number = {}, [], 0
    for turn in range(ROUNDS):
        for case in cases:
            number += 1
            invite, *teardown = messages(case.read_bytes())
            wire.sendto(filled(invite, number, local, port, b"INVITE")[:65000], ("127.0.0.1", port))
            for template in teardown:
                for method in [b"CANCEL", b"ACK"]:
                    wire.sendto(filled(template, number, local, port, method)[:65000], ("127.0.0.1", port))
            if server.process.poll() is not None:
                common.fail(f"the server died at case {case.name}:\n{common.log_of(server.process)}")
            if not still_serves(probe, port, number):
                common.fail(f"no answer to OPTIONS after case {case.name}")
            for kind in drain(wire):
                answers[kind] = answers.get(kind, 0) + 1
        # What transactions hold is let go when Timers B, H and their like have run.
        time.sleep(float(os.environ.get("CALM", "36")))
        drain(wire)
        sizes.append(common.resident(server.pid()))
        common.say(f"round {turn + 1}: {len(cases)} cases, OPTIONS answered after each, {sizes[-1] / 2**20:.1f} MiB resident")
    common.say("answers to the cases:", dict(sorted(answers.items())))
    if len(sizes) > 1:
        growth = 100.0 * (sizes[-1] - sizes[-2]) / sizes[-2]
        common.say(f"growth in the last round: {growth:.1f} %")
        if growth > GROWTH_MAX_PERCENT:
            common.fail("it grows")
    statistics = server.statistics() if hasattr(server, "statistics") else {}
    for name in sorted(statistics):
        if "malformed" in name or "dropped" in name or "rejected" in name or "quarantine" in name or "panic" in name:
            common.say(f"  {name} = {statistics[name]}")
    common.stop_server(server)
    common.say("passed")


if __name__ == "__main__":
    sys.exit(main())
