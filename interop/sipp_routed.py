#!/usr/bin/env python3
"""SIPp with scenarios of our own that keep a route set, through Tandem with 2 shards and Record-Route.

CALLS and RATE change the load, SERVER=kamailio tries the script against Kamailio."""

import os

import common

CALLS = int(os.environ.get("CALLS", "10000"))
RATE = int(os.environ.get("RATE", "500"))
PACKETS = 6

common.need("sipp", "sip-tester")
uas, uac, port = common.free_port(), common.free_port(), common.free_port()
server = common.server("scripts/routed.cfg", port)
scenarios = common.HERE / "scenarios"
result = common.call_by_sipp(
    server,
    ["-sf", scenarios / "routed_uac.xml", "-key", "callee", f"127.0.0.1:{uas}",
     f"127.0.0.1:{port}", "-i", "127.0.0.1", "-p", uac],
    ["-sf", scenarios / "routed_uas.xml", "-i", "127.0.0.1", "-p", uas],
    CALLS,
    RATE,
)
common.say(f"SIPp with a route set through {server.name}: {CALLS} calls at {RATE}/s")
common.say("handovers between shards:", server.handovers())
common.judge_sipp(result, CALLS, PACKETS)
common.stop_server(server)
common.say("passed")
