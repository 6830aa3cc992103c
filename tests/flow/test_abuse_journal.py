#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""After a crash of everything the device is away and somebody's write fails: the output still
goes to its failsafe when the device is back."""
import os
import signal

from harness import Gateway, World, wait_for

CONFIG = """
gateway: {id: journal, site: test}
store: {directory: @HOME@/store}
api: {socket: @HOME@/api.sock, listen: off}
buses:
  - {name: relays, plugin: faulty, output_file: "@HOME@/outputs"}
devices:
  - name: panel
    bus: relays
    timeout: 100 ms
    interval: 200 ms
    points:
      - {name: heater, kind: output, write: {min: 0, max: 100, failsafe: 7, lease: 60 s}}
"""


def kill_all(gateway):
    for pid in gateway.children():
        os.kill(pid, signal.SIGSTOP)
    children = list(gateway.children())
    gateway.process.kill()
    gateway.process.wait()
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def main():
    with World() as world:
        gateway = Gateway(world, CONFIG).start()
        outputs, away = gateway.home / "outputs", gateway.home / "away"

        def last():
            return outputs.read_text().splitlines()[-1]

        def is_good():
            return gateway.json("points")["points"][0]["quality"] == "good"

        wait_for(is_good, "first poll")
        gateway.ctl("write", "panel.heater", "42")
        assert last() == "panel heater 42"
        kill_all(gateway)
        outputs.rename(away)
        outputs.mkdir()  # no write gets through
        gateway.start()
        wait_for(is_good, "first poll")
        assert gateway.ctl("write", "panel.heater", "50", check=False).returncode == 1
        outputs.rmdir()
        away.rename(outputs)
        wait_for(lambda: last() == "panel heater 7", "the failsafe", 10)
        gateway.stop()


main()
