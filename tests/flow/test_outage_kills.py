#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Core, a host, or all of them are ended (SIGKILL, SIGSTOP, SIGABRT) at random moments of an
outage, 50 times (OUTAGE_KILLS=200 for more); a service manager's part is played as systemd
does it. With each kill something becomes wrong that only the daemon puts right: the charge
falls or rises to another floor, a hand moves relays while nobody watches, a battery is left
charging by force as the grid goes. Within 30 s relays stand at the plan or at their failsafe,
nothing is left in a mode that the journal does not own, and the journal tells the states in
an order that is one. Eight homes live side by side, so that it does not take long."""
import os
import random
import signal
import subprocess
import threading
import time
import traceback

from harness import World, wait_for
from outage import COILS, Home, children_of_no_one

KILLS = int(os.environ.get("OUTAGE_KILLS", "50"))
HOMES = 8
SEED = int(os.environ.get("OUTAGE_SEED", str(random.randrange(10 ** 6))))
LIMIT_S = 30
FAILSAFE = {"heater": False, "washer": False, "kettle": True, "fridge": True}
LADDER = ["ISLANDED", "LOW_RESERVE", "CRITICAL"]
SOC = {"ISLANDED": 800, "LOW_RESERVE": 330, "CRITICAL": 220}
OFF = {"ISLANDED": set(), "LOW_RESERVE": {"heater", "washer"},
       "CRITICAL": {"heater", "washer", "kettle"}}
AFTER = {"GRID_OK": {"OUTAGE_SUSPECTED", "MANUAL", "FAULT", "BLACK", "TRANSFERRING"},
         "OUTAGE_SUSPECTED": {"TRANSFERRING", "GRID_OK", "BLACK"},
         "TRANSFERRING": {"ISLANDED", "GRID_OK", "BLACK", "LOW_RESERVE"},
         "ISLANDED": {"LOW_RESERVE", "RECONNECTING", "BLACK", "CRITICAL"},
         "LOW_RESERVE": {"ISLANDED", "CRITICAL", "RECONNECTING", "BLACK"},
         "CRITICAL": {"LOW_RESERVE", "BLACK", "RECONNECTING"},
         "BLACK": {"RECONNECTING"},
         "RECONNECTING": {"GRID_OK", "ISLANDED", "LOW_RESERVE", "CRITICAL", "BLACK"}}


class Unit:
    """What systemd does: SIGABRT to all after a silence of the watchdog (2 s here, 20 s in the
    unit), a start half a second after the end."""

    def __init__(self, home, dice):
        self.home, self.gateway, self.dice = home, home.gateway, dice
        self.n_starts = 0

    def pids(self):
        return [self.gateway.process.pid, *self.gateway.children()]

    def signal_all(self, number):
        for pid in self.pids():
            try:
                os.kill(pid, number)
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass

    def strike(self, whom, number):
        pids = self.pids()
        if whom == "host" and len(pids) > 1:
            pids = [self.dice.choice(pids[1:])]
        elif whom != "all":
            pids = pids[:1]
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        if number == signal.SIGSTOP and whom != "host":
            self.wait_watchdog(self.dice.choice((0.5, 0.5, 6.5)))

    def wait_watchdog(self, seconds):
        """Stopped for less than the watchdog's time it goes on, for more it is aborted."""
        before = time.monotonic()
        wait_for(lambda: time.monotonic() - before > seconds, "the watchdog", seconds + 5)
        if seconds < 2:
            for pid in self.pids():
                os.kill(pid, signal.SIGCONT)
        else:
            self.signal_all(signal.SIGABRT)

    def revive(self, meanwhile):
        """meanwhile: what happens while nobody watches."""
        if self.gateway.process.poll() is None:
            try:
                self.gateway.process.wait(0.3)
            except subprocess.TimeoutExpired:
                meanwhile()
                return  # it lives
        for pid in children_of_no_one(self.home.world):
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGKILL)  # KillMode=mixed
        meanwhile()
        self.gateway.start()
        self.n_starts += 1


def is_plan(home, state):
    coils = home.coils()
    return not any(coils[name] for name in OFF[state]) and coils["fridge"]


def is_safe(home, state):
    return (home.coils() == FAILSAFE or is_plan(home, state)) and home.setpoint() == 0


def settle(unit, state, kill, begin):
    """Seconds from the kill until relays and set-point were safe."""
    home = unit.home
    wait_for(lambda: is_safe(home, state), f"{kill}: safe outputs", begin + LIMIT_S - time.monotonic())
    safe_s = time.monotonic() - begin
    wait_for(lambda: home.state() == state and is_plan(home, state), f"{kill}: {state}", LIMIT_S)
    # on the grid nothing is owned: only the first kill came there
    wait_for(lambda: len(journal(home, "grid-resumed")) >= unit.n_starts - 1,
             f"{kill}: the journal tells of the restart", LIMIT_S)
    return safe_s


def journal(home, *codes):
    events = home.gateway.get("events?limit=1000")["events"]
    return [e for e in sorted(events, key=lambda e: e["seq"]) if e["code"] in codes]


def check_journal(home, unit):
    """Each transition begins where the one before ended, or where a restart went on: from the
    last state, or the one before it when the kill came between the event and the fact."""
    walk = ["GRID_OK"]
    n_resumed = 0
    for event in journal(home, "grid-state", "grid-resumed"):
        words = event["text"].replace(":", "").replace(",", "").split()
        if event["code"] == "grid-resumed":
            n_resumed += 1
            assert words[3] in walk[-2:], (event, walk)
            walk.append(words[3])
            continue
        to, origin = words[0], words[2]
        assert origin == walk[-1] and to in AFTER[origin], (event, walk)
        walk.append(to)
    assert n_resumed == unit.n_starts - 1, (unit.n_starts, n_resumed, walk)


def meddle(home, state):
    """A hand on the relays: what has to be off is on, what has to be on is off."""
    for name in home.coils():
        if name in OFF[state] | {"heater", "fridge"}:
            home.set(0, "coil", COILS[name], int(name != "fridge"))


def forced_mode(home, unit, kill):
    """Charging by force before a storm as the grid goes and everything is killed."""
    home.soc(500)
    home.gateway.ctl("storm", "on", "--for", "1h")
    wait_for(lambda: home.setpoint() == -3000, f"{kill}: the storm's charging")
    begin = time.monotonic()
    unit.strike("all", signal.SIGKILL)
    unit.revive(lambda: home.grid(False))
    assert unit.n_starts == 1
    safe_s = settle(unit, "ISLANDED", kill, begin)
    home.soc(800)
    return safe_s


def one_kill(home, unit, state, kill):
    """The state it has to come to, and seconds until its outputs were safe."""
    dice = unit.dice
    whom = dice.choice(("core", "host", "all"))
    number = dice.choice((signal.SIGKILL,) * 4 + (signal.SIGABRT,) * 2 + (signal.SIGSTOP,))
    is_moved = whom != "host" and number != signal.SIGSTOP and dice.random() < 0.5
    if not is_moved:
        at = LADDER.index(state)
        state = LADDER[dice.choice([i for i in (at - 1, at + 1) if 0 <= i < len(LADDER)])]
        home.soc(SOC[state])
        if dice.random() < 0.5:
            moment = time.monotonic() + dice.random() * 0.6
            wait_for(lambda: time.monotonic() > moment, "the moment")
    kill = (f"{kill}: {number.name} of {whom} " +
            ("and a hand on the relays in " if is_moved else "on the way to ") + state)
    begin = time.monotonic()
    unit.strike(whom, number)
    unit.revive(lambda: is_moved and meddle(home, state))
    return state, settle(unit, state, kill, begin)


def live(number, kills, ret_safe_s):
    dice = random.Random(SEED * 1000 + number)
    with World() as world:
        home = Home(world, lease="4 s").start()
        unit = Unit(home, dice)
        said = f"seed {SEED}, home {number}, kill"
        ret_safe_s.append(forced_mode(home, unit, f"{said} 0"))
        state = "ISLANDED"
        for i in range(1, kills):
            state, safe_s = one_kill(home, unit, state, f"{said} {i}")
            ret_safe_s.append(safe_s)
        check_journal(home, unit)
        home.grid(True)
        home.wait_state("GRID_OK", seconds=90)
        home.gateway.stop()
        assert home.coils() == FAILSAFE and home.setpoint() == 0, home.coils()


def guarded(number, kills, ret_safe_s, ret_failed):
    try:
        live(number, kills, ret_safe_s)
    except BaseException:
        ret_failed.append(f"home {number}:\n{traceback.format_exc()}")


def main():
    safe_s, failed = [], []
    homes = [threading.Thread(target=guarded, args=(n, (KILLS + n) // HOMES, safe_s, failed))
             for n in range(HOMES)]
    for home in homes:
        home.start()
    for home in homes:
        home.join()
    assert not failed, "\n".join(failed)
    assert len(safe_s) == KILLS, safe_s
    safe_s.sort()
    print(f"{KILLS} kills, seed {SEED}: outputs safe after {safe_s[KILLS // 2]:.1f} s in the "
          f"median, {safe_s[-1]:.1f} s at most")


main()
