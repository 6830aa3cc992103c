#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Nothing leaves without consent: no grant, no connection; under a 1-minute grant means are
sent and raw is not; `self` outside the home's network is refused."""
import subprocess
import time

from harness import Broker, Devices, Gateway, Subscriber, World, tool, wait_for


def config(port, broker_port, grants, host="127.0.0.1", recipient="coordinator"):
    return f"""
gateway: {{id: consent, site: test}}
store: {{directory: @HOME@/store, commit_interval: 500 ms}}
api: {{socket: @HOME@/api.sock, listen: off}}
buses:
  - {{name: a, plugin: modbus, transport: tcp, host: 127.0.0.1, port: {port}}}
devices:
  - {{name: meter, bus: a, unit: 1, interval: 500 ms, points: [{{name: served, address: 0, type: float32}}]}}
  - {{name: scale, bus: a, unit: 1, category: health, interval: 500 ms, points: [{{name: served, address: 0, type: float32}}]}}
forward:
  - {{name: r, url: "mqtt://{host}:{broker_port}", recipient: {recipient}, confirm: broker}}
consent:
  grants: [{grants}]
"""


def grant(id_, granularity, categories="energy", until="2099-12-31"):
    return (f"{{id: {id_}, recipient: coordinator, purpose: test, categories: [{categories}], "
            f"granularity: {granularity}, until: {until}}}")


def route(gateway):
    return gateway.json("routes")[0]


def main():
    with World() as world:
        broker = Broker(world)
        devices = Devices(world, "--tcp", "127.0.0.1:0", "--count", "1", "--registers", "10",
                          "--content", "counter")
        port = devices.ports()[0]
        subscriber = Subscriber(world, broker)

        gateway = Gateway(world, config(port, broker.port, ""), name="none").start()
        wait_for(lambda: route(gateway)["state"] == "refused", "the refusal")
        assert not [l for l in gateway.children().values() if "gateway-route" in l]
        gateway.stop()
        expired = Gateway(world, config(port, broker.port, grant("old", "raw", until="2020-01-01")),
                          name="expired").start()
        wait_for(lambda: route(expired)["state"] == "refused", "the refusal of an old grant")
        expired.stop()
        abroad = Gateway(world, config(port, broker.port, "", host="203.0.113.77",
                                       recipient="self"), name="abroad").start()
        wait_for(lambda: route(abroad)["state"] == "refused", "the refusal of a far 'self'")
        abroad.stop()
        assert subscriber.snapshot() == [], subscriber.snapshot()[:2]

        # raw for energy: health stays at home, and the account closes all the same
        raw = Gateway(world, config(port, broker.port, grant("g1", "raw")), name="raw").start()
        wait_for(lambda: len(subscriber.records()[0]) > 5, "raw records")
        devices_seen = {r["device"] for r in subscriber.records()[0].values()}
        assert devices_seen == {"meter"}, devices_seen
        epoch = raw.json("status")["epoch"]
        last = raw.json("status")["store"]["last_seq"]
        wait_for(lambda: subscriber.epochs().get(epoch, set()) >= set(range(1, last + 1)),
                 "covers of what was withheld")
        raw.stop()
        raw_records = len(subscriber.records()[0])

        # 1 min: means only
        mean = Gateway(world, config(port, broker.port, grant("g2", "1 min")), name="mean").start()
        wait_for(lambda: len(subscriber.records()[0]) > raw_records, "a 1-minute mean", 130)
        new = list(subscriber.records()[0].values())[raw_records:]
        assert all(r["period_ms"] == 60000 for r in new), new
        assert {r["device"] for r in new} == {"meter"}
        assert route(mean)["refused"] > 0
        mean.stop()
        subscriber.stop()


main()
