#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The store's directory is copied while the daemon is stopped, the daemon goes on and is killed,
and the older copy is put back, all within one boot: its numbers were given since to records that
have been delivered. None is given again: the restored store begins an epoch of its own."""
import shutil
import signal

from harness import Broker, Devices, Gateway, Subscriber, World, wait_for

CONFIG = """
gateway: {{id: home-017, site: misono-e3}}
store: {{directory: @HOME@/store, commit_interval: 200 ms}}
api: {{socket: @HOME@/api.sock, listen: off}}
buses:
  - {{name: bus, plugin: modbus, transport: tcp, host: 127.0.0.1, port: {port}}}
devices:
  - {{name: dev, bus: bus, unit: 1, interval: 100 ms, points: [{{name: served, table: holding, address: 0, type: float32}}]}}
forward:
  - {{name: own, url: "mqtt://127.0.0.1:{broker}", recipient: self}}
"""


def names(subscriber):
    """(epoch, boot, seq, device) -> every record that came under this name."""
    found = {}
    for topic, payload in subscriber.snapshot():
        for record in payload["records"] if topic.endswith("/readings") else []:
            key = payload["epoch"], payload["boot"], record["seq"], record["device"]
            found.setdefault(key, set()).add((record["t"], str(record["values"])))
    return found


def more(subscriber, n):
    begin = len(names(subscriber))
    wait_for(lambda: len(names(subscriber)) >= begin + n, f"{n} records more")


def main():
    with World() as world:
        broker = Broker(world)
        devices = Devices(world, "--tcp", "127.0.0.1:0", "--registers", "4", "--content", "counter")
        subscriber = Subscriber(world, broker)
        gateway = Gateway(world, CONFIG.format(port=devices.ports()[0], broker=broker.port)).start()
        store, copy = gateway.home / "store", gateway.home / "copy"
        more(subscriber, 10)
        gateway.stop()
        shutil.copytree(store, copy)
        gateway.start()
        more(subscriber, 20)
        epoch = gateway.json("status")["epoch"]
        gateway.stop(signal.SIGKILL)
        gateway.start()  # killed alone: the epoch goes on
        assert gateway.json("status")["epoch"] == epoch
        more(subscriber, 10)
        gateway.stop(signal.SIGKILL)
        shutil.rmtree(store)
        shutil.copytree(copy, store)
        gateway.start()
        assert gateway.json("status")["epoch"] != epoch, "the old copy goes on under its epoch"
        wait_for(lambda: any(e["code"] == "store-new-epoch" and "restored" in e["text"]
                             for e in gateway.json("events")["events"]), "the new epoch's event")
        more(subscriber, 20)
        found = names(subscriber)
        double = [(name, records) for name, records in found.items() if len(records) > 1]
        assert not double, f"one name, two records: {double[:3]}"
        print(f"{len(found)} names in {len({name[0] for name in found})} epochs, each of one record")
        gateway.stop()
        subscriber.stop()


main()
