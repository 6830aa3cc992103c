#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""51 homes and their receiving point, real daemons all: the grid drops, every home acts; the
plan tightens, is obeyed, and runs out; the grid returns, homes come back spread in time. Then
once more, and the broker goes away in the middle. What happened is read from the devices."""
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from town import COILS, Town, boot_s, wait_for  # noqa: E402
from harness import World  # noqa: E402
import judge_town as judge  # noqa: E402

N = int(os.environ.get("TOWN_HOMES", "51"))
CODE = os.environ.get("TOWN_CODE", "test")
LONG = CODE != "test"  # the timers of a real grid code
PART = os.environ.get("TOWN_PART", "")  # with long timers: one of the outages alone
# one step of the planner in the world's seconds, a plan's repetition, its validity; the
# planner's own clock is as much faster as makes a step 300 s
PLANNER = (60, 60, 300, 5) if LONG else (2, 3, 8, 150)
RETURN_S = 7200 if LONG else 120
# contact's poll 1 s, confirmed 1 s, a message, a plan, a message, an order: and a busy machine
SHED_BOUND_S = float(os.environ.get("TOWN_SHED_S", "6"))
GAP_S = 0.6  # of the transfer: at polls of 1 s at most one reading has it
DARK_S = 6  # two readings of no voltage and a second more make a home black
GRACE_S = 3  # from a plan's arrival at the broker to the coil
SPIKE_S = 8  # a load above the budget is carried for 7 s before it is shed


class Story:
    def __init__(self, town):
        self.town, self.begin, self.complaints = town, time.monotonic(), []
        self.dark = None  # when the homes were without supply
        self.darks = []  # of each outage: was there such a time in it

    def tell(self, text):
        print(f"{time.monotonic() - self.begin:6.1f} s  {text}", flush=True)

    def blame(self, what, rows):
        if rows:
            self.complaints.append(f"{what}: {len(rows)}\n    " + "\n    ".join(rows[:12]))

    def check_machine(self):
        gone = [g.name for g in self.town.gateways() if g.process.poll() is not None]
        assert not gone, f"daemons ended by themselves: {gone}"


def all_on(_, coils):
    return all(coils.values())


def quantiles(times):
    times = sorted(times)
    at = [times[min(len(times) - 1, int(len(times) * q))] for q in (0, 0.5, 0.9, 1)]
    return "first {:.1f} median {:.1f} 90 % {:.1f} last {:.1f} s".format(*at)


def lose_grid(story, soc, gap_s=0.0):
    """The receiving point islands without a gap: only the plan tells the homes. Or with one,
    too short to be more than a suspicion."""
    town = story.town
    town.physics.soc = soc
    if gap_s:
        town.physics.light(False)
    at = town.physics.grid(False)
    if gap_s:
        time.sleep(gap_s)  # the gap itself
        town.physics.light(True)
    town.wait_homes(lambda _, coils: not coils["heater"], "bulk load shed", 30)
    town.wait_states("ISLANDED", "LOW_RESERVE", "CRITICAL")
    log = judge.Log(town.writes, N)
    times, bad = judge.shed_times(log, "heater", at, SHED_BOUND_S)
    story.blame("P4 shed too late", bad)
    story.tell(f"grid lost: heaters of {len(times)} homes off after {quantiles(times)}")
    return at


def darken(story):
    """The line to the homes fails in the island: every home goes black, opens everything, and
    goes on when it is fed again."""
    town = story.town
    begin = time.time()
    town.physics.light(False)
    town.wait_homes(lambda _, coils: not any(coils.values()), "everything open in the dark", 30)
    moment = time.monotonic() + DARK_S
    wait_for(lambda: time.monotonic() > moment, "the dark")
    town.wait_states("BLACK")
    town.physics.light(True)
    story.dark = begin, time.time()
    town.wait_states("ISLANDED", "LOW_RESERVE", "CRITICAL")
    story.tell(f"supply gone for {story.dark[1] - begin:.1f} s: {N} homes black, and back")


def tighten(story):
    """Little is stored: the planner allows less than the table would, and that is obeyed."""
    town = story.town

    town.physics.soc = 450  # 389 permille of the usable: ISLANDED by the table
    def is_tight():
        last = [town.listener.plans_of(name)[-1:] for name in town.names]
        return all(p and p[0][1]["mode"] == "island" and p[0][1]["p_max"] < "P3" for p in last)
    wait_for(is_tight, "plans below P3", 900 if LONG else 40)
    town.wait_homes(lambda _, coils: not coils["washer"], "washers off by the plan", 15)
    story.tell("plans: " + ", ".join(f"{n} homes {p}" for p, n in sorted(counted(town).items())))


def counted(town):
    counts = {}
    for name in town.names:
        p_max = town.listener.plans_of(name)[-1][1]["p_max"]
        counts[p_max] = counts.get(p_max, 0) + 1
    return counts


def expire(story):
    """The coordinator falls silent: plans hold to their end and not longer."""
    town = story.town
    town.stop_coordinator()
    last = {name: town.listener.plans_of(name)[-1][0] for name in town.names}
    held = {h for h, coils in enumerate(town.physics.coils()) if not coils["washer"]}
    # their random delay spreads the rest over 20 s
    town.wait_homes(lambda _, coils: coils["washer"], "washers on by local rules",
                    town.valid_s + (600 if LONG else 30),
                    but=N // 2)
    log = judge.Log(town.writes, N)
    bad, waits = [], []
    for h in held:
        when = log.first(h, "washer", True, last[town.names[h]])
        if when is None:
            continue
        waits.append(when - last[town.names[h]])
        if waits[-1] < town.valid_s - 0.5:
            bad.append(f"home-{h:02}: washer on {waits[-1]:.1f} s after the last plan, valid "
                       f"{town.valid_s} s")
    story.blame("a plan was dropped before its end", bad)
    story.tell(f"coordinator silent: {len(waits)} plans of {town.valid_s} s dropped after "
               f"{quantiles(waits)}")


def starve(story):
    """No plan: the island's frequency tells how much there is, down to the critical floor."""
    town = story.town
    town.physics.soc = 200  # 111 permille of the usable: below critical, 15 %
    town.wait_homes(lambda _, coils: not (coils["heater"] or coils["washer"] or coils["kettle"]),
                    "P2 to P4 off by the frequency alone", town.valid_s + 30)
    off = [h for h, coils in enumerate(town.physics.coils()) if not coils["fridge"]]
    # a plan may give up P1, the home's own rules do not: CRITICAL keeps it
    town.wait_homes(lambda _, coils: coils["fridge"], "P1 on by the home's own rules", RETURN_S)
    story.tell(f"without a plan: P2 to P4 off by the island's frequency; {len(off)} fridges that a "
               "plan had given up are on again")


def was_off(log, name, at):
    return sum(not log.at(h, name, at)[0] for h in range(N)) > N / 2


def return_grid(story, what):
    """Loads come back, and not together."""
    town = story.town
    at = town.physics.grid(True)
    town.wait_homes(all_on, f"everything on again, {what}", RETURN_S)
    log = judge.Log(town.writes, N)
    for name in COILS:
        if name != "heater" and not was_off(log, name, at):
            continue
        times, bad = judge.returns(log, name, at)
        if name == "heater":
            story.blame(f"{name} after the return, {what}", bad)
        most = judge.most_in(times, 1)
        story.tell(f"grid back, {what}: {name}s of {len(times)} homes on after "
                   f"{quantiles([t - at for t in times])}, most in one second {most}")
        if len(times) >= 20 and most > len(times) * 2 / 3:
            story.complaints.append(f"{what}: {most} of {len(times)} {name}s came back within one second")
    return at


def judge_all(story):
    town = story.town
    log = judge.Log(town.writes, N)
    story.blame("switched on within min_off", judge.min_off(log))
    obeyed = budgets = 0
    for h, name in enumerate(town.names):
        plans = town.listener.plans_of(name)
        bad, held = judge.obedience(log, h, plans, town.valid_s, GRACE_S)
        story.blame(f"{name} disobeyed p_max", bad)
        obeyed += held
        bad, held = judge.budgets(log, h, plans, town.valid_s, SPIKE_S + GRACE_S)
        story.blame(f"{name} drew more than power_w", bad)
        budgets += held
    if obeyed < N:
        story.complaints.append(f"only {obeyed} limits of class came to be held: nothing is shown")
    black = [f"{name}: {town.listener.why(name)}" for name in town.names
             if any(not story.dark or not story.dark[0] < t < story.dark[1] for t in
                    town.listener.when(name, "BLACK"))]
    story.blame("BLACK although the community fed it", black)
    for name in town.names:
        story.blame(f"{name} left the order of its states",
                    judge.order(town.listener.why(name), story.darks))
    story.tell(f"{log.writes} writes of coils, {obeyed} limits of class and {budgets} budgets held")


def judge_ledger(story, sample):
    """Every record of these gateways arrived or was declared."""
    town = story.town
    last_of, epoch_of = {}, {}
    for gateway in sample:
        status = gateway.json("status")
        last_of[status["epoch"]] = status["store"]["last_seq"]
        epoch_of[status["epoch"]] = gateway.name

    def missing():
        have = town.listener.epochs()
        return {epoch: sorted(set(range(1, last + 1)) - have.get(epoch, set()))
                for epoch, last in last_of.items()
                if set(range(1, last + 1)) - have.get(epoch, set())}
    deadline = time.monotonic() + 60
    while missing() and time.monotonic() < deadline:
        time.sleep(0.5)  # the pace of counting again
    story.blame("records lost", [f"{epoch_of[e]}: {len(m)} of {last_of[e]}, first {m[:3]}"
                                 for e, m in missing().items()])
    story.tell(f"ledger of {', '.join(epoch_of.values())}: {sum(last_of.values())} records, "
               f"{sum(len(m) for m in missing().values())} missing")


def figures(story, since):
    seconds = time.monotonic() - since
    total_mib = total_cpu = 0
    for role, (n, mib, cpu) in sorted(story.town.usage().items()):
        total_mib, total_cpu = total_mib + mib, total_cpu + cpu
        print(f"figure: {n} {role}: PSS {mib:.1f} MiB together ({mib / n:.2f} each), CPU "
              f"{cpu:.1f} s in {seconds:.0f} s")
    print(f"figure: town of {N} homes: PSS {total_mib:.0f} MiB, {total_cpu / seconds * 100:.0f} % "
          "of one core")


def with_broker(story):
    town = story.town
    lose_grid(story, 800)
    tighten(story)
    expire(story)
    darken(story)
    town.start_coordinator(*PLANNER)
    return_grid(story, "with the broker")
    town.wait_states("GRID_OK")
    story.tell("walk of home-00: " + " ".join(town.listener.walk("home-00")))
    story.tell("walk of the receiving point: " + " ".join(town.listener.walk("station")))


def without_broker(story):
    town = story.town
    lose_grid(story, 800, GAP_S)
    town.broker.stop()
    story.tell("the broker is gone")
    starve(story)
    return_grid(story, "without a broker")
    town.broker.start()
    # a route asks again after at most 60 s, at random
    town.wait_states("GRID_OK", seconds=75)
    story.tell("the broker is back, all are on the grid")


def main():
    assert PART in ("", "first", "second"), f"TOWN_PART={PART}: first or second"
    with World() as world:
        town = Town(world, N, code=CODE)
        story = Story(town)
        since = time.monotonic()
        town.start()
        town.start_coordinator(*PLANNER)
        story.tell(f"{N + 1} daemons started, {sum(len(p) for p in town.processes().values())} processes")
        town.wait_homes(all_on, "everything on before the outage", 60)
        wait_for(lambda: all(town.listener.plans_of(name) for name in town.names),
                 "a plan for every home", 60)
        story.tell("on the grid, all on, each home has a plan")

        for part, outage, is_dark in (("first", with_broker, True),
                                      ("second", without_broker, False)):
            if PART in ("", part):
                outage(story)
                story.darks.append(is_dark)

        story.check_machine()
        figures(story, since)
        judge_ledger(story, [town.homes[0], town.homes[N // 2], town.homes[-1], town.area])
        judge_all(story)
        town.stop()
        assert not story.complaints, "\n".join(story.complaints)
        print(f"figure: whole town {time.monotonic() - story.begin:.0f} s, min-off kept, no home black but without supply")


main()
