#!/usr/bin/env python3
"""Two user agents of different families, baresip and PJSUA2, register and call each other, over UDP and over TCP.

Through the server of `make run` on 127.0.0.1:5060; through one that already runs when SERVER_AT=IP:PORT names it;
through Kamailio with SERVER=kamailio, to try the script itself. Each calls the other once; once the caller hangs up,
once the called. A sipsak OPTIONS comes first."""

import json
import os
import socket
import subprocess
import sys
import time

import common

ADDRESS = os.environ.get("SERVER_AT", "127.0.0.1:5060")
PATIENCE = 12.0


def until(what, condition, patience=PATIENCE):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    common.fail(f"{what}: not within {patience:.0f} s")


class Baresip:
    """A baresip in a directory of its own, without sound devices, steered by ctrl_tcp."""

    CONFIG = """
poll_method epoll
sip_listen 127.0.0.1:{port}
module_path {modules}
module g711.so
module aubridge.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
audio_source aubridge,bridge
audio_player aubridge,bridge
audio_alert aubridge,bridge
call_local_timeout 30
call_max_calls 4
"""

    def __init__(self, user, server, transport):
        common.need("baresip", "baresip-core")
        place = common.WORK / f"baresip-{transport}"
        place.mkdir()
        modules = next(path for path in ["/usr/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules"]
                       if os.path.isdir(path))
        control = common.free_port(socket.SOCK_STREAM)
        port = common.free_port()
        (place / "config").write_text(self.CONFIG.format(port=port, modules=modules, control=control))
        (place / "accounts").write_text(
            f"<sip:{user}@{server};transport={transport}>;auth_pass=x;regint=60;answermode=auto\n"
        )
        (place / "contacts").write_text("")
        self.events, self.buffer = [], b""
        self.process = common.start(["baresip", "-f", place, "-v"], f"baresip-{transport}")
        self.control = None
        until("baresip's control port", lambda: self.connect(control))

    def connect(self, port):
        if self.process.poll() is not None:
            common.fail(f"baresip ended:\n{common.log_of(self.process)}")
        try:
            self.control = socket.create_connection(("127.0.0.1", port), 1)
            self.control.setblocking(False)
            return True
        except OSError:
            return False

    def tell(self, command, parameters=""):
        text = json.dumps({"command": command, "params": parameters, "token": "t"}).encode()
        self.control.sendall(b"%d:%s," % (len(text), text))

    def hears(self, kind):
        """Whether an event of this type came since the last `forget`."""
        try:
            while True:
                piece = self.control.recv(65536)
                if not piece:
                    break
                self.buffer += piece
        except BlockingIOError:
            pass
        while b":" in self.buffer:
            length, rest = self.buffer.split(b":", 1)
            if len(rest) < int(length) + 1:
                break
            message, self.buffer = json.loads(rest[: int(length)]), rest[int(length) + 1:]
            if message.get("event"):
                self.events.append(message)
        return any(event.get("type") == kind for event in self.events)

    def is_registered(self):
        """It registers before anybody can listen to its events, so its own log is asked."""
        return "200 OK" in self.process.log.read_text(errors="replace")

    def forget(self):
        self.hears("")
        self.events.clear()


def pj_phone(user, server, transport):
    """A PJSUA2 account that answers what comes, and its endpoint."""
    import pjsua2 as pj

    class Call(pj.Call):
        def __init__(self, account, call_id=pj.PJSUA_INVALID_ID):
            super().__init__(account, call_id)
            self.states = []

        def onCallState(self, parameter):
            self.states.append(self.getInfo().state)

        def onCallMediaState(self, parameter):
            pass

    class Account(pj.Account):
        registered = False
        call = None

        def onRegState(self, parameter):
            self.registered = parameter.code == 200 and parameter.expiration > 0

        def onIncomingCall(self, parameter):
            self.call = Call(self, parameter.callId)
            answer = pj.CallOpParam()
            answer.statusCode = pj.PJSIP_SC_OK
            self.call.answer(answer)

    endpoint = pj.Endpoint()
    # It talks to the terminal until it has been told not to.
    terminal, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    endpoint.libCreate()
    configuration = pj.EpConfig()
    configuration.logConfig.level = 3
    configuration.logConfig.consoleLevel = 0
    configuration.logConfig.filename = str(common.WORK / f"pjsua2-{transport}.log")
    configuration.uaConfig.threadCnt = 0
    configuration.uaConfig.mainThreadOnly = True
    endpoint.libInit(configuration)
    os.dup2(terminal, 1)
    place = pj.TransportConfig()
    place.boundAddress = "127.0.0.1"
    place.port = common.free_port()
    kind = pj.PJSIP_TRANSPORT_TCP if transport == "tcp" else pj.PJSIP_TRANSPORT_UDP
    endpoint.transportCreate(kind, place)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    settings = pj.AccountConfig()
    settings.idUri = f"sip:{user}@{server}"
    settings.regConfig.registrarUri = f"sip:{server};transport={transport}"
    account = Account()
    account.create(settings)
    return pj, endpoint, account, Call


def talk(transport, server):
    bare = Baresip("bare", server, transport)
    pj, endpoint, account, Call = pj_phone("pj", server, transport)

    def turn(condition):
        endpoint.libHandleEvents(20)
        return condition()

    until(f"{transport}: baresip registers", lambda: turn(bare.is_registered))
    until(f"{transport}: PJSUA2 registers", lambda: turn(lambda: account.registered))
    common.say(f"{transport}: both registered")

    def is_up(call):
        return bool(call) and pj.PJSIP_INV_STATE_CONFIRMED in call.states

    def is_over(call):
        return pj.PJSIP_INV_STATE_DISCONNECTED in call.states

    # baresip calls, the called hangs up.
    bare.forget()
    bare.tell("dial", f"sip:pj@{server};transport={transport}")
    until(f"{transport}: baresip calls PJSUA2", lambda: turn(lambda: is_up(account.call) and bare.hears("CALL_ESTABLISHED")))
    end = time.monotonic() + 1
    until("talk", lambda: turn(lambda: time.monotonic() > end))
    account.call.hangup(pj.CallOpParam())
    until(f"{transport}: PJSUA2 hangs up", lambda: turn(lambda: is_over(account.call) and bare.hears("CALL_CLOSED")))
    common.say(f"{transport}: baresip called PJSUA2, PJSUA2 hung up")

    # PJSUA2 calls, the caller hangs up.
    bare.forget()
    call = Call(account)
    call.makeCall(f"sip:bare@{server};transport={transport}", pj.CallOpParam(True))
    until(f"{transport}: PJSUA2 calls baresip", lambda: turn(lambda: is_up(call) and bare.hears("CALL_ESTABLISHED")))
    end = time.monotonic() + 1
    until("talk", lambda: turn(lambda: time.monotonic() > end))
    call.hangup(pj.CallOpParam())
    until(f"{transport}: PJSUA2 hangs up", lambda: turn(lambda: is_over(call) and bare.hears("CALL_CLOSED")))
    common.say(f"{transport}: PJSUA2 called baresip, PJSUA2 hung up")

    # PJSUA2 calls, the called hangs up.
    bare.forget()
    other = Call(account)
    other.makeCall(f"sip:bare@{server};transport={transport}", pj.CallOpParam(True))
    until(f"{transport}: PJSUA2 calls again", lambda: turn(lambda: is_up(other) and bare.hears("CALL_ESTABLISHED")))
    bare.tell("hangup")
    until(f"{transport}: baresip hangs up", lambda: turn(lambda: is_over(other)))
    common.say(f"{transport}: PJSUA2 called baresip, baresip hung up")

    account.setRegistration(False)
    until(f"{transport}: PJSUA2 unregisters", lambda: turn(lambda: not account.registered))
    common.stop(bare.process)
    account.call = call = other = None
    account.shutdown()
    endpoint.libDestroy()


def enter_a_namespace():
    """Phones send sound to whatever address they find, so they get a network of their own, with nobody else in it."""
    for command, package in [("unshare", "util-linux"), ("ip", "iproute2")]:
        common.need(command, package)
    set_up = 'ip link set lo up && ip addr add 10.77.0.1/32 dev lo && exec "$@"'
    inside = dict(os.environ, PHONES_INSIDE="1")
    command = ["unshare", "--net", "sh", "-c", set_up, "phones", sys.executable, os.path.abspath(__file__)]
    sys.exit(subprocess.run(command, env=inside, timeout=600).returncode)


def main():
    # PJSUA2 wants a process of its own for each transport: its library starts once.
    if len(sys.argv) == 3:
        return talk(sys.argv[1], sys.argv[2])
    common.need_python("pjsua2", "pjsua2-python")
    common.need("sipsak", "sipsak")
    common.need("baresip", "baresip-core")
    if "SERVER_AT" not in os.environ and "PHONES_INSIDE" not in os.environ:
        if os.environ.get("SERVER") == "kamailio":
            common.need("kamailio", "kamailio")
        else:
            common.binary("tandem")
        enter_a_namespace()
    address, started = ADDRESS, None
    if os.environ.get("SERVER") == "kamailio":
        port = common.free_port()
        started = common.Kamailio("scripts/registrar.kamailio.cfg", port).process
        address = f"127.0.0.1:{port}"
    elif "SERVER_AT" not in os.environ:
        started = common.start(["make", "-s", "run"], "make-run", cwd=common.ROOT)
        # The first build takes its time.
        common.wait_until_served(5060, started, seconds=900)
        common.say(common.log_of(started, 40))
    host, port = address.rsplit(":", 1)
    ping = subprocess.run(["sipsak", "-vv", "-s", f"sip:{host}:{port}"], capture_output=True, text=True, timeout=40)
    if ping.returncode != 0:
        common.fail(f"sipsak: {ping.stdout}{ping.stderr}")
    common.say("sipsak OPTIONS:", next((line for line in ping.stdout.splitlines() if line.startswith("SIP/2.0")), "answered"))
    for transport in ["udp", "tcp"]:
        done = subprocess.run([sys.executable, __file__, transport, address], timeout=120)
        if done.returncode:
            common.fail(f"over {transport}")
    if started:
        code = common.stop(started)
        common.say(f"the server left with {code}")
    common.say("passed")


if __name__ == "__main__":
    main()
