# SPDX-License-Identifier: Apache-2.0
"""Nothing lost, nothing twice: what the devices served is held against what arrived, over a
broker away, a device reset and then silent, one dead of ten, a restart and a SIGKILL.
"""
import os
import signal
import time

from harness import Broker, Devices, Gateway, Subscriber, World, wait_for

AWAY_S = int(os.environ.get("LEDGER_AWAY_S", "60"))
N = 10


def config(ports, broker_port, confirm):
    buses = "\n".join(f"  - {{name: bus{i}, plugin: modbus, transport: tcp, host: 127.0.0.1, "
                      f"port: {p}, timeout: 300 ms}}" for i, p in enumerate(ports))
    devices = "\n".join(
        f"  - {{name: dev{i}, bus: bus{i}, unit: 1, interval: 500 ms, points: "
        f"[{{name: served, table: holding, address: 0, type: float32}}]}}"
        for i in range(len(ports)))
    recipient = "self" if confirm == "broker" else "coordinator"
    return f"""
gateway: {{id: home-017, site: misono-e3, timezone: Asia/Tokyo}}
store: {{directory: @HOME@/store, commit_interval: 2 s}}
api: {{socket: @HOME@/api.sock, listen: off}}
buses:
{buses}
devices:
{devices}
forward:
  - {{name: community, url: "mqtt://127.0.0.1:{broker_port}", recipient: {recipient}, confirm: {confirm}}}
consent:
  grants:
    - {{id: test, recipient: coordinator, purpose: test, categories: [energy, grid], granularity: raw, until: 2099-12-31}}
"""


def let_run(seconds, devices):
    """Runs on until the healthy devices were polled for that long, by their own ledger."""
    begin = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    wait_for(lambda: any(t > begin + seconds * 1e9 for t, *_ in devices.ledger()),
             f"{seconds} s of polls", seconds + 20)


def pending(subscriber, last_of):
    """Seqs of each epoch up to its known end that are not covered."""
    epochs = subscriber.epochs()
    return {epoch: sorted(set(range(1, last + 1)) - epochs.get(epoch, set()))[:5]
            for epoch, last in last_of.items()
            if set(range(1, last + 1)) - epochs.get(epoch, set())}


def main(confirm):
    with World() as world:
        broker = Broker(world)
        devices = Devices(world, "--tcp", "127.0.0.1:0", "--count", str(N), "--registers", "10",
                          "--content", "counter")
        subscriber = Subscriber(world, broker, receipts=confirm == "receiver")
        gateway = Gateway(world, config(devices.ports(), broker.port, confirm)).start()
        kills = []
        wait_for(lambda: len(subscriber.records()[0]) > 20, "the first readings")

        # the broker goes away for a minute: by SIGTERM, or by SIGKILL where receipts hold
        broker.stop(signal.SIGKILL if confirm == "receiver" else signal.SIGTERM)
        let_run(AWAY_S, devices)
        broker.start()
        # a device is reset, then silent; another is dead from here on
        devices.tell("3 reset")
        devices.tell("3 silent")
        devices.tell("7 silent")
        let_run(3, devices)
        devices.tell("3 ok")
        # the daemon is restarted, then killed
        stopped_in = gateway.stop()
        gateway.start()
        let_run(5, devices)
        kills.append(time.clock_gettime_ns(time.CLOCK_BOOTTIME))
        gateway.stop(signal.SIGKILL)
        gateway.start()
        let_run(4, devices)
        served_until = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        let_run(5, devices)

        status = gateway.json("status")
        last_of = {status["epoch"]: status["store"]["last_seq"]}
        wait_for(lambda: not pending(subscriber, last_of),
                 "every sequence number at the subscriber", 60)
        records, repeats = subscriber.records()
        arrived = {}
        for key, record in records.items():
            value = record["values"].get("served")
            if value is not None:
                arrived.setdefault((int(record["device"][3:]), int(value)), []).append(key)

        # every number once, every value served is there once, no value that was not served
        twice = {k: v for k, v in arrived.items() if len(v) > 1}
        assert not twice, f"stored twice: {list(twice.items())[:3]}"
        served = {}
        for t, device, counter, value in devices.ledger():
            served[(device, int(value))] = t
        wrong = [k for k in arrived if k not in served]
        assert not wrong, f"values nobody served: {wrong[:5]}"
        missing = {k: t for k, t in served.items() if k not in arrived and t < served_until}
        # lost may be only what was not committed when the process was killed
        unexplained = [k for k, t in missing.items()
                       if not any(kill - 2.6e9 <= t <= kill + 0.3e9 for kill in kills)]
        # a reply on its way when the daemon stopped or the line was cut has no record
        assert len(unexplained) <= N + 2, f"served, not arrived: {len(unexplained)} {unexplained[:5]}"
        dead = [r for r in records.values() if r["device"] == "dev7" and "quality" in r]
        assert dead, "the dead device's failures are records too"
        assert stopped_in < 5, f"clean stop took {stopped_in:.1f} s"
        print(f"confirm {confirm}: served {len(served)}, arrived {len(arrived)}, repeats removed "
              f"{repeats}, lost at the kill {len(missing) - len(unexplained)}, cut off in flight "
              f"{len(unexplained)}, sequence numbers {sum(last_of.values())}, missing 0, "
              f"clean stop {stopped_in:.2f} s")
        subscriber.stop()
