#!/usr/bin/env python3
"""tandem-loadgen through Tandem, both parties in the generator, Record-Route (scripts/routed.cfg).

RATE (default: the highest held for SECONDS, by search), DURATION, SHARDS. Server on core 0, generator on core 1.
Further arguments go to tandem-loadgen."""

import os
import sys

import measure

rate = float(os.environ.get("RATE", "0")) or measure.highest("Tandem")[-1]["rate"]
record = measure.run("Tandem", rate, float(os.environ.get("DURATION", "60")), show=True, more=sys.argv[1:])
sys.exit(0 if record["held"] else 1)
