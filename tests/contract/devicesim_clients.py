# SPDX-License-Identifier: Apache-2.0
"""gateway-devicesim as clients nobody here wrote see it: frames built by hand over TCP and
over its pseudo terminal, mbpoll where it is installed, every fault once."""
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import tty

BUILD = os.environ.get("GATEWAYD_BUILD", ".")
SIM = os.path.join(BUILD, "tools/devicesim/gateway-devicesim")
failures = 0


def check(truth, what):
    global failures
    if not truth:
        failures += 1
    print("%s: %s" % ("ok" if truth else "FAILED", what))


def crc(data):
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


class Tcp:
    def __init__(self, host, port):
        self.socket = socket.create_connection((host, port), timeout=5)
        self.number = 0

    def ask(self, pdu, unit=1, timeout=2.0):
        self.number += 1
        self.socket.sendall(struct.pack(">HHHB", self.number, 0, len(pdu) + 1, unit) + pdu)
        return self.receive(timeout)

    def receive(self, timeout):
        if not select.select([self.socket], [], [], timeout)[0]:
            return b""
        return self.socket.recv(600)


class Line:
    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.fd)

    def ask(self, pdu, unit, timeout=2.0):
        frame = bytes([unit]) + pdu
        os.write(self.fd, frame + crc(frame))
        return self.receive(timeout)

    def receive(self, timeout):
        if not select.select([self.fd], [], [], timeout)[0]:
            return b""
        return os.read(self.fd, 600)


class Simulator:
    def __init__(self, directory, words):
        self.ready, self.ledger, self.control = (
            os.path.join(directory, name) for name in ("ready", "ledger", "control"))
        self.process = subprocess.Popen(
            [SIM] + words + ["--ready-file", self.ready, "--ledger", self.ledger,
                             "--control", self.control])
        deadline = time.monotonic() + 20
        while not os.path.exists(self.ready):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the simulator did not start")
            select.select([], [], [], 0.02)
        with open(self.ready, encoding="ascii") as ready:
            self.devices = [line.split()[1:] for line in ready]

    def tell(self, line):
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(self.control)
            control.sendall(line.encode() + b"\n")
            answer = b""
            while not answer.endswith(b"ok\n") and b"error" not in answer:
                answer += control.recv(4096)
        return answer.decode()

    def stop(self):
        self.process.terminate()
        return self.process.wait(20)


READ = struct.pack(">BHH", 3, 0, 4)
GOOD = struct.pack(">BB4H", 3, 8, 0, 1, 2, 3)


def tcp_faults(sim, device):
    host, port = device[0], int(device[1])
    client = Tcp(host, port)
    check(client.ask(READ)[7:] == GOOD, "a TCP reply holds the registers")
    sim.tell("0 exception 4 x1")
    check(client.ask(READ)[7:] == b"\x83\x04", "an exception comes once")
    sim.tell("0 wrong-unit x1")
    check(client.ask(READ)[6] == 2, "another unit answers")
    sim.tell("0 wrong-function x1")
    check(client.ask(READ)[7] == 4, "another function answers")
    sim.tell("0 wrong-count x1")
    check(client.ask(READ)[8] != 8, "the byte count lies")
    sim.tell("0 crc x1")
    check(client.ask(READ)[1] != client.number & 255, "another transaction is answered")
    sim.tell("0 twice x1")
    check(client.ask(READ)[7:21].startswith(GOOD) and len(client.receive(0.1)) in (0, 17),
          "a reply comes twice")
    sim.tell("0 illegal 2..2")
    check(client.ask(READ)[7:] == b"\x83\x02", "an address can be made illegal")
    sim.tell("0 ok")
    check(client.ask(READ)[7:] == GOOD, "ok ends it")
    sim.tell("0 silent x1")
    check(client.ask(READ, timeout=0.2) == b"", "a silent device is silent")
    sim.tell("0 reset")
    try:
        check(client.ask(READ) == b"", "a reset connection is gone")
    except OSError:
        check(True, "a reset connection is gone")
    sim.tell("0 refuse")
    try:
        Tcp(host, port)
        check(False, "a closed port refuses")
    except ConnectionRefusedError:
        check(True, "a closed port refuses")
    sim.tell("0 ok")
    check(Tcp(host, port).ask(READ)[7:] == GOOD, "it opens again at the same place")


def rtu_faults(sim, device):
    path = device[0]
    line = Line(path)
    start = time.monotonic()
    reply = line.ask(READ, 2)
    took = time.monotonic() - start
    check(reply == b"\x02" + GOOD + crc(b"\x02" + GOOD), "an RTU reply holds the registers")
    # 8 + 13 characters of 11 bits at 9600 baud and 3.5 of silence: 28 ms.
    check(0.028 <= took < 0.2, "the line takes its time (%.1f ms)" % (took * 1000))
    check(line.ask(READ, 9, timeout=0.2) == b"", "a unit that is not there is silent")
    sim.tell("u2 crc x1")
    reply = line.ask(READ, 2)
    check(reply[-2:] != crc(reply[:-2]), "a CRC is wrong")
    sim.tell("u2 late 300 x1")
    check(line.ask(READ, 2, timeout=0.15) == b"", "a late reply is late")
    check(line.ask(READ, 3)[0] == 3, "meanwhile another unit answers")
    check(line.receive(2.0)[:1] == b"\x02", "and then it comes")
    sim.tell("u2 truncate x1")
    check(len(line.ask(READ, 2)) < 13, "a reply is cut")
    os.write(line.fd, b"\x02\x03\x00")  # half a frame
    select.select([], [], [], 0.1)
    check(line.ask(READ, 2)[1:11] == GOOD, "half a frame is forgotten when the line is quiet")
    sim.tell("u2 reset")
    check(Line(path).ask(READ, 2)[1:11] == GOOD, "the adapter was plugged out and in")


def mbpoll(device):
    if not shutil.which("mbpoll"):
        print("skipped: mbpoll is not installed")
        return
    got = subprocess.run(
        ["mbpoll", "-m", "tcp", "-p", device[1], "-a", "1", "-0", "-r", "5", "-c", "3", "-t",
         "4", "-1", device[0]], capture_output=True, text=True, timeout=20).stdout
    check(all("[%d]: \t%d" % (i, i) in got for i in (5, 6, 7)), "mbpoll reads the same")


def ledger(sim):
    with open(sim.ledger, encoding="ascii") as lines:
        rows = [line.split() for line in lines]
    check(len(rows) > 5 and all(len(row) == 9 for row in rows), "the ledger tells each reply")
    check(any(row[8] == "late" for row in rows), "it names the fault")
    check(any(row[8] == "silent" for row in rows), "and a request nobody answered")
    counters = [int(row[6]) for row in rows if row[1] == "0" and row[8] != "silent"]
    check(counters == sorted(set(counters)), "no counter twice")


def main():
    with tempfile.TemporaryDirectory(prefix="gatewayd-devicesim-") as directory:
        sim = Simulator(directory, [
            "--tcp", "127.0.0.1:0", "--content", "address", "--rtu", "--units", "1-3",
            "--content", "address", "--link", os.path.join(directory, "tty")])
        try:
            tcp_faults(sim, sim.devices[0])
            rtu_faults(sim, sim.devices[1])
            mbpoll(sim.devices[0])
            check("error" in sim.tell("0 nonsense"), "nonsense is refused")
            check("error" in sim.tell("99 silent"), "an unknown device is refused")
            ledger(sim)
        finally:
            code = sim.stop()
        check(code == 0, "it stops cleanly")
        check(not os.path.lexists(os.path.join(directory, "tty")), "the link is gone")
    return failures != 0


sys.exit(main())
