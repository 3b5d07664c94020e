#!/usr/bin/env python3
"""tandem-loadgen through Tandem, both parties in the generator, Record-Route (scripts/routed.cfg).

RATE (default: the highest held, by search), DURATION, SHARDS. Server on core 0, generator on core 1.
Further arguments go to tandem-loadgen."""

import os
import sys

import common
import measure

port = common.free_port()
server = measure.servers(port, only=["Tandem"])[0]
rate = float(os.environ.get("RATE", "0")) or measure.highest(server)
record = measure.run(server, rate, float(os.environ.get("DURATION", "60")), show=True, more=sys.argv[1:])
common.stop_server(server)
sys.exit(0 if record["good"] else 1)
