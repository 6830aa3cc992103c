#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A backup from before a withdrawal comes back: what the resident took back stays back. Rows
that wait in it are not sent, nor is anything later; without the withdrawal they are."""
import signal
import sqlite3
import time

from harness import Broker, Devices, Gateway, Subscriber, World, wait_for
from ledger import let_run


def config(port, broker_port):
    return f"""
gateway: {{id: home-017, site: misono-e3, timezone: Asia/Tokyo}}
store: {{directory: @HOME@/store, commit_interval: 1 s}}
api: {{socket: @HOME@/api.sock}}
buses:
  - {{name: bus0, plugin: modbus, transport: tcp, host: 127.0.0.1, port: {port}, timeout: 300 ms}}
devices:
  - {{name: dev0, bus: bus0, unit: 1, interval: 200 ms, points: [{{name: served, table: holding, address: 0, type: float32}}]}}
forward:
  - {{name: research, url: "mqtt://127.0.0.1:{broker_port}", recipient: university, confirm: broker}}
consent:
  grants:
    - {{id: study, recipient: university, purpose: test, categories: [energy, grid], granularity: raw, until: 2099-12-31}}
"""


def withdraw(gateway):
    """With the daemon stopped: what the page's button will write."""
    gateway.stop()
    db = sqlite3.connect(gateway.home / "store" / "store.db")
    db.execute("INSERT INTO consent(id,kind,hash,json,t_wall_ms) VALUES('study','withdraw','','',?)",
               (int(time.time() * 1000),))
    db.commit()
    db.close()
    gateway.start()


def arrived(subscriber):
    return {int(record["values"]["served"]) for record in subscriber.records()[0].values()
            if record["values"].get("served") is not None}


def restore_after(is_withdrawn):
    """What came of the rows that waited in the backup, and of those that came after it."""
    with World() as world:
        return in_world(world, is_withdrawn)


def in_world(world, is_withdrawn):
    devices = Devices(world, "--tcp", "127.0.0.1:0", "--registers", "10", "--content", "counter")
    broker = Broker(world)
    subscriber = Subscriber(world, broker)
    gateway = Gateway(world, config(devices.ports()[0], broker.port)).start()
    wait_for(lambda: len(arrived(subscriber)) > 5, "the first readings")
    broker.stop(signal.SIGKILL)
    begin_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    let_run(3, devices)
    backup = world.dir / "early.backup"
    gateway.json("backup", str(backup))
    end_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    if is_withdrawn:
        withdraw(gateway)
    assert gateway.json("restore", str(backup))["phase"] == "done"
    broker.start()
    if not is_withdrawn:
        wait_for(lambda: max(arrived(subscriber)) > devices.ledger()[-1][3] - 20, "the backlog")
    let_run(5, devices)
    gateway.stop()
    gateway.start()  # the list alone decides, also at a start
    let_run(5, devices)
    rows = [(t, int(value)) for t, d, c, value in devices.ledger()]
    have = arrived(subscriber)
    gateway.stop()
    subscriber.stop()
    return (len([v for t, v in rows if begin_ns < t <= end_ns and v in have]),
            len([v for t, v in rows if t > end_ns and v in have]))


def main():
    waited, later = restore_after(False)
    assert waited > 5 and later > 5, (waited, later)
    none = restore_after(True)
    assert none == (0, 0), f"sent after the withdrawal: {none}"
    print(f"granted: {waited} that waited and {later} later ones arrived; withdrawn: none")


main()
