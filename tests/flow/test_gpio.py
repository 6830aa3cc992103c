#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The whole daemon with GPIO chips played by the test: edges at once, a busy line, outputs
without a glitch over starts, reloads and kills, a chip that goes and comes back."""
import os
import re
import signal
import time

from gpio import Gpio
from harness import Gateway, World, wait_for

CONFIG = """
gateway: {id: gpio, site: test}
store: {directory: @HOME@/store}
api: {socket: @HOME@/api.sock, listen: off}
buses:
  - {name: header, plugin: gpio, chip: board}
  - {name: house, plugin: sim}
devices:
  - name: panel
    bus: header
    interval: 500 ms
    points:
      - {name: grid_present, line: GRID, direction: in, debounce: 20 ms}
      - {name: door_open, line: DOOR, direction: in, interval: 1 h}
      - {name: heater, line: HEATER, direction: out, active: low, write: {failsafe: off, lease: 60 s}}
      - {name: pump, line: PUMP, direction: out, write: {failsafe: off, lease: 60 s}}
      - {name: energy_wh, line: S0, direction: count, pulses_per_kwh: 1000}
  - {name: meter, bus: house, model: grid, interval: 1 s, points: [{name: power_w}]}
"""


def point(gateway, name):
    return next(p for p in gateway.json("points")["points"]
                if f"{p['device']}.{p['point']}" == name)


def has(gateway, name, value, quality="good"):
    return lambda: (lambda p: p["quality"] == quality and (value is None or p["value"] == value))(
        point(gateway, name))


def scan(gateway, board):
    """What a scan shows, and that its draft is a configuration."""
    places = ["--plugins", str(gateway.home / "plugins"), "--libexec", str(gateway.home / "libexec")]
    text = gateway.ctl("scan", "gpio", *places).stdout
    assert re.search(r"PUMP +in +in use by 'doorbell'", text), text
    assert re.search(r"HEATER +out +in use by 'gatewayd:panel.heater'", text), text
    assert re.search(r"SPARE +in +free", text), text
    found = gateway.json("scan", "gpio", "board", *places)["found"]
    assert "line: \"SPARE\"" in found[0]["yaml"] and "HEATER" not in found[0]["yaml"], found
    draft = gateway.home / "draft.yaml"
    gateway.ctl("scan", "gpio", "--write", str(draft), *places)
    used = "gateway: {id: a, site: b}\n" + re.sub(r"(?m)^# (?=devices|  )", "", draft.read_text())
    draft.write_text(used)
    done = gateway.ctl("check", str(draft), *places, check=False)
    assert done.returncode == 0, f"{used}{done.stdout}{done.stderr}"
    assert gateway.ctl("scan", "gpio", "nosuch", *places, check=False).returncode == 1
    assert gateway.ctl("scan", "gpio", "--write", str(draft), *places, check=False).returncode == 1


def edges(gateway, board):
    wait_for(has(gateway, "panel.door_open", False), "the first readings")
    began = time.monotonic()
    board.set("DOOR", True)  # polled once an hour: only the edge can tell it
    wait_for(has(gateway, "panel.door_open", True), "the edge", 5)
    print(f"an edge is in the API after {time.monotonic() - began:.3f} s")
    for _ in range(5):  # bounces end as they began
        board.set("GRID", True)
        board.set("GRID", False)
    board.set("GRID", True)
    wait_for(has(gateway, "panel.grid_present", True), "the debounced edge", 5)
    for _ in range(7):
        board.set("S0", True)
        board.set("S0", False)
    wait_for(has(gateway, "panel.energy_wh", 7), "the pulses", 5)


def busy(gateway, board):
    assert "doorbell" in gateway.log(), "the holder of the busy line is not in the log"
    assert point(gateway, "panel.pump")["quality"] != "good"
    board.hold("PUMP", "")
    wait_for(has(gateway, "panel.pump", False), "the freed line", 5)


def restarts(gateway, board):
    """The board switches on at low and rests high: no start may pull it low."""
    before = board.history("HEATER")
    for n in range(6):
        gateway.stop(signal.SIGTERM if n % 2 else signal.SIGKILL)
        wait_for(lambda: not board.consumer("HEATER"), "the line to be let go", 10)
        gateway.start()
        wait_for(has(gateway, "panel.heater", False), "the next start", 10)
    assert board.history("HEATER") == before, board.history("HEATER")


def reload(gateway, board):
    gateway.ctl("write", "panel.heater", "on")
    assert board.level("HEATER") is False
    n, holder = len(board.history("HEATER")), board.line("HEATER").holder
    for k in range(3):
        gateway.write_config(CONFIG.replace("interval: 1 s,", f"interval: {k + 2} s,"))
        gateway.ctl("reload")
        wait_for(lambda: f"{k + 2}.0 s" in gateway.ctl("plan", "meter").stdout, "the reload")
    assert len(board.history("HEATER")) == n, "a reload touched the line"
    assert board.line("HEATER").holder is holder, "a reload let go of the line"
    assert board.level("HEATER") is False


def killed(gateway, board):
    """The core dies: its host brings the relay to failsafe and lets go."""
    began = time.monotonic()
    gateway.stop(signal.SIGKILL)
    wait_for(lambda: board.level("HEATER"), "the failsafe", 5)
    print(f"failsafe {time.monotonic() - began:.3f} s after SIGKILL of the core")
    gateway.start()
    wait_for(has(gateway, "panel.heater", False), "the start after it")
    gateway.ctl("write", "panel.heater", "on")
    began = time.monotonic()
    os.kill(gateway.process.pid, signal.SIGSTOP)  # no heartbeat for 5 s
    wait_for(lambda: board.level("HEATER"), "the failsafe of a frozen core", 12)
    print(f"failsafe {time.monotonic() - began:.3f} s after SIGSTOP of the core")
    os.kill(gateway.process.pid, signal.SIGCONT)
    wait_for(has(gateway, "panel.heater", False), "the host's return", 20)


def unplugged(gateway, board):
    board.unplug()
    wait_for(lambda: point(gateway, "panel.grid_present")["quality"] == "link-down",
             "the chip's loss", 5)
    board.set("GRID", False)
    board.plug()
    wait_for(has(gateway, "panel.grid_present", False), "the chip's return", 15)
    board.set("DOOR", False)
    wait_for(has(gateway, "panel.door_open", False), "an edge of the chip that is back", 5)


def main():
    with World() as world:
        gpio = Gpio(world)
        board = gpio.chip("board", ["GRID", "DOOR", "HEATER", "PUMP", "S0", "SPARE"])
        board.rest("HEATER", True)
        board.hold("PUMP", "doorbell")
        gateway = Gateway(world, CONFIG)
        gpio.install(gateway)
        gateway.start()
        edges(gateway, board)
        scan(gateway, board)
        busy(gateway, board)
        restarts(gateway, board)
        reload(gateway, board)
        killed(gateway, board)
        unplugged(gateway, board)


main()
