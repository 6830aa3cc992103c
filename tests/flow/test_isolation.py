#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A plugin that misbehaves in every way costs the buses of other hosts nothing and the other
buses of its own host at most 1 s at each of at most two restarts."""
import time

from harness import Broker, Devices, Gateway, Subscriber, World, wait_for

INTERVAL_MS = 200
ENDS_ITS_HOST = ("abort", "scribble", "hang")
ONLY_ANNOYS = ("delay", "error", "garbage", "flood", "leak")


def config(mode, port, broker_port):
    return f"""
gateway: {{id: isolation, site: test}}
store: {{directory: @HOME@/store, commit_interval: 500 ms}}
api: {{socket: @HOME@/api.sock, listen: off}}
buses:
  - {{name: bad, plugin: faulty}}
  - {{name: neighbour, plugin: faulty}}
  - {{name: other, plugin: modbus, transport: tcp, host: 127.0.0.1, port: {port}}}
devices:
  - {{name: bad, bus: bad, mode: {mode}, after: 8, timeout: 100 ms, delay: 300 ms, interval: 200 ms, points: [{{name: n}}]}}
  - {{name: neighbour, bus: neighbour, timeout: 100 ms, interval: 200 ms, points: [{{name: n}}]}}
  - {{name: other, bus: other, unit: 1, interval: 200 ms, points: [{{name: served, address: 0, type: float32}}]}}
forward:
  - {{name: local, url: "mqtt://127.0.0.1:{broker_port}", recipient: self}}
"""


def times(subscriber, gateway_epoch, device):
    return sorted(r["t"] for key, r in subscriber.records()[0].items()
                  if r["device"] == device and key[1] == gateway_epoch and r["values"])


def gaps(series):
    return [b - a for a, b in zip(series, series[1:])]


def run(world, broker, subscriber, devices, mode):
    gateway = Gateway(world, config(mode, devices.ports()[0], broker.port),
                      name=f"gateway-{mode}").start()
    epoch = gateway.json("status")["epoch"]

    if mode in ENDS_ITS_HOST:
        wait_for(lambda: "gets a host of its own" in gateway.log(), f"{mode}: quarantine", 60)
    begin = time.time() * 1000
    wait_for(lambda: len([t for t in times(subscriber, epoch, "neighbour") if t > begin]) > 10,
             f"{mode}: ten more readings of the neighbour", 30)
    series = {name: times(subscriber, epoch, name) for name in ("neighbour", "other")}
    late = {name: [g for g in gaps(s) if g > 3 * INTERVAL_MS] for name, s in series.items()}
    worst = {name: max(gaps(s)) for name, s in series.items()}
    print(f"{mode:9} worst interval: other host {worst['other']} ms, same host "
          f"{worst['neighbour']} ms, restarts felt {len(late['neighbour'])}")
    assert worst["other"] <= 2.5 * INTERVAL_MS, f"{mode}: another host's bus lost its schedule"
    assert worst["neighbour"] <= 1000 + INTERVAL_MS, f"{mode}: a neighbour missed over 1 s"
    assert len(late["neighbour"]) <= 2, f"{mode}: the neighbour felt more than two restarts"
    assert gateway.process.poll() is None
    gateway.stop()


def main():
    with World() as world:
        world.report_words = ["ThreadSanitizer"]
        broker = Broker(world)
        devices = Devices(world, "--tcp", "127.0.0.1:0", "--count", "1", "--registers", "10",
                          "--content", "counter")
        subscriber = Subscriber(world, broker)
        for mode in ENDS_ITS_HOST + ONLY_ANNOYS:
            run(world, broker, subscriber, devices, mode)
        subscriber.stop()


main()
