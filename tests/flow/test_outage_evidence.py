#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Evidence: each source cut in turn advances nothing, blips shed nothing above bulk loads, a
home with a PCS alone islands, a transfer that fails ends dark and restarts, a second outage
within minutes, flapping, a bus that is dead all the time, a tie of one's own."""
import time

from harness import World, wait_for
from outage import (BATTERY, CONTACT, ISLANDED, METER, OFF, ON_GRID, PANEL, PCS, VOLTAGE,
                    Home)

TIE, SYNC = 5, 9
TIE_POINTS = f"""\
      - {{name: tie, table: coil, address: {TIE}, write: {{failsafe: off, lease: 20 s}}}}
      - {{name: sync_ok, table: discrete, address: {SYNC}}}
"""


def steps_of(home):
    """Enough decisions for any timer of the test profile to run out."""
    before = time.monotonic()
    wait_for(lambda: time.monotonic() - before > 4, "time to pass")


def silences(home):
    for device in (METER, BATTERY, PANEL):
        home.devices.tell(f"{device} silent")
        wait_for(lambda: any(p["quality"] == "timeout" for p in
                             home.gateway.json("points")["points"]), "the silence")
        steps_of(home)
        assert home.state() == "GRID_OK", (device, home.state())
        home.devices.tell(f"{device} ok")
        wait_for(lambda: all(p["quality"] == "good" for p in
                             home.gateway.json("points")["points"]), "all good", 40)
    home.wait_coils("after the silences", heater=True, washer=True, kettle=True, fridge=True)


def blips(home):
    for _ in range(3):
        home.voltage(0)
        wait_for(lambda: home.state() == "OUTAGE_SUSPECTED", "the suspicion")
        home.voltage(202)
        home.wait_state("GRID_OK")
    texts = [e["text"] for e in home.events("circuit")]
    assert not any(name in text for text in texts for name in ("washer", "kettle", "fridge")
                   if " off" in text), texts


def second_outage(home):
    for _ in range(2):
        home.grid(False)
        home.wait_state("ISLANDED")
        home.wait_coils("shed", heater=False, washer=True, kettle=True)
        home.grid(True)
        home.wait_state("GRID_OK", seconds=90)


def failed_transfer(home):
    home.voltage(0)
    home.contact(False)
    home.pcs(OFF)
    home.wait_state("BLACK", seconds=60)
    home.wait_coils("dark", heater=False, washer=False, kettle=False, fridge=False)
    home.grid(True)
    home.wait_state("GRID_OK", seconds=90)
    home.wait_coils("back", seconds=90, washer=True, kettle=True, fridge=True)


def own_tie(home):
    """The owner leaves the grid; back only by the device's own word."""
    def is_closed():
        return home.devices.tell(f"{PANEL} get coil {TIE}").split()[0] == "1"

    home.gateway.ctl("island", "on", "--for", "1h")
    wait_for(lambda: not is_closed(), "the tie opens")
    home.pcs(ISLANDED)
    home.wait_state("ISLANDED")
    refused = home.gateway.ctl("write", "panel.tie", "on", check=False)
    assert refused.returncode == 1 and "the tie to the grid" in refused.stdout, refused
    home.gateway.ctl("island", "off")
    home.wait_state("RECONNECTING")
    home.set(PANEL, "discrete", SYNC, 1)
    wait_for(is_closed, "the tie closes", 60)
    home.pcs(ON_GRID)
    home.wait_state("GRID_OK", seconds=60)


def main():
    with World() as world:
        home = Home(world, evidence=CONTACT + VOLTAGE + PCS).start()
        home.wait_coils("on the grid", heater=True, washer=True)
        silences(home)
        blips(home)
        second_outage(home)
        failed_transfer(home)
        home.gateway.stop()
    with World() as world:
        alone = Home(world, evidence=PCS).start()
        alone.devices.tell(f"{METER} silent")  # one dead bus all the time
        alone.grid(False)
        alone.wait_state("ISLANDED")
        alone.wait_coils("by a PCS alone", heater=False, washer=True)
        alone.pcs(ON_GRID)
        alone.wait_state("GRID_OK", seconds=90)
        alone.gateway.stop()
    with World() as world:
        home = Home(world, evidence=CONTACT + VOLTAGE + PCS, points=TIE_POINTS,
                    more="  tie: {switch: panel.tie, sync: panel.sync_ok}\n")
        home.set(PANEL, "coil", TIE, 1)
        own_tie(home.start())
        home.gateway.stop()


main()
