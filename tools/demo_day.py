# SPDX-License-Identifier: Apache-2.0
"""Plays the demo's day: starts the home, the broker and gatewayd, breaks a device, the
broker and a connection on the way, shows readings and events as the API tells them, and
adds up at the end. Everything printed was read from gatewayd or arrived at the broker."""
import argparse
import http.client
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

START_HOUR = 6.0  # of the simulated home
TOPIC = "gw/demo/demo-home/#"
METER, INVERTER, BATTERY, RELAYS = "0", "1", "2", "3"  # devices of the simulator


class Failure(Exception):
    """The demo cannot go on; the text says why."""


class Interrupted(Exception):
    """Somebody asked it to stop."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, truth, limit_s=20):
    deadline = time.monotonic() + limit_s
    while not truth():
        if time.monotonic() > deadline:
            raise Failure("%s: not within %d s" % (what, limit_s))
        time.sleep(0.05)


class Api(http.client.HTTPConnection):
    """HTTP over gatewayd's Unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=5)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        self.sock.connect(self.path)

    def text(self, what):
        try:
            self.request("GET", what)
            return self.getresponse().read().decode()
        finally:
            self.close()

    def json(self, what):
        return json.loads(self.text("/api/v1/" + what))

    def metric(self, name):
        rows = (line.split() for line in self.text("/metrics").splitlines())
        return next(int(float(row[1])) for row in rows if row and row[0] == name)


class Arrivals:
    """What the subscriber got, without what came twice. Counts by `covers` alone: it knows
    nothing of gatewayd but its messages."""

    def __init__(self):
        self.spans, self.records = [], {}
        self.twice = self.dropped = 0

    def take(self, message):
        for key in ("covers", "seq"):
            if isinstance(message.get(key), list):
                self.spans.append(tuple(int(seq) for seq in message[key]))
        if "count" in message and "reason" in message:  # a gap says what was dropped
            self.dropped += int(message["count"])
        for record in message.get("records", ()):
            key = (message["epoch"], message["boot"], record["seq"],
                   record.get("period_ms", 0), record["device"])
            self.twice += key in self.records
            self.records[key] = len(set(record["values"]) | set(record.get("quality", {})))

    def missing(self, last_seq):
        """How many of 1..last_seq neither a message covers nor a gap declares."""
        lost, at = 0, 0
        for first, last in sorted(self.spans):
            lost += max(0, min(first - 1, last_seq) - at)
            at = max(at, last)
        return lost + max(0, last_seq - at)


class Subscriber:
    """mosquitto_sub with a persistent session, begun again when its broker went away."""

    def __init__(self, demo):
        self.demo, self.arrivals = demo, Arrivals()
        self.lock = threading.Lock()
        threading.Thread(target=self.listen, daemon=True).start()
        log = pathlib.Path(demo.file("mosquitto.log"))
        wait_for("the subscriber's start", lambda: TOPIC in log.read_text(errors="replace"))

    def listen(self):
        while not self.demo.is_stopping:
            child = self.demo.start(
                ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.demo.port), "-V", "mqttv5",
                 "-i", "demo", "-c", "-x", "86400", "-q", "1", "-t", TOPIC, "-F", "%p"],
                "subscriber.log", stdout=subprocess.PIPE)
            for line in child.stdout:
                if line.strip():
                    with self.lock:
                        self.arrivals.take(json.loads(line))
            child.wait()
            time.sleep(0.2)  # the broker is away; the pace of asking again

    def missing(self, last_seq):
        with self.lock:
            return self.arrivals.missing(last_seq)


class Demo:
    def __init__(self, seconds, directory):
        self.seconds, self.directory = seconds, directory
        self.children, self.broker, self.gateway = [], None, None
        self.port = free_port()
        self.api = Api(self.file("api.sock"))
        self.events_seen, self.began, self.is_stopping = 0, None, False
        self.shed, self.states, self.reserve_h = set(), [], None  # of the outage

    # ---- processes --------------------------------------------------------------------

    def file(self, name, text=None):
        path = os.path.join(self.directory, name)
        if text is not None:
            with open(path, "w", encoding="utf-8") as out:
                out.write(text)
        return path

    def start(self, words, log, **more):
        """In a process group of its own: Ctrl-C reaches only the demo, which stops all in
        order. Should the demo be killed, its children get SIGTERM."""
        path = "/usr/sbin:/usr/bin:/sbin:/bin:" + os.environ.get("PATH", "")
        words = [shutil.which(words[0], path=path) or words[0]] + words[1:]
        with open(self.file(log), "ab") as out:
            more.setdefault("stdout", out)
            child = subprocess.Popen(["setpriv", "--pdeathsig", "TERM"] + words, stderr=out,
                                     stdin=subprocess.DEVNULL, process_group=0, **more)
        self.children.append(child)
        return child

    @staticmethod
    def stop(child, limit_s=10):
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(limit_s)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def stop_all(self):
        self.is_stopping = True
        for child in reversed(list(self.children)):
            self.stop(child)

    def start_broker(self):
        self.broker = self.start(["mosquitto", "-c", self.file("mosquitto.conf")],
                                 "mosquitto.log")

        def answers():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0
        wait_for("the broker's start", answers)

    def start_home(self):
        self.start([self.file("bin/gateway-devicesim"), "--home", "127.0.0.1:0", "--speed",
                    "%.3f" % (24 * 3600 / self.seconds), "--ready-file",
                    self.file("home.ready"), "--control", self.file("home.control"),
                    "--ledger", self.file("home.ledger")], "home.log")
        ready = pathlib.Path(self.file("home.ready"))
        wait_for("the simulated home's start", ready.exists)
        return [line.split()[2] for line in ready.read_text("ascii").splitlines()]

    def tell_home(self, line):
        done = subprocess.run([self.file("bin/gateway-devicesim"), "--tell",
                               self.file("home.control"), line], capture_output=True,
                              text=True, check=False)
        if done.returncode:
            raise Failure("the simulated home refused '%s': %s%s" %
                          (line, done.stdout, done.stderr))

    def start_gateway(self, ports):
        config = self.file("gatewayd.yaml", CONFIG.format(
            directory=self.directory, broker=self.port, meter=ports[0], inverter=ports[1],
            battery=ports[2], relays=ports[3]))
        ready = self.file("gatewayd.ready")
        self.gateway = self.start(
            [self.file("bin/gatewayd"), "--config", config, "--ready-file", ready, "--libexec",
             self.file("bin"), "--plugins", self.file("plugins"), "--maps", self.file("maps"),
             "--last-good", self.file("last-good")], "gatewayd.log")
        wait_for("gatewayd's start", lambda: os.path.exists(ready) or self.has_ended())
        self.check_gateway()

    def has_ended(self):
        return self.gateway.poll() is not None

    def check_gateway(self):
        if self.has_ended():
            with open(self.file("gatewayd.log"), encoding="utf-8", errors="replace") as log:
                raise Failure("gatewayd ended with status %d; its log ends with\n%s" %
                              (self.gateway.returncode, log.read()[-3000:]))

    # ---- what is shown ----------------------------------------------------------------

    def say(self, text):
        minute = int((START_HOUR * 60 + self.passed() * 24 * 60) % 1440)
        print("%02d:%02d  %s" % (minute // 60, minute % 60, text), flush=True)

    def passed(self):
        return min(1.0, (time.monotonic() - self.began) / self.seconds)

    def show_events(self):
        for event in self.api.json("events?limit=200")["events"]:
            if int(event["seq"]) > self.events_seen:
                self.events_seen = int(event["seq"])
                self.say("  %-7s %s: %s" % (event["severity"], event["device"] or "gateway",
                                            event["text"]))
                if event["code"] == "grid-state":
                    self.states.append(event["text"].split()[0])
                    self.show_outage()

    def show_outage(self):
        grid = self.api.json("grid")
        runtime = grid["runtime_s"]
        self.say("  outage  %s: %s %% usable, %s; off: %s" % (
            grid["state"], "?" if grid["usable_permille"] is None
            else "%.0f" % (grid["usable_permille"] / 10),
            "?" if runtime is None else "energy for %.1f h" % (runtime / 3600),
            ", ".join(grid["shed"]) or "nothing"))

    def watch_outage(self):
        grid = self.api.json("grid")
        if grid["state"] in ("ISLANDED", "LOW_RESERVE", "CRITICAL"):
            self.shed.update(grid["shed"])
            if grid["runtime_s"] is not None:
                self.reserve_h = grid["runtime_s"] / 3600

    def show_readings(self):
        points = {p["device"] + "." + p["point"]: p for p in
                  self.api.json("points")["points"]}

        def show(name, unit, divisor=1):
            point = points[name]
            if point["quality"] != "good" or point["value"] is None:
                return "(%s)" % point["quality"]
            return "%.0f %s" % (point["value"] / divisor, unit)
        routes = self.api.json("routes")
        self.say("grid %8s %7s   sun %8s   battery %8s %6s   to send %d" % (
            show("grid-meter.power_w", "W"), show("grid-meter.voltage_l1_v", "V"),
            show("inverter.power_w", "W"), show("battery.power_w", "W"),
            show("battery.soc_permille", "%", 10), sum(int(r["backlog"]) for r in routes)))

    # ---- the day ----------------------------------------------------------------------

    def faults(self):
        """(share of the day, what is said, what is done)"""
        return [
            (0.15, "the inverter falls silent", lambda: self.tell_home(INVERTER + " silent")),
            (0.22, "the inverter answers again", lambda: self.tell_home(INVERTER + " ok")),
            (0.24, "the meter is unplugged", lambda: self.tell_home(METER + " refuse")),
            (0.30, "the meter is plugged in again", lambda: self.tell_home(METER + " accept")),
            (0.32, "the broker is stopped", lambda: self.stop(self.broker)),
            (0.45, "the broker is started again", self.start_broker),
            (0.60, "the battery's connection is reset", lambda: self.tell_home(BATTERY + " reset")),
        ]

    def play(self):
        faults, next_line = self.faults(), 0.0
        while self.passed() < 1.0:
            self.check_gateway()
            while faults and self.passed() >= faults[0][0]:
                _, text, act = faults.pop(0)
                self.say("demo    " + text)
                act()
            self.show_events()
            self.watch_outage()
            if self.passed() >= next_line:
                self.show_readings()
                next_line = self.passed() + max(2 / self.seconds, 1 / 36)
            time.sleep(0.25)

    def settle(self, subscriber):
        """Unplugs the devices so that the count stands still, and lets the rest arrive."""
        self.say("demo    the day is over, the devices are unplugged to count")
        for device in (METER, INVERTER, BATTERY, RELAYS):
            self.tell_home(device + " refuse")
        before = [None]

        def is_quiet():
            self.check_gateway()
            store = self.api.json("status")["store"]
            now = (self.api.metric("gatewayd_readings_polled_total"), store["readings"],
                   store["last_seq"], subscriber.missing(int(store["last_seq"])))
            backlog = sum(int(r["backlog"]) for r in self.api.json("routes"))
            is_same, before[0] = now == before[0], now
            time.sleep(2.5)  # longer than commit_interval: what waits is stored meanwhile
            return is_same and not backlog and not now[3] and now[0] == now[1]
        try:
            wait_for("the last readings", is_quiet, 45)
        except Failure:
            pass  # the summary shows what is missing
        return before[0]

    def summary(self, counts, arrivals):
        sampled, stored, last_seq, missing = (int(count) for count in counts)
        status = self.api.json("status")["store"]
        delivered = sum(arrivals.records.values())
        with open(self.file("home.ledger"), encoding="ascii") as ledger:
            served = sum(line.rstrip().endswith(" ok") for line in ledger)
        dropped = arrivals.dropped + int(status["dropped"])
        lost = max(0, sampled - stored) + max(0, stored - delivered) + dropped
        print("\nsampled    %d readings (the devices answered %d requests)" % (sampled, served))
        print("stored     %d readings in %s records; sequence numbers 1 to %d with the events" %
              (stored, status["records"], last_seq))
        print("delivered  %d readings in %d records (%d more came twice); numbers missing: %d" %
              (delivered, len(arrivals.records), arrivals.twice, missing))
        print("lost       %d" % lost)
        print("circuits   shed in the outage: %s; reserve at its end: %s" % (
            ", ".join(sorted(self.shed)) or "none",
            "not known" if self.reserve_h is None else "%.1f h" % self.reserve_h))
        print("grid       %s" % " > ".join(self.states or ["GRID_OK all day"]), flush=True)
        return 0 if lost == missing == 0 and delivered else 1

    def run(self):
        os.mkdir(self.file("broker"))
        self.file("mosquitto.conf", BROKER.format(port=self.port, directory=self.directory))
        self.start_broker()
        subscriber = Subscriber(self)
        self.start_gateway(self.start_home())
        self.began = time.monotonic()
        status = self.api.json("status")
        print("gatewayd runs as user %s; its API answers at http://%s/api/v1/points" %
              (user_name(), status["listen"]))
        print("look yourself: %s --socket %s points" % (self.file("bin/gatewayctl"),
                                                      self.api.path))
        print("a day of %g s; logs and configuration: %s\n" % (self.seconds, self.directory),
              flush=True)
        self.play()
        counts = self.settle(subscriber)
        return self.summary(counts, subscriber.arrivals)


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
      - {{name: relay_3_power_w, table: input, address: 2, type: uint16, unit: W}}
      - {{name: relay_4_power_w, table: input, address: 3, type: uint16, unit: W}}
      - {{name: grid_status, table: input, address: 8, type: uint16}}
circuits:
  - {{name: lights, switch: panel.relay_1, class: P1, typical: 120 W, min_on: 0 s, min_off: 0 s}}
  - {{name: fridge, switch: panel.relay_2, class: P1, typical: 250 W, min_on: 0 s, min_off: 0 s}}
  - {{name: kitchen, switch: panel.relay_3, power: panel.relay_3_power_w, class: P3, typical: 650 W, min_on: 0 s, min_off: 0 s}}
  - {{name: water-heater, switch: panel.relay_4, power: panel.relay_4_power_w, class: P4, typical: 1.2 kW, min_on: 0 s, min_off: 0 s, drops_out: no}}
outage:
  island: own
  grid_code: test   # a day of minutes: in-band 5 s, random 0 to 20 s
  evidence:
    - {{point: panel.grid_present, kind: contact, supply: own}}
    - {{point: panel.grid_status, kind: pcs, supply: own}}
    - {{point: grid-meter.voltage_l1_v, kind: voltage, supply: own, nominal: 101}}
  sources: [{{battery: battery, capacity: 9.8 kWh, max_discharge: 3 kW, cut_off: 10 %}}]
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
log_dest stderr
log_type error
log_type warning
log_type subscribe
"""


def copy_programs(build, source, directory):
    """Copies what runs out of the build tree, which the ordinary user may not be able to
    enter (root's home)."""
    for name in ("gatewayd/gatewayd", "devhost/gateway-devhost", "route/gateway-route",
                 "gatewayctl/gatewayctl", "tools/devicesim/gateway-devicesim"):
        program = build / name
        real = program.parent / ".libs" / program.name  # libtool's wrapper stands before it
        (directory / "bin").mkdir(exist_ok=True)
        shutil.copy(real if real.exists() else program, directory / "bin")
    (directory / "plugins").mkdir()
    for plugin in build.glob("plugins/*/.libs/*.so"):
        shutil.copy(plugin, directory / "plugins")
    shutil.copytree(source / "conf" / "maps", directory / "maps")


def user_name():
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a number without a name, as in containers
        return str(os.getuid())


def become_ordinary_user(directory):
    """Root gives up its rights for good: to the user behind sudo, else to nobody."""
    if os.getuid() != 0:
        return
    uid = int(os.environ.get("SUDO_UID", "0")) or pwd.getpwnam("nobody").pw_uid
    user = pwd.getpwuid(uid)
    for path in (directory, *directory.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid)
    os.environ["HOME"] = str(directory)
    os.chdir(directory)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


def play_day(options, directory):
    copy_programs(options.build, options.source, directory)
    become_ordinary_user(directory)
    demo = Demo(options.seconds, str(directory))
    try:
        return demo.run()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # stopping is bounded
        demo.stop_all()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=float, default=180)
    options = parser.parse_args()

    def interrupt(number, _):
        raise Interrupted(signal.Signals(number).name)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)  # a shell's background jobs ignore SIGINT
    directory = pathlib.Path(tempfile.mkdtemp(prefix="gatewayd-demo."))
    code = 1
    try:
        code = play_day(options, directory)
    except Interrupted as why:
        print("\nstopped by %s; all that was started has ended" % why, flush=True)
        code = 130
    except (Failure, OSError, http.client.HTTPException, ValueError) as why:
        print("tools/demo: %s" % why, file=sys.stderr)
    if code == 1:
        print("logs are left in %s" % directory, file=sys.stderr)
    else:
        shutil.rmtree(directory, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
