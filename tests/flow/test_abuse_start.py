#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Starts under bad luck: the TCP port is somebody else's, and stop signals come while the daemon
still starts."""
import json
import signal
import socket
import time

from harness import Gateway, World, wait_for

CONFIG = """
gateway: {id: abuse, site: test}
store: {directory: @HOME@/store}
api: {socket: @HOME@/api.sock, listen: "127.0.0.1:@PORT@"}
buses:
  - {name: relays, plugin: faulty, output_file: "@HOME@/outputs"}
devices:
  - {name: panel, bus: relays, timeout: 100 ms, interval: 200 ms, points: [{name: heater, kind: output, write: {min: 0, max: 100, failsafe: 7, lease: 60 s}}]}
"""


def runs_without_its_port(world):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        gateway = Gateway(world, CONFIG.replace("@PORT@", str(taken.getsockname()[1])),
                          name="port").start()
        wait_for(lambda: gateway.json("points")["points"][0]["quality"] == "good", "first poll")
        gateway.ctl("write", "panel.heater", "42")
        status = gateway.ctl("--json", "status", check=False)
        assert status.returncode == 1, "an alarm is bad news"
        alarms = [a["code"] for a in json.loads(status.stdout)["alarms"]]
        assert alarms == ["api-listen"], alarms
        assert gateway.stop() < 5
        assert (gateway.home / "outputs").read_text().splitlines()[-1] == "panel heater 7"


def stops_at_any_moment(world):
    gateway = Gateway(world, CONFIG.replace("@PORT@", "0"), name="early")
    for ms in range(0, 100, 7):
        gateway.start(wait=False)
        time.sleep(ms / 1000)  # the moment is what is tested
        gateway.process.send_signal(signal.SIGTERM)
        gateway.process.send_signal(signal.SIGHUP)
        took = gateway.stop()
        assert took < 5, f"SIGTERM after {ms} ms: {took:.1f} s"
        assert gateway.process.returncode in (0, -signal.SIGTERM, -signal.SIGHUP), gateway.process.returncode


def main():
    with World() as world:
        runs_without_its_port(world)
        stops_at_any_moment(world)


main()
