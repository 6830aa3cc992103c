#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What people and the coordinator ask: override, hold, drill, storm, why; a plan that tightens
and ends; writes past control are refused; overrides and the state survive a restart."""
import os
import re
import signal

from harness import World, wait_for
from outage import Home, children_of_no_one


def people(home):
    ctl = home.gateway.ctl
    said = ctl("override", "washer", "off", "--for", "30s").stdout
    assert "washer is kept off" in said, said
    home.wait_coils("overridden", washer=False)
    washer = home.circuit("washer")
    # where no clock is set its end is a span
    assert washer["override"] == "off" and re.search(
        r"the owner's wish (until \d\d:\d\d|for \d+ min)", washer["why"]), washer
    assert "because the owner's wish" in ctl("why", "washer").stdout
    assert ctl("override", "oxygen", "off", check=False).returncode == 1
    assert ctl("why", "sauna", check=False).returncode == 1
    refused = ctl("write", "panel.washer", "on", check=False)
    assert refused.returncode == 1 and "override" in refused.stdout, refused

    home.gateway.process.kill()
    home.gateway.process.wait()
    home.start()
    # the state is GRID_OK before it is known what the store kept
    wait_for(lambda: home.circuit("washer")["override"] == "off", "the kept override")
    home.wait_coils("still overridden", washer=False, heater=True)
    ctl("override", "washer", "auto")
    home.wait_coils("control again", washer=True)

    ctl("storm", "on", "--for", "1h")
    wait_for(lambda: home.grid_doc()["reserve_percent"] == 100, "the storm's reserve")
    ctl("storm", "off")
    wait_for(lambda: home.grid_doc()["reserve_percent"] == 40, "the usual reserve")

    ctl("drill", "--for", "2s")
    report = wait_for(lambda: [e["text"] for e in home.events("drill") if "off:" in e["text"]],
                      "the drill's report")
    assert "water-heater" in report[0], report
    assert home.coil("heater"), "a drill switched something"
    wait_for(lambda: any(t == "gw/test/home/event" and p["code"] == "drill" and
                         p["text"] == report[-1] for t, p in home.subscriber.snapshot()),
             "the drill's report as a message")
    assert "GRID_OK" in ctl("grid").stdout and "water-heater" in ctl("circuits").stdout

    refused = ctl("grid", "confirm", "present", check=False)
    assert refused.returncode == 1 and "nobody is asked" in refused.stdout + refused.stderr, refused
    assert ctl("grid", "confirm", "maybe", check=False).returncode == 2

    refused = ctl("island", "on", "--for", "1h", check=False)
    assert refused.returncode == 1 and "outage.tie" in refused.stdout + refused.stderr, refused

    ctl("hold", "on")
    home.wait_state("MANUAL")
    home.grid(False)
    wait_for(lambda: home.grid_doc()["evidence"][0]["says"] == "absent", "the evidence")
    assert home.coil("heater"), "switched under hold"
    ctl("hold", "off")
    home.wait_state("ISLANDED")
    home.wait_coils("islanded", heater=False, washer=True)


def coordinator(home):
    home.plan(plan="p1", valid_s=8, p_max="P1", power_w=900, state="ISLANDED")
    home.wait_coils("the plan holds", washer=False, kettle=False, fridge=True)
    assert home.circuit("kettle")["reason"] == "budget", home.circuit("kettle")
    assert home.grid_doc()["plan"]["id"] == "p1"
    home.plan(plan="p0", valid_s=60, mode="war")
    home.plan(plan="p2", valid_s=60, p_max="P0", retain=True)
    wait_for(lambda: len(home.events("plan-refused")) >= 1, "the refusals")
    home.wait_coils("the plan ended", washer=True, kettle=True, seconds=40)
    assert home.grid_doc()["plan"] is None or home.grid_doc()["plan"]["id"] != "p0"


def forced_mode(home):
    """Everything is killed while the battery is charged by force, and the grid goes: nobody is
    left to end it but the restart, which the journal tells what is ours."""
    home.grid(True)
    home.wait_state("GRID_OK", seconds=90)
    home.soc(500)
    home.gateway.ctl("storm", "on", "--for", "1h")
    wait_for(lambda: home.setpoint() == -3000, "the storm's charging")
    for pid in home.gateway.children():
        os.kill(pid, signal.SIGSTOP)
    home.gateway.process.kill()
    home.gateway.process.wait()
    for pid in children_of_no_one(home.world):
        os.kill(pid, signal.SIGKILL)
    assert home.setpoint() == -3000
    home.grid(False)
    home.start(state=None)
    wait_for(lambda: home.setpoint() == 0, "the forced mode's end", 10)
    home.wait_state("ISLANDED", seconds=30)
    assert home.setpoint() == 0


def restart(home):
    """Stopped and started in the island: the relays are safe meanwhile, the state goes on."""
    home.soc(330)
    home.wait_state("LOW_RESERVE")
    home.wait_coils("low", washer=False, heater=False)
    home.gateway.stop(signal.SIGTERM)
    assert home.coils() == {"heater": False, "washer": False, "kettle": True, "fridge": True}
    home.start(state="LOW_RESERVE")
    wait_for(lambda: any("goes on from LOW_RESERVE" in e["text"] for e in
                         home.events("grid-resumed")), "the journal")
    home.gateway.write_config(home.config.replace("typical: 500 W", "typical: 400 W"))
    home.gateway.ctl("reload")
    assert home.state() == "LOW_RESERVE"
    home.wait_coils("reloaded", washer=False, kettle=True)


def main():
    with World() as world:
        home = Home(world, broker=True).start()
        wait_for(lambda: home.gateway.json("routes")[0]["state"] == "online", "the route")
        home.wait_coils("on the grid", heater=True, washer=True)
        people(home)
        wait_for(lambda: home.gateway.json("routes")[0]["state"] == "online", "the route")
        coordinator(home)
        restart(home)
        forced_mode(home)
        home.gateway.stop()


main()
