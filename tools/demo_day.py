# SPDX-License-Identifier: Apache-2.0
"""Plays the demo's day: starts the home, the broker and gatewayd, breaks a device, the
broker and a connection on the way, shows readings and events as the API tells them, and
adds up at the end. Everything printed was read from gatewayd or arrived at the broker."""
import argparse
import http.client
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

START_HOUR = 6.0  # of the simulated home


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Api(http.client.HTTPConnection):
    """HTTP over gatewayd's Unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=5)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        self.sock.connect(self.path)


def get(path, what):
    api = Api(path)
    try:
        api.request("GET", "/api/v1/" + what)
        return json.loads(api.getresponse().read())
    finally:
        api.close()


class Arrivals:
    """What a persistent subscriber got, without what came twice."""

    def __init__(self):
        self.records, self.twice, self.covered, self.readings = set(), 0, {}, 0
        self.gaps = []

    def take(self, topic, payload):
        message = json.loads(payload)
        name = topic.rsplit("/", 1)[-1]
        if name == "gap":
            self.gaps.append(message)
            self.cover(message, message["seq"])
        elif name == "readings":
            self.cover(message, message["covers"])
            for record in message["records"]:
                self.take_record(message, record)

    def cover(self, message, span):
        key = (message["epoch"], message["boot"])
        self.covered.setdefault(key, []).append((int(span[0]), int(span[1])))

    def take_record(self, message, record):
        key = (message["epoch"], message["boot"], record["seq"], record.get("period_ms", 0),
               record["device"])
        if key in self.records:
            self.twice += 1
            return
        self.records.add(key)
        self.readings += len(set(record["values"]) | set(record.get("quality", {})))

    def missing(self, last_seq):
        """Numbers of 1..last_seq that neither a message covers nor a gap declares."""
        lost, at = 0, 0
        for first, last in sorted(span for spans in self.covered.values() for span in spans):
            lost += max(0, first - at - 1)
            at = max(at, last)
        return lost + max(0, last_seq - at)


class Demo:
    def __init__(self, options, directory):
        self.options, self.directory = options, directory
        self.children = []
        self.broker = None
        self.port = free_port()
        self.socket = os.path.join(directory, "api.sock")
        self.arrivals = Arrivals()
        self.events_seen = 0
        self.began = time.monotonic()

    # ---- processes --------------------------------------------------------------------

    def file(self, name, text=None):
        path = os.path.join(self.directory, name)
        if text is not None:
            with open(path, "w", encoding="utf-8") as out:
                out.write(text)
        return path

    def start(self, words, log, **more):
        with open(self.file(log), "ab") as out:
            more.setdefault("stdout", out)
            child = subprocess.Popen(words, stderr=out, **more)
        self.children.append(child)
        return child

    def wait_for(self, what, truth, limit_s=20):
        deadline = time.monotonic() + limit_s
        while not truth():
            if time.monotonic() > deadline:
                raise SystemExit("demo: %s did not come up; logs are in %s" %
                                 (what, self.directory))
            select.select([], [], [], 0.05)

    def start_broker(self):
        words = [shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c",
                 self.file("mosquitto.conf")]
        self.broker = self.start(words, "mosquitto.log")

        def answers():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0
        self.wait_for("the broker", answers)

    def stop_child(self, child, limit_s=10):
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(limit_s)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if child in self.children:
            self.children.remove(child)

    def stop_all(self):
        for child in reversed(list(self.children)):
            self.stop_child(child)

    def start_home(self):
        speed = 24 * 3600 / self.options.seconds
        self.start([self.options.devicesim, "--home", "127.0.0.1:0", "--speed", "%.3f" % speed,
                    "--ready-file", self.file("home.ready"), "--control",
                    self.file("home.control"), "--ledger", self.file("home.ledger")],
                   "home.log")
        self.wait_for("the home", lambda: os.path.exists(self.file("home.ready")))
        with open(self.file("home.ready"), encoding="ascii") as ready:
            return [line.split()[2] for line in ready]

    def tell_home(self, line):
        subprocess.run([self.options.devicesim, "--tell", self.file("home.control"), line],
                       stdout=subprocess.DEVNULL, check=False)

    def start_subscriber(self):
        self.subscriber = self.start(
            ["mosquitto_sub", "-p", str(self.port), "-V", "5", "-i", "demo", "-c", "-x",
             "86400", "-q", "1", "-t", "gw/demo/demo-home/#", "-F", "%t %p"],
            "subscriber.log", stdout=subprocess.PIPE)

    def start_gateway(self, ports):
        config = self.file("gatewayd.yaml", CONFIG.format(
            directory=self.directory, broker=self.port, meter=ports[0], inverter=ports[1],
            battery=ports[2], relays=ports[3]))
        ready = self.file("gatewayd.ready")
        gateway = self.start([os.path.join(self.options.root, "sbin/gatewayd"), "--config",
                              config, "--ready-file", ready, "--last-good",
                              os.path.join(self.directory, "last-good")], "gatewayd.log")
        self.wait_for("gatewayd", lambda: os.path.exists(ready) or gateway.poll() is not None)
        if gateway.poll() is not None:
            with open(self.file("gatewayd.log"), encoding="utf-8") as log:
                sys.stderr.write(log.read()[-3000:])
            raise SystemExit("demo: gatewayd ended with status %d" % gateway.returncode)
        return gateway

    # ---- what is shown ----------------------------------------------------------------

    def say(self, text):
        minute = int((START_HOUR * 60 + self.passed() * 24 * 60) % 1440)
        print("%02d:%02d  %s" % (minute // 60, minute % 60, text), flush=True)

    def passed(self):
        return min(1.0, (time.monotonic() - self.began) / self.options.seconds)

    def show_events(self):
        events = get(self.socket, "events?limit=200")["events"]
        for event in events:
            if int(event["seq"]) > self.events_seen:
                self.events_seen = int(event["seq"])
                self.say("%s: %s" % (event["device"] or "gateway", event["text"]))

    def show_readings(self):
        points = {p["device"] + "." + p["point"]: p for p in
                  get(self.socket, "points")["points"]}

        def show(name, unit, divisor=1):
            point = points.get(name)
            if not point or point["quality"] != "good" or point["value"] is None:
                return point["quality"] if point else "-"
            return "%.0f %s" % (point["value"] / divisor, unit)
        self.say("grid %s  %s  sun %s  battery %s  %s" % (
            show("grid-meter.power_w", "W"), show("grid-meter.voltage_l1_v", "V"),
            show("inverter.power_w", "W"), show("battery.power_w", "W"),
            show("battery.soc_permille", "%", 10)))

    def drain_subscriber(self, wait_s):
        deadline = time.monotonic() + wait_s
        stream = self.subscriber.stdout
        while select.select([stream], [], [], max(0, deadline - time.monotonic()))[0]:
            line = stream.readline()
            if not line:
                return
            topic, _, payload = line.decode().partition(" ")
            if payload.strip():
                self.arrivals.take(topic, payload)

    # ---- the day ----------------------------------------------------------------------

    def faults(self):
        """(share of the day, what is said, what is done)"""
        return [
            (0.15, "the inverter falls silent", lambda: self.tell_home("1 silent")),
            (0.22, "the inverter answers again", lambda: self.tell_home("1 ok")),
            (0.28, "the broker stops", lambda: self.stop_child(self.broker)),
            (0.38, "the broker is back", self.start_broker),
            (0.70, "the battery's connection is reset", lambda: self.tell_home("2 reset")),
            (0.75, "the meter is unplugged", lambda: self.tell_home("0 refuse")),
            (0.80, "the meter is plugged in again", lambda: self.tell_home("0 ok")),
        ]

    def play(self):
        faults, next_line = self.faults(), 0.0
        while self.passed() < 1.0:
            while faults and self.passed() >= faults[0][0]:
                _, text, act = faults.pop(0)
                self.say("demo: " + text)
                act()
            self.show_events()
            if self.passed() >= next_line:
                self.show_readings()
                next_line += 1 / 24
            self.drain_subscriber(0.5)

    def settle(self):
        """Waits until the route has nothing left; the store's last number then."""
        for home in ("0", "1", "2", "3"):
            self.tell_home(home + " refuse")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            self.drain_subscriber(1.0)
            if all(int(route["backlog"]) == 0 for route in get(self.socket, "routes")):
                break
        status = get(self.socket, "status")
        self.drain_subscriber(2.0)
        return status["store"]

    def summary(self, store):
        with open(self.file("home.ledger"), encoding="ascii") as ledger:
            polls = sum(1 for _ in ledger)
        lost = self.arrivals.missing(int(store["last_seq"]))
        dropped = int(store["dropped"])
        print("\nsampled    %d requests answered by the devices" % polls)
        print("stored     %s readings in %s records" % (store["readings"], store["records"]))
        print("delivered  %d readings in %d records (%d came twice and were dropped)" %
              (self.arrivals.readings, len(self.arrivals.records), self.arrivals.twice))
        print("lost       %d" % (lost + dropped))
        print("circuits   none shed: the outage controller is not part of this version")
        return 0 if lost + dropped == 0 and self.arrivals.readings else 1


CONFIG = """\
gateway: {{id: demo-home, site: demo, timezone: Asia/Tokyo}}
store: {{directory: "{directory}/store", max_size: 64 MiB, commit_interval: 2 s}}
api: {{socket: "{directory}/api.sock", listen: "127.0.0.1:0"}}
buses:
  - {{name: meter-lan, plugin: modbus, transport: tcp, host: 127.0.0.1, port: {meter}}}
  - {{name: roof-lan, plugin: modbus, transport: tcp, host: 127.0.0.1, port: {inverter}}}
  - {{name: battery-lan, plugin: modbus, transport: tcp, host: 127.0.0.1, port: {battery}}}
  - {{name: panel-lan, plugin: modbus, transport: tcp, host: 127.0.0.1, port: {relays}}}
devices:
  - {{name: grid-meter, bus: meter-lan, unit: 1, map: eastron-sdm630, role: grid, interval: 1 s}}
  - {{name: inverter, bus: roof-lan, unit: 1, map: huawei-sun2000, role: pv, interval: 1 s}}
  - {{name: battery, bus: battery-lan, unit: 225, map: victron-gx-battery, role: battery, interval: 1 s}}
  - name: panel
    bus: panel-lan
    unit: 1
    interval: 1 s
    points:
      - {{name: grid_present, table: discrete, address: 8}}
      - {{name: relay_1, table: coil, address: 0, write: {{failsafe: on, lease: 120 s}}}}
      - {{name: relay_2, table: coil, address: 1, write: {{failsafe: on, lease: 120 s}}}}
      - {{name: relay_3, table: coil, address: 2, write: {{failsafe: off, lease: 120 s}}}}
      - {{name: relay_4, table: coil, address: 3, write: {{failsafe: off, lease: 120 s}}}}
      - {{name: relay_4_power_w, table: input, address: 3, type: uint16, unit: W}}
forward:
  - {{name: local, url: "mqtt://127.0.0.1:{broker}", format: json, recipient: self, order: live-first}}
"""

BROKER = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {directory}/broker/
autosave_on_changes true
autosave_interval 1
max_queued_messages 0
{user}"""


def run(options, directory):
    demo = Demo(options, directory)
    os.mkdir(os.path.join(directory, "broker"))
    demo.file("mosquitto.conf", BROKER.format(
        port=demo.port, directory=directory, user="user root\n" if os.getuid() == 0 else ""))
    try:
        demo.start_broker()
        demo.start_subscriber()
        ports = demo.start_home()
        demo.start_gateway(ports)
        demo.began = time.monotonic()
        listen = get(demo.socket, "status")["listen"]
        print("the API answers at http://%s/api/v1/points (the page joins with a later "
              "version)\nlogs and configuration: %s\n" % (listen, directory), flush=True)
        demo.play()
        return demo.summary(demo.settle())
    finally:
        demo.stop_all()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True)
    parser.add_argument("--devicesim", required=True)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--browser", action="store_true")
    options = parser.parse_args()
    options.seconds = max(20.0, options.seconds)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    directory = tempfile.mkdtemp(prefix="gatewayd-demo-")
    try:
        code = run(options, directory)
    except KeyboardInterrupt:
        print("\nstopped")
        code = 130
    if code == 0:
        shutil.rmtree(directory, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
