#!/usr/bin/env python3
"""SIPp on both sides of Tandem, with 2 shards: a trunk that answers 401 and checks credentials and CSeqs, and a caller that
knows nothing of it. The caller re-INVITEs and hangs up, the trunk sends an UPDATE. CALLS and RATE change the load."""

import os

import common

CALLS = int(os.environ.get("CALLS", "2000"))
RATE = int(os.environ.get("RATE", "200"))
# INVITE, 401, ACK, INVITE, 180, 200, ACK; INVITE, 200, ACK; UPDATE, 200; BYE, 200
PACKETS = 14

common.need("sipp", "sip-tester")
uas, uac, port = common.free_port(), common.free_port(), common.free_port()
server = common.Tandem("scripts/uac_auth.cfg", port, shards=int(os.environ.get("SHARDS", "2")), TRUNK=f"127.0.0.1:{uas}")
result = common.call_by_sipp(
    server,
    ["-sf", common.HERE / "scenarios/auth_uac.xml", f"127.0.0.1:{port}", "-i", "127.0.0.1", "-p", uac],
    ["-sf", common.HERE / "scenarios/auth_uas.xml", "-i", "127.0.0.1", "-p", uas],
    CALLS,
    RATE,
)
common.say(f"calls through a trunk that challenges: {CALLS} at {RATE}/s")
common.say("handovers between shards:", server.handovers())
common.judge_sipp(result, CALLS, PACKETS)
if result.get("answering side", {}).get("failed"):
    common.fail(f"the trunk refused {result['answering side']['failed']} calls")
common.stop_server(server)
common.say("passed")
