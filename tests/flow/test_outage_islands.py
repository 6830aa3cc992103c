#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each kind of home passes its table, states by name and in order: `none` and `community` with
and without plans, an ECHONET-like PCS alone, a black start's second try, a flapping grid that
doubles the timer, a planned outage met by a planned island. The homes live side by side."""
import sys
import threading
import time
import traceback

from harness import World, wait_for
from outage import CONTACT, ISLANDED, OFF, ON_GRID, PCS, VOLTAGE, Home

IN_BAND_S, RANDOM_S, WATCH_S, TRY_EVERY_S, TRY_S = 5, 20, 5, 36, 3.6  # grid_code: test
MASK = 2 ** 64 - 1


def walked(home, *states):
    """The journal's states, all of them."""
    wait_for(lambda: len(home.transitions()) >= len(states), f"the way to {states[-1]}")
    assert home.transitions() == list(states), f"{states}, not {home.transitions()}"


def switched_on(home):
    return [e["text"].split()[0] for e in home.events("circuit") if " on" in e["text"]]


def passes(span_s, what, condition):
    """Holds all the while."""
    end = time.monotonic() + span_s
    while time.monotonic() < end:
        assert condition(), what
        time.sleep(0.05)  # the pace of looking again


# ---- none ---------------------------------------------------------------------------------

def none(world):
    home = Home(world, evidence=VOLTAGE + CONTACT, island="none").start()
    home.wait_coils("on the grid", heater=True, washer=True, kettle=True, fridge=True)
    home.grid(False)
    home.wait_state("BLACK")
    home.wait_coils("dark", heater=False, washer=False, kettle=False, fridge=False)
    refused = home.gateway.ctl("grid", "confirm", "absent", check=False)
    assert refused.returncode == 1 and "for lost already" in refused.stdout + refused.stderr, refused
    seq = home.gateway.get("status")["store"]["last_seq"]
    wait_for(lambda: home.gateway.get("status")["store"]["last_seq"] > seq + 5, "it goes on logging")
    home.grid(True)
    home.wait_state("RECONNECTING")
    home.grid(False)  # lost again
    home.wait_state("BLACK")
    home.grid(True)
    home.wait_state("RECONNECTING")
    since = time.monotonic()
    home.wait_state("GRID_OK", seconds=IN_BAND_S + RANDOM_S + 10)
    assert time.monotonic() - since > IN_BAND_S - 1, "the in-band time was not waited for"
    home.wait_coils("restored", seconds=30, heater=True, washer=True, kettle=True, fridge=True)
    walked(home, "OUTAGE_SUSPECTED", "BLACK", "RECONNECTING", "BLACK", "RECONNECTING", "GRID_OK")
    wait_for(lambda: "water-heater" in switched_on(home), "the water heater in the journal")
    on = switched_on(home)
    last = {name: i for i, name in enumerate(on)}
    assert last["fridge"] < last["water-heater"], on  # what refills comes last
    home.gateway.stop()


# ---- community ----------------------------------------------------------------------------

def community(world):
    """Lit all the while: only the coordinator tells."""
    home = Home(world, evidence=VOLTAGE, island="community", broker=True).start()
    wait_for(lambda: home.gateway.get("routes")[0]["state"] == "online", "the route")
    home.wait_coils("on the grid", heater=True, washer=True, kettle=True, fridge=True)
    for n, (state, off) in enumerate((("ISLANDED", set()), ("LOW_RESERVE", {"heater", "washer"}),
                                      ("CRITICAL", {"heater", "washer", "kettle"}),
                                      ("LOW_RESERVE", {"heater", "washer"}), ("ISLANDED", set()))):
        home.plan(plan=f"p{n}", valid_s=60, state=state)
        home.wait_state(state)
        home.wait_coils(state, **{name: False for name in off}, fridge=True)
    home.plan(plan="p8", valid_s=60, state="RECONNECTING")
    home.wait_state("RECONNECTING")
    home.plan(plan="p9", valid_s=60, mode="normal", state="GRID_OK")
    home.wait_state("GRID_OK")
    home.wait_coils("restored", seconds=40, heater=True, washer=True, kettle=True, fridge=True)
    walked(home, "OUTAGE_SUSPECTED", "TRANSFERRING", "ISLANDED", "LOW_RESERVE", "CRITICAL",
           "LOW_RESERVE", "ISLANDED", "RECONNECTING", "GRID_OK")
    home.gateway.stop()


def community_without_plans(world):
    """The coordinator is silent, the community's supply fails and comes back."""
    home = Home(world, evidence=VOLTAGE, island="community").start()
    home.wait_coils("on the grid", heater=True, washer=True, kettle=True, fridge=True)
    home.voltage(0)
    home.wait_state("BLACK")
    home.wait_coils("dark", heater=False, washer=False, kettle=False, fridge=False)
    refused = home.gateway.ctl("grid", "confirm", "present", check=False)
    assert refused.returncode == 1 and "feeds it again" in refused.stdout + refused.stderr, refused
    home.voltage(202)
    home.wait_state("CRITICAL")
    home.wait_coils("fed again", seconds=30, heater=False, washer=False, kettle=False, fridge=True)
    asked = wait_for(lambda: home.events("grid-ask"), "a person is asked", 20)
    assert "gatewayctl grid confirm present" in asked[0]["text"], asked
    assert home.state() == "CRITICAL", "no timer may end it"
    home.gateway.ctl("grid", "confirm", "present")
    home.wait_state("GRID_OK")
    home.wait_coils("restored", seconds=40, heater=True, washer=True, kettle=True, fridge=True)
    walked(home, "OUTAGE_SUSPECTED", "BLACK", "CRITICAL", "GRID_OK")
    home.gateway.stop()


# ---- own, by what an ECHONET PCS tells -----------------------------------------------------

def pcs_alone(world):
    """Operation mode and charge, nothing else: no voltage, no contact, no switch."""
    home = Home(world, evidence=PCS).start()
    home.wait_coils("on the grid", heater=True, washer=True, kettle=True, fridge=True)
    home.pcs(ISLANDED)
    home.wait_state("ISLANDED")
    home.wait_coils("islanded", heater=False, washer=True, kettle=True, fridge=True)
    for soc, state, on in ((330, "LOW_RESERVE", "kettle fridge"), (700, "ISLANDED", ""),
                           (330, "LOW_RESERVE", "kettle fridge"), (220, "CRITICAL", "fridge"),
                           (330, "LOW_RESERVE", ""), (220, "CRITICAL", "fridge"),
                           (150, "BLACK", "")):
        home.soc(soc)
        home.wait_state(state, seconds=25)  # upwards after 6 s
        if on or state == "BLACK":
            home.wait_coils(state, **{name: name in on.split() for name in home.coils()})
    home.soc(500)
    home.pcs(ON_GRID)
    home.wait_state("RECONNECTING")
    home.pcs(ISLANDED)  # lost again
    home.wait_state("BLACK")
    home.pcs(ON_GRID)
    home.wait_state("RECONNECTING")
    home.wait_state("GRID_OK", seconds=IN_BAND_S + RANDOM_S + WATCH_S + 10)
    home.wait_coils("restored", seconds=30, heater=True, washer=True, kettle=True, fridge=True)
    walked(home, "OUTAGE_SUSPECTED", "TRANSFERRING", "ISLANDED", "LOW_RESERVE", "ISLANDED",
           "LOW_RESERVE", "CRITICAL", "LOW_RESERVE", "CRITICAL", "BLACK", "RECONNECTING", "BLACK",
           "RECONNECTING", "GRID_OK")
    home.gateway.stop()


def black_start(world):
    """Tried a tenth of the time, and again each period; with the inverter off nothing comes."""
    home = Home(world, evidence=PCS).start()
    home.pcs(ISLANDED)
    home.wait_state("ISLANDED")
    home.soc(150)
    home.wait_state("BLACK")
    home.pcs(OFF)
    begin = time.monotonic()
    passes(TRY_S + 1, "restarted without an inverter", lambda: home.state() == "BLACK")
    home.soc(400)
    home.pcs(ISLANDED)
    passes(TRY_EVERY_S - TRY_S - 3, "restarted before its time", lambda: home.state() == "BLACK" and
           not any(home.coils().values()))
    home.wait_state("CRITICAL", seconds=10)
    took = time.monotonic() - begin
    assert TRY_EVERY_S - 2 < took < TRY_EVERY_S + TRY_S + 3, took
    home.wait_coils("essential loads", seconds=20, fridge=True, kettle=False, washer=False)
    walked(home, "OUTAGE_SUSPECTED", "TRANSFERRING", "ISLANDED", "LOW_RESERVE", "CRITICAL", "BLACK",
           "CRITICAL")
    home.gateway.stop()


# ---- own, planned and flapping ---------------------------------------------------------------

def mix(x):
    x = (x + 0x9e3779b97f4a7c15) & MASK
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9 & MASK
    x = (x ^ x >> 27) * 0x94d049bb133111eb & MASK
    return x ^ x >> 31


def delay_s(gateway, n_outages):
    """The random delay of this site after so many outages (grid_state.c)."""
    seed = 14695981039346656037
    for c in gateway.encode():
        seed = (seed ^ c) * 1099511628211 & MASK
    return mix((mix(seed) + n_outages) & MASK) % (RANDOM_S * 1000 + 1) / 1000


def flapping(world):
    """The fourth outage of the hour doubles the in-band time, the fifth once more."""
    outages = 5
    name = next(f"flap-{k}" for k in range(1000) if delay_s(f"flap-{k}", outages) < 2)
    home = Home(world, evidence=CONTACT + PCS)
    home.gateway.write_config(home.config.replace("id: home", f"id: {name}"))
    home.start()
    for n in range(outages):
        home.grid(False)
        home.wait_state("ISLANDED")
        home.grid(True)
        home.wait_state("RECONNECTING")
    since = time.monotonic()
    expected = 4 * IN_BAND_S + delay_s(name, outages) + WATCH_S
    home.wait_state("GRID_OK", seconds=expected + 20)
    took = time.monotonic() - since
    assert expected - 1 < took < expected + 6, (expected, took)
    walked(home, "OUTAGE_SUSPECTED", "TRANSFERRING", "ISLANDED",
           *["RECONNECTING", "ISLANDED"] * (outages - 1), "RECONNECTING", "GRID_OK")
    home.gateway.stop()


TIE = """
      - {name: tie, table: coil, address: 4, write: {failsafe: off, lease: 20 s}}
      - {name: sync_ok, table: discrete, address: 9}
      - {name: tie_closed, table: discrete, address: 10}
"""
PLANNED = "  tie: {switch: panel.tie, feedback: panel.tie_closed, sync: panel.sync_ok}\n"


def contactor(home, is_on):
    """It follows its coil within the 2 s that are allowed."""
    wait_for(lambda: home.devices.tell("0 get coil 4").split()[0] == str(int(is_on)),
             f"the tie's coil {is_on}", IN_BAND_S + RANDOM_S + 10)
    home.set(0, "discrete", 10, int(is_on))
    home.pcs(ON_GRID if is_on else ISLANDED)


def planned(world):
    """The grid is there all the while; the home leaves it by itself and comes back."""
    home = Home(world, evidence=CONTACT + PCS, more=PLANNED)
    at = "discrete, address: 8}\n"
    config = home.config.replace(at, at + TIE.lstrip("\n"))
    span = [time.strftime("%Y-%m-%d %H:%M", time.gmtime(time.time() + s)) for s in (-60, 600)]
    notice = f"  planned: [{{from: \"{span[0]}\", until: \"{span[1]}\"}}]\n"
    config = config.replace("site: test}", "site: test, timezone: UTC}", 1)
    home.gateway.write_config(config)
    sync = world.dir / "synchronised"  # a planned time needs a clock that can be trusted
    sync.touch()
    home.gateway.args = ["--clock-sync-file", str(sync)]
    home.set(0, "coil", 4, 1)
    home.set(0, "discrete", 10, 1)
    home.set(0, "discrete", 9, 1)
    home.start()
    home.wait_coils("on the grid", heater=True)
    assert home.devices.tell("0 get coil 4").split()[0] == "1", "the tie was opened on the grid"
    home.gateway.write_config(config.replace(PLANNED, PLANNED + notice))
    home.gateway.ctl("reload")
    contactor(home, False)
    home.wait_state("ISLANDED")
    home.wait_coils("a planned island", heater=False, washer=True, kettle=True, fridge=True)
    home.gateway.write_config(config)  # cancelled
    home.gateway.ctl("reload")
    home.wait_state("RECONNECTING")
    contactor(home, True)
    home.wait_state("GRID_OK", seconds=IN_BAND_S + RANDOM_S + WATCH_S + 10)
    walked(home, "TRANSFERRING", "ISLANDED", "RECONNECTING", "GRID_OK")
    home.gateway.stop()


def live(story, failed):
    begin = time.monotonic()
    try:
        with World() as world:
            story(world)
    except BaseException:
        failed.append(f"{story.__name__}:\n{traceback.format_exc()}")
    print(f"{story.__name__}: {time.monotonic() - begin:.0f} s", flush=True)


def main():
    stories = [none, community, community_without_plans, pcs_alone, black_start, flapping, planned]
    wanted = [s for s in stories if s.__name__ in sys.argv[1:]] or stories
    failed = []
    threads = [threading.Thread(target=live, args=(story, failed)) for story in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, "\n".join(failed)


main()
