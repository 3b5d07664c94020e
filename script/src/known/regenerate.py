#!/usr/bin/env python3
"""Writes names.txt from a surface.tsv and a table of modules: regenerate.py SURFACE MODULES > names.txt

One section a module, with its priority; a line is a kind and a name:
  f NAME SIGNATURE    function; `a NAME` after it: also asynchronous
  p NAME KIND         parameter; KIND is i, s or a (either), * repeatable
  v NAME FLAGS        variable; w writable, n needs a name, o may take one, i takes an index
  m NAME              management command
  s NAME              statistic
  e NAME              event
"""
import re
import sys

LANGUAGE = "assert async break drop error exit launch log return route xdbg xlog".split()
OPTIONAL_NAME = "sdp rtpstat socket_in socket_out branch rb b2b_logic.entity rtp_relay rtp_relay_peer".split()
READS_VARIABLES = ["raise_event"]
# Modules without functions, parameters or variables of their own.
BARE_MODULES = """db_perlvdb event_datagram event_route opentelemetry presence_mwi presence_xcapdiff proto_tcp proto_udp
tls_openssl""".split()

sections = {module: [] for module in BARE_MODULES}
for line in open(sys.argv[1], encoding="utf-8"):
    if line.startswith("#"):
        continue
    module, kind, name, rest = (line.rstrip("\n").split("\t") + ["", ""])[:4]
    out = sections.setdefault(module, [])
    if kind == "function" and not (module == "core" and name in LANGUAGE):
        if name not in READS_VARIABLES:
            args, at, kinds = rest.partition("@")
            rest = args.replace("var", "out") + at + kinds
        if "|" in rest.partition("@")[0]:
            # Alternatives: what only the longer one has may be left out.
            args, at, kinds = rest.partition("@")
            short, long = sorted((one.strip().strip("()").split(", ") for one in args.split(" | ")), key=len)
            more = ["[" + one.strip("[]") + "]" for one in long[len(short):]]
            rest = f"({', '.join(short + more)}) @{kinds}"
        out.append(f"f {name} {rest.replace(', ', ',').replace(' @ ', '@')}")
    elif kind == "async":
        out.append(f"a {name}")
    elif kind == "param" and module != "core":
        typ = rest.split("=")[0].strip()
        many = "*" if typ.startswith("func-") else ""
        typ = typ.removeprefix("func-")
        if "|" in typ:
            letter = "a"
        elif typ.startswith(("int", "bool")):
            letter = "i"
        else:
            letter = "s"
        out.append(f"p {name} {letter}{many}")
    elif kind == "pvar":
        flags = "w" if rest.startswith("rw") else ""
        if "(" in rest:
            first = rest[rest.index("(") + 1]
            flags += "o" if name in OPTIONAL_NAME else "n"
        if "[idx]" in rest:
            flags += "i"
        out.append(f"v {name} {flags}".rstrip())
    elif kind in ("mi", "stat", "event"):
        out.append(f"{kind[0]} {name}")
priorities = {}
for line in open(sys.argv[2], encoding="utf-8"):
    row = re.match(r"\| ([a-z0-9_.]+) \| (P\d) \|", line)
    if row:
        priorities[row[1]] = row[2]
for module, lines in sorted(sections.items(), key=lambda item: (item[0] != "core", item[0])):
    print(f"[{module}] {priorities.get(module, '')}".rstrip())
    for line in lines:
        print(line)
