#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Core, a host, or all of them are ended (SIGKILL, SIGSTOP, SIGABRT) at random moments of an
outage, 50 times (OUTAGE_KILLS=200 for more); a service manager's part is played as systemd
does it. Within 30 s relays stand at the plan or at their failsafe, nothing is left in a mode
that the journal does not own, and the journal tells the states in an order that is one."""
import os
import random
import signal
import time

from harness import World, wait_for
from outage import Home, children_of_no_one

KILLS = int(os.environ.get("OUTAGE_KILLS", "50"))
SEED = int(os.environ.get("OUTAGE_SEED", str(random.randrange(10 ** 6))))
FAILSAFE = {"heater": False, "washer": False, "kettle": True, "fridge": True}
LADDER = {800: "ISLANDED", 330: "LOW_RESERVE", 220: "CRITICAL"}
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

    def __init__(self, home):
        self.home, self.gateway = home, home.gateway

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
        pids = {"core": self.pids()[:1], "host": self.pids()[1:2] or self.pids()[:1],
                "all": self.pids()}[whom]
        if whom == "host":
            pids = [random.choice(self.pids()[1:])] if len(self.pids()) > 1 else pids
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        if number == signal.SIGSTOP and whom != "host":
            self.wait_watchdog(random.choice((0.5, 0.5, 6.5)))

    def wait_watchdog(self, seconds):
        """Stopped for less than the watchdog's time it goes on, for more it is aborted."""
        before = time.monotonic()
        wait_for(lambda: time.monotonic() - before > seconds, "the watchdog", seconds + 5)
        if seconds < 2:
            for pid in self.pids():
                os.kill(pid, signal.SIGCONT)
        else:
            self.signal_all(signal.SIGABRT)

    def revive(self):
        if self.gateway.process.poll() is None:
            try:
                self.gateway.process.wait(0.3)
            except Exception:
                return  # it lives
        for pid in children_of_no_one(self.home.world):
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGKILL)  # KillMode=mixed
        self.gateway.start()


def is_plan(home, state):
    coils = home.coils()
    return not any(coils[name] for name in OFF[state]) and coils["fridge"]


def settle(home, state, kill):
    begin = time.monotonic()
    wait_for(lambda: home.coils() == FAILSAFE or is_plan(home, state), f"{kill}: safe relays", 30)
    safe_s = time.monotonic() - begin
    wait_for(lambda: home.state() == state and is_plan(home, state), f"{kill}: {state}", 30)
    return safe_s


def check_journal(home):
    names = home.transitions()
    for before, after in zip(names, names[1:]):
        assert after in AFTER[before], (before, after, names)


def main():
    random.seed(SEED)
    slowest = 0.0
    with World() as world:
        home = Home(world, lease="4 s").start()
        unit = Unit(home)
        home.grid(False)
        home.wait_state("ISLANDED")
        state = "ISLANDED"
        for i in range(KILLS):
            soc, state = random.choice(list(LADDER.items()))
            if soc == 800 and home.state() != "ISLANDED":
                soc, state = 220, "CRITICAL"  # up the ladder takes its time by design
            whom = random.choice(("core", "host", "all"))
            number = random.choice((signal.SIGKILL,) * 4 + (signal.SIGABRT,) * 2 +
                                   (signal.SIGSTOP,))
            kill = f"kill {i} of seed {SEED}: {number.name} of {whom} on the way to {state}"
            if home.state() == "CRITICAL":
                state = "CRITICAL"
            elif home.state() == "LOW_RESERVE" and state == "ISLANDED":
                state = "LOW_RESERVE"
            home.soc({name: permille for permille, name in LADDER.items()}[state])
            if random.random() < 0.5:
                moment = time.monotonic() + random.random() * 0.6
                wait_for(lambda: time.monotonic() > moment, "the moment")
            unit.strike(whom, number)
            unit.revive()
            slowest = max(slowest, settle(home, state, kill))
            if state == "CRITICAL" and i % 10 == 9:  # back to the top for the next ones
                home.soc(800)
                home.grid(True)
                home.wait_state("GRID_OK", seconds=90)
                home.grid(False)
                home.wait_state("ISLANDED", seconds=30)
        check_journal(home)
        home.grid(True)
        home.wait_state("GRID_OK", seconds=90)
        home.gateway.stop()
        assert home.coils() == FAILSAFE, home.coils()
    print(f"{KILLS} kills, seed {SEED}: relays safe after {slowest:.1f} s at most")


main()
