#!/usr/bin/env python3
"""Every level of steering on 2 and 4 shards: the same calls, what is handed over, and how the work spreads.

SECONDS (4) at RATE (1,500) calls a second, 16 ports a side and one trunk a side, a fresh server each. Writes a table; fails
when a call fails, when a level that the profile names does not run, or when a trunk does not spread over the shards by
eBPF. The work of a shard is the CPU time of its thread."""

import os
import pathlib
import sys

import common
import measure

SECONDS, RATE = float(os.environ.get("SECONDS", 4)), float(os.environ.get("RATE", 1500))
# Of its fair share that a shard may have less when a trunk is steered by eBPF.
FAIR = 0.6


def work_of_shards(pid):
    """CPU nanoseconds of each shard's thread."""
    spent = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        if name.startswith("shard-"):
            spent[name] = int((task / "schedstat").read_text().split()[0])
    return [spent[name] for name in sorted(spent)]


def main():
    print("| steering | shards | shape | calls | failed | repeated | handovers a call | share of the work, least / most |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    faults = []
    for level in ["ebpf", "classic", "mesh"]:
        profile = common.WORK / f"steering-{level}.toml"
        profile.write_text(f'steering = "{level}"\nspin_us = 0\n')
        os.environ["PROFILE"] = str(profile)
        for shards in [2, 4]:
            for shape, sources in [("16 ports", 16), ("trunk", 1)]:
                measure.SHARDS, measure.SOURCES = shards, sources
                work = []
                stop = common.stop_server

                def stop_and_look(server):
                    work.extend(work_of_shards(server.process.pid))
                    stop(server)

                common.stop_server = stop_and_look
                try:
                    record = measure.run("Tandem", RATE, SECONDS)
                finally:
                    common.stop_server = stop
                counted = {name.split(":")[-1]: value for name, value in record["handovers"].items()}
                sent, wrong = int(counted.get("handovers_sent", 0)), int(counted.get("handovers_wrong", 0))
                failed = record["started"] - record["succeeded"]
                least, most = (100 * one / sum(work) for one in (min(work), max(work)))
                print(
                    f"| {level} | {shards} | {shape} | {record['started']} | {failed} | {record['retransmissions']} | "
                    f"{sent / record['started']:.3f} | {least:.0f} / {most:.0f} % |",
                    flush=True,
                )
                if failed or wrong:
                    faults.append(f"{level}, {shards} shards, {shape}: {failed} failed, {wrong} handed over wrongly")
                if level == "ebpf" and least < FAIR * 100 / shards:
                    faults.append(f"{level}, {shards} shards, {shape}: a shard has {least:.0f} % of the work")
    for fault in faults:
        print(f"steering: {fault}", file=sys.stderr)
    return 1 if faults else 0


sys.exit(main())
