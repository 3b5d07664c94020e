#!/usr/bin/env python3
"""SIPp's built-in `uac` and `uas` scenarios through Tandem with 2 shards.

They keep no route set: ACK and BYE come without Route, the script relays them (scripts/relay.cfg).
CALLS and RATE change the load, SERVER=kamailio tries the script against Kamailio."""

import os

import common

CALLS = int(os.environ.get("CALLS", "10000"))
RATE = int(os.environ.get("RATE", "500"))
# INVITE, 180, 200, ACK, BYE, 200, as each side sees them.
PACKETS = 6

common.need("sipp", "sip-tester")
uas, uac, port = common.free_port(), common.free_port(), common.free_port()
server = common.server("scripts/relay.cfg", port, UAS=uas)
result = common.call_by_sipp(
    server,
    ["-sn", "uac", f"127.0.0.1:{port}", "-i", "127.0.0.1", "-p", uac],
    ["-sn", "uas", "-i", "127.0.0.1", "-p", uas],
    CALLS,
    RATE,
)
common.say(f"SIPp's built-in scenarios through {server.name}: {CALLS} calls at {RATE}/s")
common.say("handovers between shards:", server.handovers())
common.judge_sipp(result, CALLS, PACKETS)
common.stop_server(server)
common.say("passed")
