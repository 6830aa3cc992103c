#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""CRITICAL saves energy: a device that control does not need is polled slower, over a death of
its host and a reload too, and readings are gathered before they are sent. Afterwards all is as
it was."""
import os
import signal

from harness import Devices, World, wait_for
from outage import BATTERY, Home

INTERVAL_S, SLOW_S = 0.5, 1.5
ROOM = """
  - name: room
    bus: room
    unit: 1
    interval: 500 ms
    points:
      - {name: temperature_c, table: holding, address: 0, type: int16}
"""


class Saver(Home):
    def __init__(self, world):
        super().__init__(world, broker=True)
        self.room = Devices(world, "--tcp", "127.0.0.1:0", "--registers", "5", "--content",
                            "plain", name="room")
        bus = ("\n  - {name: room, plugin: modbus, transport: tcp, host: 127.0.0.1, port: "
               f"{self.room.ports()[0]}, timeout: 200 ms, process: room}}\ndevices:")
        self.config = self.config.replace("\ndevices:", bus).replace("\ncircuits:",
                                                                      ROOM + "circuits:")
        assert ROOM in self.config and bus in self.config
        self.gateway.write_config(self.config)

    def room_times(self):
        return [t / 1e9 for t, *_ in self.room.ledger()]

    def polls(self, n):
        """The middle one of the distances of the next n polls of the room."""
        begin = len(self.room_times()) + 1
        wait_for(lambda: len(self.room_times()) > begin + n, f"{n} polls of the room", 60)
        times = self.room_times()[begin:begin + n + 1]
        gaps = sorted(b - a for a, b in zip(times, times[1:]))
        return gaps[len(gaps) // 2], times[0], times[-1]

    def battery_gap(self, begin, end):
        """How far apart the polls of what control needs were, on average."""
        times = [t / 1e9 for t, device, *_ in self.devices.ledger() if device == BATTERY]
        n = len([t for t in times if begin <= t <= end])
        return (end - begin) / n if n else 1e9

    def paces(self):
        return {u["device"]: u["pace"] for b in self.gateway.json("buses") for u in b["units"]}

    def check_slow(self, when):
        gap, begin, end = self.polls(4)
        assert gap > SLOW_S * 0.8, f"{when}: the room is polled each {gap:.2f} s"
        battery = self.battery_gap(begin, end)
        assert battery < SLOW_S * 0.5, f"{when}: the battery is polled each {battery:.2f} s"
        assert (self.paces()["room"], self.paces()["battery"]) == (3, 1), f"{when}: {self.paces()}"
        assert "3 times as long" in self.gateway.ctl("plan", "room").stdout

    def check_usual(self, when):
        gap, _, _ = self.polls(8)
        assert gap < SLOW_S * 0.8, f"{when}: the room is polled each {gap:.2f} s"
        assert set(self.paces().values()) == {1}, f"{when}: {self.paces()}"
        assert "as long" not in self.gateway.ctl("plan", "room").stdout

    def is_good(self):
        points = [p for p in self.gateway.json("points")["points"] if p["device"] == "room"]
        return points and all(p["quality"] == "good" for p in points)

    def sent(self, kind):
        return len([t for t, p in self.subscriber.snapshot() if t.endswith("/" + kind) and p])

    def host_of_room(self):
        return next(b["pid"] for b in self.gateway.json("buses") if b["name"] == "room")


def gathered(home):
    """An event takes along what waits before it; nothing else is sent."""
    events, readings = home.sent("event"), home.sent("readings")
    home.polls(6)
    n_events, n_readings = home.sent("event") - events, home.sent("readings") - readings
    assert n_readings <= n_events + 1, f"{n_readings} messages of readings, {n_events} events"


def main():
    with World() as world:
        home = Saver(world).start()
        wait_for(lambda: home.gateway.json("routes")[0]["state"] == "online", "the route")
        home.check_usual("on the grid")
        home.grid(False)
        home.wait_state("ISLANDED")
        home.soc(330)
        home.wait_state("LOW_RESERVE")
        assert home.grid_doc()["saving"] is False
        home.check_usual("low reserve")

        home.soc(220)
        home.wait_state("CRITICAL")
        assert home.grid_doc()["saving"] is True
        assert "slower" in home.gateway.ctl("grid", check=False).stdout
        home.check_slow("critical")
        assert home.is_good(), "not stale at that pace"
        gathered(home)

        pid = home.host_of_room()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: home.host_of_room() not in (0, pid), "another host", 30)
        home.check_slow("a new host")
        home.gateway.write_config(home.config.replace("temperature_c", "outside_c"))
        home.gateway.ctl("reload")
        home.wait_state("CRITICAL")
        home.check_slow("a reload")

        home.grid(True)
        home.wait_state("RECONNECTING", "GRID_OK")
        wait_for(lambda: home.grid_doc()["saving"] is False, "no saving any more")
        home.check_usual("the grid is back")
        assert home.is_good()
        readings = home.sent("readings")
        wait_for(lambda: home.sent("readings") > readings + 3, "readings as they come", 15)
        home.gateway.stop()


main()
