#!/usr/bin/env python3
"""A new script every second under load: RATE calls a second for SECONDS through two shards, one reload in five broken.

No call may fail, a broken script changes nothing, every shard answers as the last good one says, and memory stays that of
the same calls without a reload."""

import json
import os
import socket
import subprocess
import sys
import time

import common

RATE = int(os.environ.get("RATE", "500"))
SECONDS = int(os.environ.get("SECONDS", "60"))
SHARDS = int(os.environ.get("SHARDS", "2"))
BROKEN_EVERY = 5
# More than the same calls take without a reload: two programs, and what the compiler's thread has left.
GROWTH_BYTES_MAX = 8 << 20


def write(tandem, version):
    broken = version % BROKEN_EVERY == 0
    text = common.fill(
        "scripts/reloaded.cfg", PORT=tandem.port, FIFO=tandem.fifo, REPLIES=f"{common.WORK}/", VERSION=version,
        BREAK="(" if broken else "",
    )
    tandem.script.write_text(text)
    return broken


def reload(tandem):
    command = [common.binary("tandem"), "mi", "--fifo", tandem.fifo, "--reply-dir", common.WORK, "reload_routes"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=20)
    return done.returncode == 0, done.stdout + done.stderr


def version(port, number):
    """What answers an OPTIONS now; the Call-ID chooses the shard."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        phone.settimeout(2)
        own = phone.getsockname()[1]
        phone.sendto(
            (
                f"OPTIONS sip:127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bKv{number}\r\n"
                f"From: <sip:reload@127.0.0.1>;tag={number}\r\nTo: <sip:127.0.0.1>\r\nCall-ID: version-{number}\r\n"
                "CSeq: 1 OPTIONS\r\nMax-Forwards: 10\r\nContent-Length: 0\r\n\r\n"
            ).encode(),
            ("127.0.0.1", port),
        )
        return phone.recv(4096).split(b"\r\n", 1)[0].decode().rsplit(" ", 1)[1]


def run(reloads):
    """The calls, with or without reloads: what the generator says, the memory second by second, what was reloaded."""
    tandem = common.Tandem("scripts/reloaded.cfg", common.free_port(), shards=SHARDS, VERSION=1, BREAK="")
    record = common.WORK / f"reload-{tandem.port}.json"
    load = common.start(
        [
            common.binary("tandem-loadgen"), "call", f"127.0.0.1:{tandem.port}", "--rate", RATE, "--duration", f"{SECONDS}s",
            "--drain", "10s", "--json", record, "--quiet",
        ],
        f"loadgen-{tandem.port}",
    )
    begun = time.monotonic()
    running, refused, took, curve = 1, 0, [], []
    for number in range(2, SECONDS + 1):
        time.sleep(max(0.0, begun + number - 1 - time.monotonic()))
        curve.append(common.resident(tandem.pid()))
        if not reloads:
            continue
        is_broken = write(tandem, number)
        at = time.monotonic()
        done, said = reload(tandem)
        took.append(1000 * (time.monotonic() - at))
        if done == is_broken:
            common.fail(f"reload {number}, {'broken' if is_broken else 'good'}: {said}")
        if is_broken:
            refused += 1
            if "parse error in" not in said:
                common.fail(f"reload {number} does not say what is wrong: {said}")
        else:
            running = number
        answers = {version(tandem.port, f"{number}-{shard}") for shard in range(8)}
        if answers != {str(running)}:
            common.fail(f"reload {number}: {answers} answer where {running} should")
    status = load.wait(timeout=SECONDS + 60)
    if not record.exists():
        common.fail(f"the generator could not run:\n{common.log_of(load)}")
    said = json.loads(record.read_text())
    common.stop_server(tandem)
    sizes = " ".join(f"{size / 2**20:.1f}" for size in [*curve[::10], curve[-1]])
    common.say(f"  {said['started']} calls at {RATE}/s, {said['failed']} failed, {said['retransmissions']} repeated; MiB each 10 s: {sizes}")
    if reloads:
        took.sort()
        common.say(
            f"  {len(took) - refused} reloads, {refused} refused; {took[len(took) // 2]:.0f} ms the middle one, "
            f"{took[-1]:.0f} ms the longest, the command's own start counted"
        )
    if status != 0 or said["failed"] or said["objections"]:
        common.fail(f"the calls: {said['failed']} failed, {said['objections']}")
    return curve[-1]


def main():
    before = run(reloads=False)
    after = run(reloads=True)
    grown = after - before
    common.say(f"  {grown / 2**20:+.1f} MiB by reloading")
    if grown > GROWTH_BYTES_MAX:
        common.fail("that is growth")
    common.say("  passed")


if __name__ == "__main__":
    sys.exit(main())
