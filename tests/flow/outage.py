# SPDX-License-Identifier: Apache-2.0
"""A home for tests of outage control: a panel of relays, a meter at the grid's side and a
battery inverter on Modbus TCP, each a device of the simulator, played by hand."""
import json
import os
import subprocess

from harness import Broker, Devices, Gateway, Subscriber, tool, wait_for

PANEL, METER, BATTERY = 0, 1, 2
COILS = {"heater": 0, "washer": 1, "kettle": 2, "fridge": 3}

CONFIG = """
gateway: {{id: home, site: test}}
store: {{directory: @HOME@/store, commit_interval: 1 s}}
api: {{socket: @HOME@/api.sock, listen: off}}
buses:
  - {{name: panel, plugin: modbus, transport: tcp, host: 127.0.0.1, port: {panel}, timeout: 200 ms, process: panel}}
  - {{name: meter, plugin: modbus, transport: tcp, host: 127.0.0.1, port: {meter}, timeout: 200 ms, process: meter}}
  - {{name: battery, plugin: modbus, transport: tcp, host: 127.0.0.1, port: {battery}, timeout: 200 ms, process: battery}}
devices:
  - name: panel
    bus: panel
    unit: 1
    interval: 250 ms
    points:
      - {{name: heater, table: coil, address: 0, write: {{failsafe: off, lease: {lease}}}}}
      - {{name: washer, table: coil, address: 1, write: {{failsafe: off, lease: {lease}}}}}
      - {{name: kettle, table: coil, address: 2, write: {{failsafe: on, lease: {lease}}}}}
      - {{name: fridge, table: coil, address: 3, write: {{failsafe: on, lease: {lease}}}}}
      - {{name: grid_present, table: discrete, address: 8}}
{points}  - name: meter
    bus: meter
    unit: 1
    role: grid
    interval: 250 ms
    points:
      - {{name: voltage_v, table: holding, address: 0, type: uint16, scale: 0.1, unit: V}}
      - {{name: power_w, table: holding, address: 1, type: int16, unit: W}}
  - name: battery
    bus: battery
    unit: 1
    role: battery
    interval: 250 ms
    points:
      - {{name: grid_status, table: holding, address: 0, type: uint16}}
      - {{name: soc_permille, table: holding, address: 1, type: uint16}}
      - {{name: power_w, table: holding, address: 2, type: int16, unit: W}}
      - {{name: power_setpoint_w, table: holding, address: 3, type: int16, unit: W, write: {{min: -3000, max: 3000, failsafe: 0, lease: {lease}}}}}
circuits:
  - {{name: water-heater, switch: panel.heater, class: P4, typical: 1.2 kW, drops_out: no, min_on: 0 s, min_off: 0 s}}
  - {{name: washer, switch: panel.washer, class: P3, typical: 500 W, min_on: 0 s, min_off: 0 s}}
  - {{name: kettle, switch: panel.kettle, class: P2, typical: 300 W, min_on: 0 s, min_off: 0 s}}
  - {{name: fridge, switch: panel.fridge, class: P1, typical: 100 W, min_on: 0 s, min_off: 0 s}}
  - {{name: oxygen, class: P0, typical: 60 W}}
outage:
  island: {island}
  grid_code: test
  evidence:
{evidence}
  sources: [{{battery: battery, capacity: 98 kWh, max_discharge: 3 kW, cut_off: 10 %}}]
{more}
"""
PCS = "    - {point: battery.grid_status, kind: pcs, supply: own}\n"
VOLTAGE = "    - {point: meter.voltage_v, kind: voltage, supply: grid, nominal: 202}\n"
CONTACT = "    - {point: panel.grid_present, kind: contact, supply: own}\n"
FORWARD = 'forward:\n  - {{name: own, url: "mqtt://127.0.0.1:{}", recipient: self}}\n'
ON_GRID, ISLANDED, OFF = 1, 2, 3  # grid_status


class Home:
    """Devices, a broker with a subscriber when wanted, and the daemon."""

    def __init__(self, world, evidence=VOLTAGE + PCS, island="own", more="", lease="20 s",
                 broker=False, writes=None, store="@HOME@/store",
                 name="gateway", points=""):
        """writes: a file for each point written (tools/devicesim); store: its directory."""
        words = ["--writes", writes] if writes else []
        for _ in range(3):
            words += ["--tcp", "127.0.0.1:0", "--registers", "20", "--content", "plain"]
        self.world = world
        self.devices = Devices(world, *words, name=f"{name}-devices")
        self.broker = Broker(world) if broker else None
        self.subscriber = Subscriber(world, self.broker) if broker else None
        if broker:
            more += FORWARD.format(self.broker.port)
        panel, meter, battery = self.devices.ports()
        self.config = CONFIG.format(panel=panel, meter=meter, battery=battery, island=island,
                                    evidence=evidence, more=more, lease=lease,
                                    points=points).replace(
                                        "@HOME@/store", str(store))
        self.grid(True)
        self.soc(800)
        self.gateway = Gateway(world, self.config, name=name)

    # ---- what the world does
    def set(self, device, table, address, value):
        self.devices.tell(f"{device} set {table} {address} {value}")

    def voltage(self, volts):
        self.set(METER, "holding", 0, round(volts * 10))

    def pcs(self, status):
        self.set(BATTERY, "holding", 0, status)

    def soc(self, permille):
        self.set(BATTERY, "holding", 1, permille)

    def contact(self, is_closed):
        self.set(PANEL, "discrete", 8, int(is_closed))

    def grid(self, is_there):
        self.voltage(202 if is_there else 0)
        self.contact(is_there)
        self.set(METER, "holding", 1, 600 if is_there else 0)
        self.set(BATTERY, "holding", 2, 0 if is_there else 600)
        self.pcs(ON_GRID if is_there else ISLANDED)

    # ---- what the daemon did
    def coil(self, name):
        return self.devices.tell(f"{PANEL} get coil {COILS[name]}").split()[0] == "1"

    def setpoint(self):
        """What the battery is told by force, in W, + discharge."""
        raw = int(self.devices.tell(f"{BATTERY} get holding 3").split()[0])
        return raw - 65536 if raw > 32767 else raw

    def coils(self):
        return {name: self.coil(name) for name in COILS}

    def wait_coils(self, what, seconds=15, **wanted):
        try:
            wait_for(lambda: all(self.coil(name) == value for name, value in wanted.items()),
                     f"{what}: {wanted}", seconds)
        except AssertionError as error:
            said = [c["why"] for c in self.gateway.json("circuits")["circuits"]]
            raise AssertionError(f"{error}, but {self.coils()}: {said}") from error

    def grid_doc(self):
        return self.gateway.get("grid")

    def state(self):
        return self.grid_doc()["state"]

    def wait_state(self, *states, seconds=20):
        return wait_for(lambda: self.state() in states and self.state(), f"state {states}",
                        seconds)

    def circuit(self, name):
        return next(c for c in self.gateway.get("circuits")["circuits"] if c["name"] == name)

    def events(self, code=None):
        events = self.gateway.json("events")["events"]
        return [e for e in events if code in (None, e["code"])]

    def transitions(self):
        """State names in the order of the journal."""
        return [e["text"].split()[0].rstrip(":") for e in self.events("grid-state")]

    def start(self, state="GRID_OK"):
        self.gateway.start()
        if state:
            self.wait_state(state)
        return self

    def plan(self, retain=False, **fields):
        body = {"v": 1, "plan": "p1", "valid_s": 60, "mode": "island"} | fields
        argv = [tool("mosquitto_pub"), "-p", str(self.broker.port), "-V", "mqttv5", "-q", "1",
                "-t", "gw/test/home/plan", "-m", json.dumps(body)]
        subprocess.run(argv + (["-r"] if retain else []), check=True)


def children_of_no_one(world):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                words = open(f"/proc/{entry}/cmdline").read()
                parent = int(open(f"/proc/{entry}/stat").read().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if str(world.dir) in words and "gateway-devhost" in words and parent == 1:
                found.append(int(entry))
    return found
