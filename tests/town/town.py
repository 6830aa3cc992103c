# SPDX-License-Identifier: Apache-2.0
"""A town in one folder: homes and the receiving point, each a real daemon with devices of its
own on Modbus TCP, one broker, the coordinator's stand-in, and the physics between them."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "flow"))
from harness import Broker, Devices, Gateway, Subscriber, program, tool, wait_for  # noqa: E402

SITE = "town"
COILS = ("fridge", "kettle", "washer", "heater")  # P1..P4, coils 0..3
TYPICAL_W = {"fridge": 120, "kettle": 300, "washer": 500, "heater": 1200}
BASE_W = 100  # what no switch reaches: P0
MIN_OFF_S = {"fridge": 5, "kettle": 4, "washer": 4, "heater": 6}
VOLTAGE, FREQUENCY, POWER, CIRCUIT_W = 0, 1, 2, 3  # holding registers of a home
CONTACT = 8  # discrete input of the receiving point
STATUS, SOC, BATTERY_W = 0, 1, 2  # holding registers of its inverter
ON_GRID, ISLANDED = 1, 2
SLOPE_HZ = 1.0  # of the island's frequency, from empty to full

HOME = """
gateway: {{id: {id}, site: town}}
store: {{directory: @HOME@/store, commit_interval: 2 s}}
api: {{socket: @HOME@/api.sock, listen: off}}
buses:
  - {{name: lan, plugin: modbus, transport: tcp, host: 127.0.0.1, port: {port}, timeout: 1 s}}
devices:
  - name: house
    bus: lan
    unit: 1
    role: grid
    interval: {interval}
    points:
      - {{name: fridge, table: coil, address: 0, write: {{failsafe: on, lease: 30 s}}}}
      - {{name: kettle, table: coil, address: 1, write: {{failsafe: on, lease: 30 s}}}}
      - {{name: washer, table: coil, address: 2, write: {{failsafe: off, lease: 30 s}}}}
      - {{name: heater, table: coil, address: 3, write: {{failsafe: off, lease: 30 s}}}}
      - {{name: voltage_v, table: holding, address: 0, type: uint16, scale: 0.1, unit: V}}
      - {{name: frequency_hz, table: holding, address: 1, type: uint16, scale: 0.01, unit: Hz}}
      - {{name: power_w, table: holding, address: 2, type: int16, unit: W}}
      - {{name: p1_w, table: holding, address: 3, type: int16, unit: W}}
      - {{name: p2_w, table: holding, address: 4, type: int16, unit: W}}
      - {{name: p3_w, table: holding, address: 5, type: int16, unit: W}}
      - {{name: p4_w, table: holding, address: 6, type: int16, unit: W}}
circuits:
  - {{name: heater, switch: house.heater, power: house.p4_w, class: P4, typical: 1.2 kW, drops_out: no, min_on: 0 s, min_off: 6 s}}
  - {{name: washer, switch: house.washer, power: house.p3_w, class: P3, typical: 500 W, min_on: 0 s, min_off: 4 s}}
  - {{name: kettle, switch: house.kettle, power: house.p2_w, class: P2, typical: 300 W, min_on: 0 s, min_off: 4 s}}
  - {{name: fridge, switch: house.fridge, power: house.p1_w, class: P1, typical: 120 W, min_on: 0 s, min_off: 5 s}}
  - {{name: gateway, class: P0, typical: 100 W}}
outage:
  island: community
  grid_code: {code}
  frequency_slope: 1
  evidence:
    - {{point: house.voltage_v, kind: voltage, supply: own, side: home, nominal: 202}}
    - {{point: house.frequency_hz, kind: frequency, supply: own, side: home}}
{more}
forward:
  - {{name: own, url: "mqtt://127.0.0.1:{broker}", recipient: self}}
"""

AREA = """
gateway: {{id: station, site: town}}
store: {{directory: @HOME@/store, commit_interval: 2 s}}
api: {{socket: @HOME@/api.sock, listen: off}}
buses:
  - {{name: panel, plugin: modbus, transport: tcp, host: 127.0.0.1, port: {panel}, timeout: 1 s}}
  - {{name: inverter, plugin: modbus, transport: tcp, host: 127.0.0.1, port: {inverter}, timeout: 1 s}}
devices:
  - name: panel
    bus: panel
    unit: 1
    role: grid
    interval: {interval}
    points:
      - {{name: charger, table: coil, address: 3, write: {{failsafe: off, lease: 30 s}}}}
      - {{name: grid_present, table: discrete, address: 8}}
      - {{name: voltage_v, table: holding, address: 0, type: uint16, scale: 0.1, unit: V}}
      - {{name: power_w, table: holding, address: 2, type: int32, order: ABCD, unit: W}}
  - name: battery
    bus: inverter
    unit: 1
    role: battery
    interval: {interval}
    points:
      - {{name: grid_status, table: holding, address: 0, type: uint16}}
      - {{name: soc_permille, table: holding, address: 1, type: uint16}}
      - {{name: power_w, table: holding, address: 2, type: int32, order: ABCD, unit: W}}
circuits:
  - {{name: charger, switch: panel.charger, class: P4, typical: 7 kW, drops_out: no, min_on: 0 s, min_off: 6 s}}
outage:
  island: own
  grid_code: {code}
  evidence:
    - {{point: panel.grid_present, kind: contact, supply: own}}
    - {{point: panel.voltage_v, kind: voltage, supply: grid, nominal: 202}}
    - {{point: battery.grid_status, kind: pcs, supply: own}}
  sources: [{{battery: battery, capacity: 125 kWh, max_discharge: 150 kW, cut_off: 10 %}}]
{more}
forward:
  - {{name: own, url: "mqtt://127.0.0.1:{broker}", recipient: self}}
"""


def boot_s():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Listener(Subscriber):
    """Everything on the broker, each message with the boot time of its arrival."""

    def listen(self):
        offset = boot_s() - time.time()
        while not self.stopping:
            self.process = subprocess.Popen(
                [tool("mosquitto_sub"), "-p", str(self.broker.port), "-V", "mqttv5", "-c", "-x",
                 "100000", "-i", "listener", "-q", "1", "-t", "gw/#", "-F", "%U\t%t\t%p"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            for line in self.process.stdout:
                at, topic, payload = line.rstrip("\n").split("\t", 2)
                body = json.loads(payload) if payload else None
                with self.lock:
                    self.messages.append((topic, body))
                    self.note(float(at) + offset, topic, body)
            self.process.wait()
            if not self.stopping:
                time.sleep(0.2)  # the broker is away; its own pace of asking again

    def note(self, at, topic, body):
        if not hasattr(self, "plans"):
            self.plans, self.walks = {}, {}
        _, _, gateway, kind = topic.split("/")[:4]
        if kind == "plan":
            self.plans.setdefault(gateway, []).append((at, body))
        if kind == "event" and body and body["code"] == "grid-state":
            walk = self.walks.setdefault(gateway, {})
            walk[(body["epoch"], body["seq"])] = (body["t"], body["text"])

    def state(self, gateway):
        walk = self.walk(gateway)
        return walk[-1] if walk else "GRID_OK"

    def walk(self, gateway):
        """The states it went through by its own journal, in order."""
        with self.lock:
            rows = sorted(getattr(self, "walks", {}).get(gateway, {}).items())
        return [text.split()[0].rstrip(":") for _, (_, text) in rows]

    def when(self, gateway, state):
        """Wall times in s at which it entered the state."""
        with self.lock:
            rows = sorted(getattr(self, "walks", {}).get(gateway, {}).items())
        return [t / 1000 for _, (t, text) in rows if text.split()[0].rstrip(":") == state]

    def why(self, gateway):
        with self.lock:
            rows = sorted(getattr(self, "walks", {}).get(gateway, {}).items())
        return [text for _, (_, text) in rows]

    def plans_of(self, gateway):
        with self.lock:
            return list(getattr(self, "plans", {}).get(gateway, []))


class Physics(threading.Thread):
    """What joins the devices: loads follow coils, the grid or the inverter carries them, the
    island's frequency follows its charge."""

    def __init__(self, devices, n_homes):
        super().__init__(daemon=True)
        self.n, self.area, self.inverter = n_homes, n_homes, n_homes + 1
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(devices.control))
        self.file = self.socket.makefile("rw")
        self.lock = threading.Lock()
        self.soc, self.is_up, self.last, self.error = 800, True, {}, None
        self.is_lit = True  # the homes, by the grid or the island
        self.stopping = threading.Event()

    def ask(self, line):
        with self.lock:
            self.file.write(line + "\n")
            self.file.flush()
            rows = []
            while True:
                row = self.file.readline().rstrip("\n")
                if row == "ok":
                    return rows
                if not row or row.startswith("error"):
                    raise AssertionError(f"the simulator, asked '{line}': {row}")
                rows.append(int(row))

    def set(self, device, table, address, value):
        if self.last.get((device, table, address)) != value:
            self.ask(f"{device} set {table} {address} {value & 0xffff}")
            self.last[(device, table, address)] = value

    def set_i32(self, device, address, value):
        self.set(device, "holding", address, value >> 16 & 0xffff)
        self.set(device, "holding", address + 1, value & 0xffff)

    def coils(self):
        """For each home {name: is on}."""
        columns = [self.ask(f"* get coil {i}") for i in range(len(COILS))]
        return [{name: columns[i][h] == 1 for i, name in enumerate(COILS)} for h in range(self.n)]

    def step(self):
        total = 0
        usable = max(0, (self.soc - 100) / 900)
        hertz = 50.0 if self.is_up else 50 + SLOPE_HZ * (usable - 0.5)
        for h, coils in enumerate(self.coils()):
            load = BASE_W
            for i, name in enumerate(COILS):
                watts = TYPICAL_W[name] if coils[name] else 0
                self.set(h, "holding", CIRCUIT_W + i, watts)
                load += watts
            self.set(h, "holding", POWER, load if self.is_lit else 0)
            self.set(h, "holding", VOLTAGE, 2020 if self.is_lit else 0)
            self.set(h, "holding", FREQUENCY, round(hertz * 100) if self.is_lit else 0)
            total += load
        self.set(self.inverter, "holding", STATUS, ON_GRID if self.is_up else ISLANDED)
        self.set(self.inverter, "holding", SOC, self.soc)
        self.set_i32(self.inverter, BATTERY_W, 0 if self.is_up else total)
        self.set(self.area, "holding", VOLTAGE, 2020 if self.is_up else 0)
        self.set_i32(self.area, POWER, total if self.is_up else 0)
        self.set(self.area, "discrete", CONTACT, int(self.is_up))

    def grid(self, is_up):
        """Returns the boot time before anything changed."""
        at = boot_s()
        self.is_up = is_up
        self.step_now()
        return at

    def light(self, is_lit):
        """The line to the homes fails, or is mended; the receiving point keeps its own."""
        with self.turn:
            self.is_lit = is_lit
            for h in range(self.n):
                self.set(h, "holding", VOLTAGE, 2020 if is_lit else 0)

    def step_now(self):
        with self.turn:
            self.step()

    turn = threading.Lock()

    def run(self):
        while not self.stopping.wait(0.5):
            try:
                self.step_now()
            except (AssertionError, OSError, ValueError) as error:
                self.error = error
                return


class Town:
    def __init__(self, world, n_homes, code="test", more="", interval="1 s"):
        self.world, self.n = world, n_homes
        self.writes = world.dir / "writes"
        self.devices = Devices(world, "--tcp", "127.0.0.1:0", "--count", str(n_homes + 2),
                               "--registers", "8", "--bits", "16", "--content", "plain",
                               "--writes", self.writes)
        ports = self.devices.ports()
        self.broker = Broker(world)
        self.listener = Listener(world, self.broker)
        self.physics = Physics(self.devices, n_homes)
        self.physics.step_now()
        self.physics.start()
        common = {"broker": self.broker.port, "code": code, "more": more, "interval": interval}
        self.names = [f"home-{h:02}" for h in range(n_homes)]
        self.homes = [Gateway(world, HOME.format(id=name, port=ports[h], **common), name=name)
                      for h, name in enumerate(self.names)]
        self.area = Gateway(world, AREA.format(panel=ports[n_homes], inverter=ports[n_homes + 1],
                                               **common), name="station")
        self.coordinator = None

    def gateways(self):
        return [*self.homes, self.area]

    def start(self):
        for gateway in self.gateways():
            gateway.start(wait=False)
        for gateway in self.gateways():
            wait_for(lambda: gateway.ready.exists() or gateway.process.poll() is not None,
                     f"the start of {gateway.name}", 60)
            assert gateway.process.poll() is None, f"{gateway.name} ended at start"

    def start_coordinator(self, step_s, repeat_s, valid_s, speed):
        self.valid_s = valid_s
        self.coordinator = self.world.start(
            program("tests/town/coordinator"), self.broker.port, self.n, step_s, repeat_s,
            valid_s, speed, log="coordinator")

    def stop_coordinator(self):
        self.coordinator.terminate()
        self.coordinator.wait(8)

    def wait_homes(self, condition, what, seconds, but=0):
        """condition(name, coils) for all homes but so many; says which are missing."""
        deadline = time.monotonic() + seconds
        while True:
            if self.physics.error:
                raise self.physics.error
            coils = self.physics.coils()
            missing = [h for h in range(self.n) if not condition(self.names[h], coils[h])]
            if len(missing) <= but:
                return
            if time.monotonic() >= deadline:
                rows = [f"{self.names[h]}: on {[n for n, on in coils[h].items() if on]}, "
                        f"{self.listener.why(self.names[h])[-3:]}, plan "
                        f"{self.listener.plans_of(self.names[h])[-1:]}" for h in missing[:5]]
                raise AssertionError(f"{what}: not {len(missing)} of {self.n} homes within "
                                     f"{seconds} s\n  " + "\n  ".join(rows))
            time.sleep(0.1)  # the pace of looking again

    def wait_states(self, *states, seconds=40):
        self.wait_homes(lambda name, _: self.listener.state(name) in states,
                        f"state {' or '.join(states)}", seconds)

    def wait_area(self, *states, seconds=60):
        wait_for(lambda: self.listener.state("station") in states,
                 f"the receiving point in {states}", seconds)

    def processes(self):
        """role -> pids of all that the daemons are."""
        parents, roles = {g.process.pid for g in self.gateways()}, {"gatewayd": []}
        roles["gatewayd"] = sorted(parents)
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                stat = (entry / "stat").read_text()
                if int(stat[stat.rindex(")") + 2:].split()[1]) in parents:
                    name = stat[stat.index("(") + 1:stat.rindex(")")]
                    roles.setdefault(name, []).append(int(entry.name))
            except OSError:
                continue
        return roles

    def usage(self):
        """role -> (processes, PSS in MiB, CPU seconds since their start)."""
        tick, rows = os.sysconf("SC_CLK_TCK"), {}
        for role, pids in self.processes().items():
            pss = cpu = 0
            for pid in pids:
                try:
                    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
                    stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
                except OSError:
                    continue
                pss += int(next(r for r in rollup.splitlines() if r.startswith("Pss:")).split()[1])
                fields = stat[stat.rindex(")") + 2:].split()
                cpu += (int(fields[11]) + int(fields[12])) / tick
            rows[role] = (len(pids), pss / 1024, cpu)
        return rows

    def stop(self):
        self.physics.stopping.set()
        self.physics.join(5)
        for gateway in self.gateways():
            gateway.process.send_signal(signal.SIGTERM)
        for gateway in self.gateways():
            gateway.process.wait(20)
        self.listener.stop()
