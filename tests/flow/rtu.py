# SPDX-License-Identifier: Apache-2.0
"""What the tests of a serial line share: ten units of the simulator on one pty at 9600 baud,
the daemon that polls them each second, and the look at what arrived."""
import time

from harness import Broker, Devices, Gateway, Subscriber, wait_for

UNITS = 10
BAUD = 9600
TIMEOUT_S = 0.5  # the default of a serial line
LATE_REPLY_S = 0.1  # likewise
CHARACTER_S = 11 / BAUD
# request of 8 characters, 3.5 of silence, reply of 9: two registers
EXCHANGE_S = (8 + 3.5 + 9) * CHARACTER_S


def config(link, broker_port, interval_ms=1000):
    devices = "\n".join(
        f"  - {{name: unit{u}, bus: line, unit: {u}, interval: {interval_ms} ms, points: "
        f"[{{name: served, table: holding, address: 0, type: float32}}]}}"
        for u in range(1, UNITS + 1))
    return f"""
gateway: {{id: line, site: test}}
store: {{directory: @HOME@/store, commit_interval: 500 ms}}
api: {{socket: @HOME@/api.sock, listen: off}}
buses:
  - {{name: line, plugin: modbus, transport: rtu, device: {link}, baud: {BAUD}, parity: even}}
devices:
{devices}
forward:
  - {{name: local, url: "mqtt://127.0.0.1:{broker_port}", recipient: self}}
"""


class Line:
    """The line, its daemon, its broker and its subscriber."""

    def __init__(self, world, interval_ms=1000):
        self.broker = Broker(world)
        self.link = world.dir / "tty-line"
        self.devices = Devices(world, "--rtu", "--units", f"1-{UNITS}", "--baud", str(BAUD),
                               "--registers", "10", "--content", "counter", "--link", self.link)
        self.subscriber = Subscriber(world, self.broker)
        self.gateway = Gateway(world, config(self.link, self.broker.port, interval_ms)).start()
        wait_for(lambda: len({r[1] for r in self.devices.ledger()}) == UNITS,
                 "an answer of every unit")

    def let_run(self, seconds):
        """Until the line served something that much later."""
        until = now_ns() + seconds * 1e9
        wait_for(lambda: any(t > until for t, *_ in self.devices.ledger()[-3:]),
                 f"{seconds} s of polls", seconds + 20)

    def wait_served(self, unit, since_ns, n=3, seconds=90):
        """A unit's own sound replies since then; returns when the first left."""
        def replies():
            times = [t for t, device, *_ in self.devices.ledger()
                     if device == unit - 1 and t > since_ns]
            return times if len(times) >= n else None
        return wait_for(replies, f"{n} replies of unit {unit}", seconds)[0]

    def arrived(self):
        """(unit, value) -> keys of the records that carry it."""
        found = {}
        for key, record in self.subscriber.records()[0].items():
            value = record["values"].get("served")
            if value is not None:
                found.setdefault((int(record["device"][4:]), int(value)), []).append(key)
        return found

    def wait_arrived(self, unit, since_ns):
        """What the unit served last since then is at the subscriber."""
        def last_is_there():
            rows = [r for r in self.devices.ledger() if r[1] == unit - 1 and r[0] > since_ns]
            return any((unit, int(r[3])) in self.arrived() for r in rows)
        wait_for(last_is_there, f"a value of unit {unit} at the subscriber")

    def stop(self):
        self.gateway.stop()
        self.subscriber.stop()


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
