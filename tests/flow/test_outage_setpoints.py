#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is set in an island: a full battery limits PV, a car feeds the home once the reserve is
low and is let go at the grid's return; a core that is killed leaves no forced mode behind."""
import os
import signal

from harness import World, wait_for
from outage import BATTERY, Home, children_of_no_one

# on the battery's Modbus server, in other registers
DEVICES = """
  - name: car
    bus: battery
    unit: 1
    role: ev
    interval: 250 ms
    points:
      - {name: soc_permille, table: holding, address: 10, type: uint16}
      - {name: power_w, table: holding, address: 11, type: int16, unit: W}
      - {name: power_setpoint_w, table: holding, address: 12, type: int16, unit: W, write: {min: -6000, max: 6000, failsafe: 0, lease: 20 s}}
  - name: roof
    bus: battery
    unit: 1
    role: pv
    interval: 250 ms
    points:
      - {name: power_w, table: holding, address: 13, type: int16, unit: W}
      - {name: power_limit_w, table: holding, address: 14, type: int16, unit: W, write: {min: 0, max: 4000, failsafe: 4000, lease: 20 s}}
"""
CAR = "{battery: car, capacity: 40 kWh, max_discharge: 3 kW, cut_off: 10 %, departure_floor: 40 %}"


class Drivers(Home):
    def __init__(self, world):
        super().__init__(world)
        self.config = self.config.replace("\ncircuits:", DEVICES + "circuits:")
        self.config = self.config.replace("sources: [", f"sources: [{CAR}, ")
        assert DEVICES in self.config and CAR in self.config
        self.gateway.write_config(self.config)
        self.holding(10, 900)
        self.holding(14, 4000)

    def holding(self, address, value):
        self.set(BATTERY, "holding", address, value % 65536)

    def register(self, address):
        raw = int(self.devices.tell(f"{BATTERY} get holding {address}").split()[0])
        return raw - 65536 if raw > 32767 else raw

    def sun(self, sun_w, load_w):
        """The battery gives or takes what is between them."""
        self.holding(13, sun_w)
        self.holding(2, load_w - sun_w)

    def car(self):
        return self.register(12)

    def limit(self):
        return self.register(14)

    def output(self, name):
        return next(o for o in self.grid_doc()["outputs"] if o["name"] == name)

    def kill_all(self):
        """Nobody is left to write a failsafe."""
        for pid in self.gateway.children():
            os.kill(pid, signal.SIGSTOP)
        self.gateway.process.kill()
        self.gateway.process.wait()
        for pid in children_of_no_one(self.world):
            os.kill(pid, signal.SIGKILL)


def full_battery(home):
    home.sun(2000, 600)
    home.grid(False)
    home.sun(2000, 600)
    home.wait_state("ISLANDED")
    assert home.limit() == 4000 and home.car() == 0
    home.soc(1000)
    # what is used, and a little for a car that may take more
    wait_for(lambda: home.limit() == 1100, "the PV limit")
    wait_for(lambda: home.car() < -500, "the car takes what is over")
    assert "the battery is full" in home.output("pv-limit")["why"], home.output("pv-limit")
    assert "the battery is full" in home.gateway.ctl("grid", check=False).stdout
    home.soc(850)
    wait_for(lambda: home.limit() == 4000, "no limit any more")
    wait_for(lambda: home.car() == 0, "the car takes no more")
    wait_for(lambda: any("left to itself" in e["text"] for e in home.events("control-mode")),
             "the journal says so")


def low_reserve(home):
    home.sun(0, 1000)
    home.soc(330)
    home.wait_state("LOW_RESERVE")
    wait_for(lambda: home.car() == 850, "the car feeds the home")
    assert home.output("car")["wanted"] == 850, home.output("car")
    assert home.setpoint() == 0, "what forms the island is left to itself"


def killed_core(home):
    """The hosts end what they hold; the next core owns it again, under a new lease."""
    home.gateway.process.kill()
    home.gateway.process.wait()
    wait_for(lambda: home.car() == 0, "the hosts' failsafe", 30)
    home.start(state="LOW_RESERVE")
    wait_for(lambda: home.car() == 850, "the car feeds the home again", 30)


def grid_back(home):
    home.grid(True)
    home.sun(0, 1000)
    home.wait_state("RECONNECTING", "GRID_OK")
    wait_for(lambda: home.car() == 0, "the car is let go", 3)


def killed_all(home):
    """The grid comes back meanwhile: only the journal knows whose the discharge is."""
    home.kill_all()
    assert home.car() == 850
    home.grid(True)
    home.start(state=None)
    wait_for(lambda: home.car() == 0, "the journal's revert", 30)
    home.wait_state("GRID_OK", seconds=45)
    assert home.car() == 0 and home.limit() == 4000


def main():
    with World() as world:
        home = Drivers(world).start()
        full_battery(home)
        low_reserve(home)
        killed_core(home)
        grid_back(home)
        home.grid(False)
        low_reserve(home)
        killed_all(home)
        home.gateway.stop()


main()
