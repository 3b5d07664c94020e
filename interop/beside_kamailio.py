#!/usr/bin/env python3
"""The same calls through Tandem (2 shards) and Kamailio 5.6 (Debian), equal scripts, by turns in one run.

Both servers on core 0, the generator on core 1, no spinning. Each runs at the highest rate it holds (found by
search), then both at Kamailio's, ROUNDS times by turns, SECONDS each. Writes a record below bench-results/."""

import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess

import common
import measure

ROUNDS = int(os.environ.get("ROUNDS", "2"))
SECONDS = float(os.environ.get("SECONDS", "60"))
RECORDS = pathlib.Path(os.environ.get("RECORDS", common.ROOT / "bench-results"))


def row(record):
    times, cpu = record["times_us"], record["server_cpu"]
    delay = times["post-dial delay (18x)"]
    cells = [
        record["server"], record["what"], f"{record['rate']:.0f}", str(record["started"]), str(record["failed"]),
        str(record["retransmissions"]),
        f"{delay['p50']} / {delay['p99']} / {delay['p99.9']} / {delay['max']}",
        f"{cpu['us_per_call']:.1f}", f"{cpu['user_us_per_call']:.1f}", f"{cpu['system_us_per_call']:.1f}",
        f"{cpu['resident_bytes'] / 2**20:.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


def main():
    common.binary("tandem-loadgen")
    both = measure.servers(common.free_port())
    peaks = {}
    for server in both:
        common.say(f"searching the highest rate that {server.name} holds")
        peaks[server.name] = measure.highest(server)
    common_rate = min(peaks.values())
    records = []
    for turn in range(ROUNDS):
        for what in ("own highest", "common rate"):
            for server in both:
                rate = peaks[server.name] if what == "own highest" else common_rate
                record = measure.run(server, rate, SECONDS)
                record.update(server=server.name, what=what, turn=turn)
                records.append(record)
                common.say(row(record))
    handovers = {server.name: server.handovers() for server in both}
    versions = {
        "Tandem": subprocess.run([common.binary("tandem"), "-V"], capture_output=True, text=True).stdout.splitlines()[:1],
        "Kamailio": subprocess.run(["kamailio", "-v"], capture_output=True, text=True).stdout.splitlines()[:1],
    }
    configurations = {server.name: getattr(server, "script", None) or server.config for server in both}
    write(records, peaks, handovers, versions, configurations)
    for server in both:
        common.stop_server(server)
    failed = sum(record["failed"] for record in records)
    common.say("passed" if not failed else f"FAILED: {failed} calls")
    raise SystemExit(1 if failed else 0)


def write(records, peaks, handovers, versions, configurations):
    machine = records[0]["machine"]
    short = re.sub(r"[^a-z0-9]+", "-", f"{machine['cpu'].lower()}-{machine['cores']}c").strip("-")[:40]
    place = RECORDS / f"{datetime.date.today():%Y-%m-%d}-{short}-beside-kamailio"
    number = 2
    while place.exists():
        place = place.with_name(re.sub(r"(-\d+)?$", f"-{number}", place.name, count=1))
        number += 1
    place.mkdir(parents=True)
    for name, path in configurations.items():
        shutil.copy(path, place / f"{name.lower()}.cfg")
    for record in records:
        record.pop("text", None)
    (place / "runs.json").write_text(json.dumps(records, indent=1) + "\n")
    mean = {
        (server, what): statistics.mean(
            record["server_cpu"]["us_per_call"] for record in records if (record["server"], record["what"]) == (server, what)
        )
        for server in peaks for what in ("own highest", "common rate")
    }
    ratios = {what: mean["Tandem", what] / mean["Kamailio", what] for what in ("own highest", "common rate")}
    lines = [
        "# Tandem beside Kamailio 5.6", "",
        f"Machine: {machine['cpu']}, {machine['cores']} cores, Linux {platform.release()}. Servers pinned to core "
        f"{measure.SERVER_CORE} (both shards of Tandem on it, nobody spins), generator on core {measure.GENERATOR_CORE}.",
        f"`interop/beside_kamailio.py`, {SECONDS:.0f} s a run, {ROUNDS} rounds by turns. 13 datagrams a call, loopback UDP, "
        f"{measure.SOURCES} ports on each side; INVITE, 180, 200, ACK, BYE, 200 with Record-Route.", "",
        f"Versions: {versions}. Highest rates held: " + ", ".join(f"{name} {rate:.0f}/s" for name, rate in peaks.items()) + ".",
        f"Handovers counted: {handovers['Tandem']}.", "",
        "CPU time is the scheduler's (schedstat, exact); user and system are split as the kernel's tick saw them.", "",
        "| server | what | calls/s | calls | failed | repeated | post-dial delay p50 / p99 / p99.9 / max us | CPU us/call | user | system | MiB |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
        *[row(record) for record in records], "",
        f"CPU per call, Tandem / Kamailio: {ratios['own highest']:.2f} each at its own highest rate, "
        f"{ratios['common rate']:.2f} at the common rate.",
    ]
    (place / "README.md").write_text("\n".join(lines) + "\n")
    common.say(f"record: {place}")


if __name__ == "__main__":
    main()
