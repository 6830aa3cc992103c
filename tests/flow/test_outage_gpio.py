#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""From the edge of a hard-wired contact to the relay's line, through the whole daemon: bulk
loads fall at once, a bounce drops nothing, and they come back late. Prints how long it took."""
import time

from gpio import Gpio
from harness import Gateway, World, wait_for

CONFIG = """
gateway: {id: edges, site: test}
store: {directory: @HOME@/store}
api: {socket: @HOME@/api.sock, listen: off}
buses:
  - {name: header, plugin: gpio, chip: board}
devices:
  - name: panel
    bus: header
    interval: 200 ms
    points:
      - {name: grid_present, line: GRID, direction: in, debounce: 20 ms}
      - {name: heater, line: HEATER, direction: out, write: {failsafe: off, lease: 60 s}}
      - {name: light, line: LIGHT, direction: out, write: {failsafe: on, lease: 60 s}}
circuits:
  - {name: heater, switch: panel.heater, class: P4, min_on: 0 s, min_off: 0 s, drops_out: no}
  - {name: light, switch: panel.light, class: P1, min_on: 0 s, min_off: 0 s}
outage:
  island: own
  grid_code: test
  evidence: [{point: panel.grid_present, kind: contact, supply: own}]
"""


def drop(gateway, board):
    n = len(board.history("HEATER"))
    began = time.monotonic()
    board.set("GRID", False)
    wait_for(lambda: not board.level("HEATER"), "the bulk load's fall", 5)
    fell = next(t for t, level in board.history("HEATER")[n:] if not level)
    assert board.level("LIGHT"), "the light went with it"
    board.set("GRID", True)
    wait_for(lambda: gateway.json("grid")["state"] == "GRID_OK", "the grid", 60)
    wait_for(lambda: board.level("HEATER"), "the bulk load's return", 90)
    return fell - began


def main():
    with World() as world:
        gpio = Gpio(world)
        board = gpio.chip("board", ["GRID", "HEATER", "LIGHT"])
        board.set("GRID", True)
        gateway = Gateway(world, CONFIG)
        gpio.install(gateway)
        gateway.start()
        wait_for(lambda: board.level("HEATER") and board.level("LIGHT"), "all on", 20)
        before = len(board.history("HEATER"))
        for _ in range(5):  # shorter than the debounce
            board.set("GRID", False)
            board.set("GRID", True)
        wait_for(lambda: gateway.json("grid")["evidence"][0]["says"] != "absent", "the level")
        assert len(board.history("HEATER")) == before, "a bounce moved a relay"
        took = sorted(drop(gateway, board) for _ in range(3))
        print("edge to relay, 20 ms of debounce in it: "
              + ", ".join(f"{1000 * t:.1f} ms" for t in took))
        gateway.stop()


main()
