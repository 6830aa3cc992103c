#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A reload restarts only what changed; a bad configuration changes nothing; a start with
errors runs the last good one; --strict refuses."""
import json
import signal

from harness import Broker, Devices, Gateway, Subscriber, World, wait_for


def config(ports, broker_port, interval="200 ms", with_c=False, broken=""):
    third = (f"  - {{name: c, plugin: modbus, transport: tcp, host: 127.0.0.1, "
             f"port: {ports[2]}, process: inline}}\n" if with_c else "")
    device_c = ("  - {name: c, bus: c, unit: 1, interval: 200 ms, points: "
                "[{name: served, address: 0, type: float32}]}\n" if with_c else "")
    return f"""
gateway: {{id: reload, site: test}}
store: {{directory: @HOME@/store, commit_interval: 500 ms}}
api: {{socket: @HOME@/api.sock, listen: off}}
buses:
  - {{name: a, plugin: modbus, transport: tcp, host: 127.0.0.1, port: {ports[0]}, process: a}}
  - {{name: b, plugin: modbus, transport: tcp, host: 127.0.0.1, port: {ports[1]}, process: b}}
{third}
devices:
  - {{name: a, bus: a, unit: 1, interval: 200 ms, points: [{{name: served, address: 0, type: float32}}]}}
  - {{name: b, bus: b, unit: 1, interval: {interval}, points: [{{name: served, address: 0, type: float32}}]}}
{device_c}
{broken}
forward:
  - {{name: local, url: "mqtt://127.0.0.1:{broker_port}", recipient: self}}
"""


def good(gateway, n):
    rows = gateway.json("points")["points"]
    return len(rows) == n and all(p["quality"] == "good" for p in rows)


def hosts(gateway):
    return {b["name"]: b["pid"]
            for b in gateway.json("buses")}


def routes(gateway):
    return {pid for pid, line in gateway.children().items() if "gateway-route" in line}


def main():
    with World() as world:
        broker = Broker(world)
        devices = Devices(world, "--tcp", "127.0.0.1:0", "--count", "3", "--registers", "10",
                          "--content", "counter")
        ports = devices.ports()
        subscriber = Subscriber(world, broker)
        gateway = Gateway(world, config(ports, broker.port)).start()
        wait_for(lambda: good(gateway, 2), "two devices read")
        before, route = hosts(gateway), routes(gateway)

        gateway.write_config(config(ports, broker.port, interval="300 ms", with_c=True))
        print(gateway.ctl("reload").stdout)
        wait_for(lambda: good(gateway, 3), "three devices read")
        after = hosts(gateway)
        assert after["a"] == before["a"], "an unchanged bus was restarted"
        assert after["b"] != before["b"], "a changed bus was not restarted"
        assert routes(gateway) == route, "the route was restarted"

        # errors: nothing changes, and the message says where
        gateway.write_config(config(ports, broker.port, broken="outage: {iland: own}"))
        done = gateway.ctl("reload", check=False)
        assert done.returncode == 1, done
        assert "did you mean 'island'" in done.stdout + done.stderr, done.stdout + done.stderr
        assert hosts(gateway) == after and good(gateway, 3)
        gateway.process.send_signal(signal.SIGHUP)
        wait_for(lambda: gateway.log().count("did you mean 'island'") >= 2, "SIGHUP's answer")
        assert hosts(gateway) == after

        # a start with errors: the last good one runs, under an alarm
        gateway.stop()
        gateway.start()
        wait_for(lambda: good(gateway, 3), "the last good configuration")
        status = gateway.ctl("--json", "status", check=False)
        assert status.returncode == 1, "an alarm is bad news"
        alarms = [a["code"] for a in json.loads(status.stdout)["alarms"]]
        assert alarms == ["config-invalid"], alarms
        gateway.stop()

        # mended: the alarm goes with a reload
        gateway.start()
        gateway.write_config(config(ports, broker.port))
        gateway.ctl("reload")
        wait_for(lambda: good(gateway, 2), "the mended configuration")
        assert not gateway.json("status")["alarms"]
        gateway.stop()

        gateway.write_config("gateway: [\n")
        gateway.args = ["--strict"]
        gateway.start(wait=False)
        assert gateway.process.wait(5) == 1, "--strict must refuse"

        # the store was never touched: one epoch, no number missing
        last = max(seq for seqs in subscriber.epochs().values() for seq in seqs)
        epochs = subscriber.epochs()
        assert len(epochs) == 1, epochs.keys()
        assert epochs.popitem()[1] >= set(range(1, last + 1))
        subscriber.stop()


main()
