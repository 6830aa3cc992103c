#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The local history of the real daemon is what a subscriber got: 1-minute means of every
reading, energy out of the counters, also over SIGKILL."""
import json
import signal
import subprocess

from harness import Broker, Gateway, Subscriber, World, program, wait_for

POINTS = ["grid-meter.power_w", "grid-meter.energy_export_wh", "roof.power_w"]
CONFIG = """
gateway: {{id: history, site: test}}
store: {{directory: @HOME@/store, commit_interval: 200 ms}}
api: {{socket: @HOME@/api.sock, listen: off}}
buses:
  - {{name: house, plugin: sim, script: day, speed: 600, start: 11}}
devices:
  - {{name: grid-meter, bus: house, role: grid, interval: 100 ms, model: grid,
     points: [{{name: power_w, unit: W}}, {{name: energy_import_wh, unit: Wh}},
              {{name: energy_export_wh, unit: Wh}}]}}
  - {{name: roof, bus: house, role: pv, interval: 100 ms, model: pv,
     points: [{{name: power_w, unit: W}}]}}
forward:
  - {{name: local, url: "mqtt://127.0.0.1:{port}", recipient: self}}
"""


def received(subscriber):
    return sorted(subscriber.records()[0].values(), key=lambda r: r["seq"])


def near(a, b, scale):
    return abs(a - b) <= 2e-5 * max(abs(scale), 1)


def main():
    with World() as world:
        broker = Broker(world)
        subscriber = Subscriber(world, broker)
        gateway = Gateway(world, CONFIG.format(port=broker.port)).start()
        wait_for(lambda: len(received(subscriber)) > 60, "the first records")
        gateway.stop(signal.SIGKILL)
        gateway.start()
        wait_for(lambda: len(received(subscriber)) > 150, "records after the kill")
        # what the subscriber has is committed; what is committed it gets before the stop ends
        last = max(r["seq"] for r in received(subscriber))
        gateway.stop()
        records = [r for r in received(subscriber) if "period_ms" not in r]
        begin = min(r["t"] for r in records)
        out = subprocess.run([program("tests/flow/dump_history"), str(gateway.home / "store"),
                              str(begin), str(begin + 3600000), "0", *POINTS],
                             capture_output=True, text=True, timeout=60, check=True).stdout
        raw = [r for r in map(json.loads, out.splitlines()) if "t" in r]
        energy = [r for r in map(json.loads, out.splitlines()) if "device" in r]
        out = subprocess.run([program("tests/flow/dump_history"), str(gateway.home / "store"),
                              str(begin // 60000 * 60000), str(begin + 3600000), "60000",
                              *POINTS], capture_output=True, text=True, timeout=60,
                             check=True).stdout
        means = {r["t"]: r for r in map(json.loads, out.splitlines()) if "t" in r}

        # every record that was delivered is in it, with its value
        values = {(r["t"], p): r[p][1] for r in raw for p in POINTS if p in r}
        for record in records:
            for name, value in record["values"].items():
                point = f"{record['device']}.{name}"
                if point in POINTS and record["seq"] <= last:
                    assert near(values[record["t"], point], value, value), (record, point)

        # the means are those of the raw readings
        sums = {}
        for (t, point), value in values.items():
            sums.setdefault((t // 60000 * 60000, point), []).append(value)
        for (t, point), numbers in sums.items():
            n, value, low, high = means[t][point]
            want = numbers[-1] if point.endswith("_wh") else sum(numbers) / len(numbers)
            assert n == len(numbers), (t, point, n, len(numbers))
            assert near(value, want, max(map(abs, numbers))), (t, point, value, want)
            if not point.endswith("_wh"):
                assert near(low, min(numbers), max(map(abs, numbers))), (t, point)
                assert near(high, max(numbers), max(map(abs, numbers))), (t, point)

        # energy: the counter's slots, and the roof's out of its power
        flows = {}
        for row in energy:
            key = (row["device"], row["flow"])
            flows[key] = flows.get(key, 0) + row["wh"]
        # the sim's counter begins anew after the kill: what was counted until it is told
        # apart is not known twice
        counter = [v for (t, p), v in sorted(values.items()) if p.endswith("export_wh")]
        counted = sum(b - a for a, b in zip(counter, counter[1:]) if b > a)
        assert 0 < flows["grid-meter", "export"] <= counted + 1, (flows, counted)
        assert flows["roof", "production"] > 0, flows
        print(f"{len(records)} records, {len(sums)} means agree; energy {flows}, "
              f"{counted:.0f} Wh of export counted")


main()
