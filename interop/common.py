"""What the interop scripts share: installing peers, starting servers, running SIPp, cleaning up.

Everything runs on loopback and is bounded in time. Only processes started here are ended, by their own ids.
"""

import atexit
import csv
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
HERE = ROOT / "interop"
WORK = pathlib.Path(tempfile.mkdtemp(prefix="tandem-interop-"))
_started = []


def say(*words):
    print(*words, flush=True)


def fail(why):
    say(f"FAILED: {why}")
    sys.exit(1)


def need(command, package):
    """Installs a Debian package when its command is not there."""
    if shutil.which(command) or pathlib.Path(command).exists():
        return
    say(f"installing {package}")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
    done = subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", package], env=environment, **quiet)
    if done.returncode or not (shutil.which(command) or pathlib.Path(command).exists()):
        fail(f"{package} is not to be had from Debian")


def need_python(module, package):
    """Installs a Python package into a directory of its own when it is not there."""
    try:
        __import__(module)
        return
    except ImportError:
        pass
    place = WORK / "python"
    if not shutil.which("pip") and not shutil.which("pip3"):
        need("pip3", "python3-pip")
    say(f"installing {package}")
    command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(place), package]
    if subprocess.run(command, stderr=subprocess.DEVNULL).returncode:
        fail(f"{package} is not to be had from PyPI")
    sys.path.insert(0, str(place))
    os.environ["PYTHONPATH"] = f"{place}:{os.environ.get('PYTHONPATH', '')}"


def start(command, name, core=None, **more):
    """Starts a process; its output goes to WORK/name.log. It is ended when we end."""
    command = [str(word) for word in command]
    if core is not None:
        need("taskset", "util-linux")
        command = ["taskset", "-c", str(core)] + command
    log = open(WORK / f"{name}.log", "ab")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **more)
    process.log = WORK / f"{name}.log"
    _started.append(process)
    return process


def stop(process, patience=3.0):
    """Ends a process we started, and what it started: asks first."""
    for sign, wait in [(signal.SIGTERM, patience), (signal.SIGKILL, 2.0)]:
        if process.poll() is not None:
            break
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        try:
            process.wait(wait)
        except subprocess.TimeoutExpired:
            pass
    return process.poll()


@atexit.register
def _clean():
    for process in _started:
        if process.poll() is None:
            stop(process)
    if os.environ.get("KEEP"):
        say(f"kept {WORK}")
    else:
        shutil.rmtree(WORK, ignore_errors=True)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def log_of(process, lines=15):
    text = process.log.read_text(errors="replace").splitlines()
    return "\n".join("    " + line for line in text[-lines:])


def binary(name):
    """A release binary of this tree, built when it is missing (TANDEM and LOADGEN name others)."""
    given = os.environ.get({"tandem": "TANDEM", "tandem-loadgen": "LOADGEN"}[name])
    if given:
        return given
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    path = target / "release" / name
    package = {"tandem": "tandem", "tandem-loadgen": "loadgen"}[name]
    built = subprocess.run(["cargo", "build", "--release", "--quiet", "-p", package, "--bin", name], cwd=ROOT)
    if built.returncode or not path.exists():
        fail(f"{name} does not build")
    return str(path)


def options_request(port, number=1, source=0):
    return (
        f"OPTIONS sip:ping@127.0.0.1:{port} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1:{source};rport;branch=z9hG4bKping{os.getpid()}x{number}\r\n"
        f"From: <sip:ping@127.0.0.1>;tag=p{number}\r\nTo: <sip:ping@127.0.0.1>\r\n"
        f"Call-ID: ping{os.getpid()}x{number}@127.0.0.1\r\nCSeq: {number} OPTIONS\r\n"
        "Max-Forwards: 10\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def wait_until_served(port, process, seconds=5.0):
    """Until somebody has the UDP port, as /proc/net/udp sees it."""
    end = time.monotonic() + seconds
    mark = f":{port:04X} "
    while time.monotonic() < end:
        if process.poll() is not None:
            fail(f"the server ended with {process.returncode}:\n{log_of(process)}")
        if mark in pathlib.Path("/proc/net/udp").read_text():
            time.sleep(0.3)
            return
        time.sleep(0.02)
    fail(f"nobody listens on port {port} after {seconds} s:\n{log_of(process)}")


def beside(path):
    """A file of the project's surroundings: in the nearest directory above the tree that has it."""
    return next((above / path for above in ROOT.parents if (above / path).exists()), ROOT.parent / path)


def fill(path, **words):
    """A script or configuration with its @NAME@ places filled."""
    text = (HERE / path).read_text()
    for name, value in words.items():
        text = text.replace(f"@{name}@", str(value))
    return text


class Tandem:
    """A Tandem with a script of interop/scripts."""

    name = "Tandem"

    def __init__(self, script, port, shards=2, core=None, linger=None, **words):
        self.port = port
        self.fifo = WORK / f"fifo{port}"
        self.script = WORK / f"tandem{port}.cfg"
        kept = f'modparam("tm", "wt_timer", {linger})\n' if linger else ""
        self.script.write_text(fill(script, PORT=port, FIFO=self.fifo, REPLIES=f"{WORK}/", **words) + kept)
        command = [binary("tandem"), "-F", "-f", self.script, "--shards", shards]
        if profile := os.environ.get("PROFILE"):
            command += ["--tuning", os.path.abspath(profile)]
        self.process = start(command, f"tandem{port}", core=core, cwd=WORK)
        wait_until_served(port, self.process)

    def statistics(self):
        """All statistics, by mi_fifo."""
        reply = WORK / "reply"
        if not self.fifo.exists():
            return {}
        if not reply.exists():
            os.mkfifo(reply, 0o666)
        listener = os.open(reply, os.O_RDONLY | os.O_NONBLOCK)
        request = {"jsonrpc": "2.0", "method": "get_statistics", "params": [["all"]], "id": 1}
        try:
            with open(os.open(self.fifo, os.O_WRONLY | os.O_NONBLOCK), "w") as pipe:
                pipe.write(f":reply:{json.dumps(request)}\n")
        except OSError:
            return {}
        text, end = b"", time.monotonic() + 3
        while time.monotonic() < end:
            try:
                piece = os.read(listener, 65536)
            except BlockingIOError:
                piece = b""
            text += piece
            if not piece:
                if text:
                    break
                time.sleep(0.02)
        os.close(listener)
        try:
            return json.loads(text).get("result", {})
        except ValueError:
            return {}

    def handovers(self):
        """What crossed from shard to shard, as counted; None when it cannot be asked."""
        return {name: value for name, value in self.statistics().items() if "handover" in name}

    def pid(self):
        return server_pid(self.process)


class Kamailio:
    """A Kamailio 5.6 from Debian with the equal script."""

    name = "Kamailio"
    # -DD keeps the main process where we can end it; fm is the fast memory manager; memory that no run fills; the
    # receive buffer that Tandem asks for (Kamailio's own is an eighth of it, and drops what a longer one holds).
    options = ["-DD", "-E", "-x", "fm", "-X", "fm", "-m", "8192", "-M", "64", "-b", str(4 << 20)]

    def __init__(self, config, port, core=None, children=1, linger=None, **words):
        need("kamailio", "kamailio")
        self.port = port
        self.config = WORK / f"kamailio{port}.cfg"
        kept = f'modparam("tm", "wt_timer", {1000 * linger})\n' if linger else ""
        self.config.write_text(fill(config, PORT=port, CHILDREN=children, WORK=WORK, **words) + kept)
        command = ["kamailio", *self.options, "-f", self.config, "-w", WORK, "-Y", WORK]
        self.process = start(command, f"kamailio{port}", core=core, cwd=WORK)
        wait_until_served(port, self.process)

    def handovers(self):
        return {}

    def pid(self):
        return server_pid(self.process)


def server_pid(process):
    """taskset becomes what it starts, so the process id is the server's."""
    return process.pid


def stop_server(server):
    code = stop(server.process, patience=3.0 if server.name == "Tandem" else 20.0)
    if server.name == "Tandem" and code != 0:
        fail(f"{server.name} left with {code}:\n{log_of(server.process)}")


def server(script, port, **words):
    """The server under test: Tandem, or with SERVER=kamailio the twin (to try the scripts themselves)."""
    if os.environ.get("SERVER") == "kamailio":
        return Kamailio(pathlib.Path(script).with_suffix(".kamailio.cfg"), port, **words)
    return Tandem(script, port, shards=int(os.environ.get("SHARDS", "2")), **words)


def family(pid):
    """A process and its children: by id, the fields of /proc/ID/stat that follow the name."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(entry.name) == pid or int(fields[1]) == pid:
                found[int(entry.name)] = fields
    return found


def resident(pid):
    """Resident bytes of a process and its children."""
    return sum(int(fields[21]) * 4096 for fields in family(pid).values())


def free_port(kind=socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def sipp(side, arguments, patience):
    """Runs SIPp to its end and gives the last row of its statistics."""
    table = WORK / f"{side}.csv"
    command = ["sipp", "-nostdin", "-trace_stat", "-stf", table, "-fd", "1"] + arguments
    process = start(command, f"sipp-{side}", cwd=WORK, env=dict(os.environ, TERM="dumb"))
    return process, table


def last_row(table):
    with open(table) as rows:
        return list(csv.DictReader(rows, delimiter=";"))[-1]


def call_by_sipp(server, uac, uas, calls, rate):
    """`calls` calls at `rate`; both sides' SIPp statistics."""
    limit = calls // rate + 40
    answering, answered = sipp("uas", uas, limit)
    time.sleep(0.5)
    if answering.poll() is not None:
        fail(f"sipp's answering side ended:\n{log_of(answering)}")
    wanted = ["-m", calls, "-r", rate, "-l", rate * 10, "-timeout", f"{limit}s", "-timeout_error"]
    calling, called = sipp("uac", uac + wanted, limit)
    try:
        code = calling.wait(limit + 10)
    except subprocess.TimeoutExpired:
        fail(f"sipp did not end:\n{log_of(calling)}")
    stop(answering)
    row = last_row(called)
    result = {
        "exit": code,
        "successful": int(row["SuccessfulCall(C)"]),
        "failed": int(row["FailedCall(C)"]),
        "retransmissions": int(row["Retransmissions(C)"]),
        "rate": float(row["CallRate(C)"]),
    }
    if answered.exists():
        row = last_row(answered)
        result["answering side"] = {
            "failed": int(row["FailedCall(C)"]), "retransmissions": int(row["Retransmissions(C)"]),
        }
    return result


def judge_sipp(result, calls, packets_per_call):
    say(json.dumps(result, indent=2))
    repeated = result["retransmissions"] + result.get("answering side", {}).get("retransmissions", 0)
    share = 100.0 * repeated / (calls * packets_per_call)
    say(f"retransmissions: {repeated} of {calls * packets_per_call} messages, {share:.4f} %")
    if result["exit"] != 0 or result["failed"] or result["successful"] != calls:
        fail(f"{result['successful']} of {calls} succeeded")
    if share >= 0.1:
        fail("more than 0.1 % of messages were repeated")
