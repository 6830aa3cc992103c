#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The whole way: a reading of evidence, the state machine, a relay's coil, read back, in the
journal, on the broker. An outage that nobody planned, and the grid's return in stages."""
import json

from harness import SRC, World, wait_for
from outage import Home

try:
    import jsonschema
except ImportError:
    jsonschema = None


def grid_messages(home):
    return [p for t, p in home.subscriber.snapshot() if t == "gw/test/home/grid" and p]


def check_schema(message):
    if jsonschema:
        schema = json.loads((SRC / "docs" / "schema" / "grid.json").read_text())
        jsonschema.Draft202012Validator(schema).validate(message)


def event_texts(home):
    return [p["text"] for t, p in home.subscriber.snapshot()
            if t == "gw/test/home/event" and p["code"] == "grid-state"]


def main():
    with World() as world:
        home = Home(world, broker=True).start()
        wait_for(lambda: home.gateway.json("routes")[0]["state"] == "online", "the route")
        # on the grid everything is on, also what falls off by itself
        home.wait_coils("on the grid", heater=True, washer=True, kettle=True, fridge=True)

        home.grid(False)
        home.wait_coils("bulk load shed", heater=False)
        home.wait_state("ISLANDED")
        wait_for(lambda: home.transitions() == ["OUTAGE_SUSPECTED", "TRANSFERRING", "ISLANDED"],
                 "the journal")
        home.wait_coils("islanded", heater=False, washer=True, kettle=True, fridge=True)
        heater = home.circuit("water-heater")
        assert not heater["on"] and heater["follows"] and heater["why"].startswith("off"), heater
        doc = home.grid_doc()
        assert doc["shed"] == ["water-heater"] and doc["soc_permille"] == 800, doc
        last = wait_for(lambda: [m for m in grid_messages(home) if m["state"] == "ISLANDED"],
                        "the grid message")[-1]
        assert last["shed"] == ["water-heater"] and last["evidence"], last
        check_schema(last)
        wait_for(lambda: any("ISLANDED" in text for text in event_texts(home)), "its event")

        # the ladder of the reserve, down and up
        home.soc(330)  # (330 - 100) / 900: 256 permille of the usable energy
        home.wait_state("LOW_RESERVE")
        home.wait_coils("low reserve", washer=False, kettle=True, fridge=True)
        home.soc(220)
        home.wait_state("CRITICAL")
        home.wait_coils("critical", washer=False, kettle=False, fridge=True)
        home.soc(150)
        home.wait_state("BLACK")
        home.wait_coils("black", heater=False, washer=False, kettle=False, fridge=False)

        home.soc(800)
        home.grid(True)
        home.wait_state("RECONNECTING")
        home.wait_state("GRID_OK", seconds=60)
        home.wait_coils("restored", seconds=90, heater=True, washer=True, kettle=True,
                        fridge=True)
        wait_for(lambda: home.transitions()[-2:] == ["RECONNECTING", "GRID_OK"], "the journal")
        home.gateway.stop()


main()
