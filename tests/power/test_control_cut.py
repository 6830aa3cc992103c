# SPDX-License-Identifier: Apache-2.0
"""The power goes while control is at work: a battery charged by force before a storm, an outage
down to the last reserve, the grid's return. In every state that a cut could have left, what a
device had been told beyond its failsafe is written down as ours, the journal holds what had
happened, and the state that a restart goes on from is one of the last two. Some of the states
are started from: the forced mode ends, the relays are safe. With barriers off it must show.
"""
import bisect
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "flow"))
import rig  # noqa: E402
from harness import World, wait_for  # noqa: E402
from judge import Judge, dump_of, play  # noqa: E402
from outage import BATTERY, COILS, PANEL, Home  # noqa: E402

STATES = int(os.environ.get("POWER_CONTROL_STATES", "60"))
SEED = int(os.environ.get("POWER_SEED", "1"))
SLACK_MS = 1500  # an event on its way to the disk, on a machine that does other things
FAILSAFE = {("panel", "heater"): 0, ("panel", "washer"): 0, ("panel", "kettle"): 1,
            ("panel", "fridge"): 1, ("battery", "power_setpoint_w"): 0}
PLACES = {(PANEL, 5, address): ("panel", name) for name, address in COILS.items()}
PLACES[(BATTERY, 6, 3)] = PLACES[(BATTERY, 16, 3)] = ("battery", "power_setpoint_w")


def mark_of(n):
    """What time it is, on both clocks."""
    return {"n": n, "t": rig.now_ns(), "wall_ms": time.time() * 1000}


def force(home):
    home.soc(500)
    home.gateway.ctl("storm", "on", "--for", "1h")
    wait_for(lambda: home.setpoint() == -3000, "the storm's charging")
    rig.let_run(1)


def outage(home):
    home.grid(False)
    home.wait_state("ISLANDED")
    for permille, state in ((330, "LOW_RESERVE"), (220, "CRITICAL")):
        home.soc(permille)
        home.wait_state(state)
        rig.let_run(1)
    home.soc(800)
    home.grid(True)
    home.wait_state("GRID_OK", seconds=90)


def record(world, options):
    """A run of the daemon on a logged disk, killed while it charges by force."""
    writes = world.dir / "writes"
    with rig.LoggedDisk(world, "disk", options) as disk:
        home = Home(world, writes=writes, store=disk.mount / "store")
        marker = rig.Marker(disk, mark_of)
        home.start()
        force(home)
        home.gateway.ctl("storm", "off")
        wait_for(lambda: home.setpoint() == 0, "the forced mode's end")
        outage(home)
        force(home)
        marker.stop()
        home.gateway.stop(signal.SIGKILL)
        # what no cut befell: the truth about the journal
        shutil.copytree(disk.mount / "store", world.dir / "whole")
    journal = [e[1:] for e in dump_of(world.dir / "whole", "home").events]
    entries = rig.read_log(disk.log)
    rows = [[int(x) for x in line.split()] for line in writes.read_text().splitlines()]
    told = [(t, PLACES[(device, function, address)], value) for t, device, _, function, address,
            value in rows if (device, function, address) in PLACES]
    return {"base": disk.base, "entries": entries, "marks": rig.Marks(entries), "told": told,
            "journal": journal}


class ControlJudge(Judge):
    gateway = "home"

    def compare(self, at, dump, result):
        mark, later = self.plan["marks"].around(at)
        if dump.notices:
            result["faults"].append(f"the store says {dump.notices}")
        self.check_journal(mark, dump, result["faults"])
        self.check_owned(mark, later, dump, result)
        self.check_state(dump, result)

    def check_journal(self, mark, dump, faults):
        """It begins as the whole one does, and has all that was old enough at the cut."""
        whole, events = self.plan["journal"], [e[1:] for e in dump.events]
        if events != whole[:len(events)]:
            faults.append(f"another journal: {events[-3:]}")
        missing = [e for e in whole[len(events):] if e[1] < mark["wall_ms"] - SLACK_MS]
        if missing:
            faults.append(f"not in the journal: {missing[:3]}")

    def check_owned(self, mark, later, dump, result):
        """What a device was told before the cut, beyond its failsafe, is ours in the store."""
        stands, let_go = {}, set()
        for t, point, value in self.plan["told"]:
            if t <= mark["t"]:
                if stands.get(point, (0, None))[1] != value:
                    stands[point] = (t, value)
            elif t <= later["t"] and value == FAILSAFE[point]:
                let_go.add(point)  # perhaps before the cut: then it is ours no longer
        # an emergency's order does not wait for the disk
        bad = [point for point, (t, value) in stands.items() if value != FAILSAFE[point]
               and point not in let_go and f"owned.{'.'.join(point)}" not in dump.facts
               and (point[0] == "battery" or mark["t"] - t > SLACK_MS * 1e6)]
        result["forced"] = stands.get(("battery", "power_setpoint_w"), (0, 0))[1] != 0
        result["lost"] = len(bad)
        if bad:
            result["faults"].append(f"told and not written down: {bad}")

    def check_state(self, dump, result):
        states = [text.split()[0].rstrip(":") for _, code, _, text in dump.events
                  if code == "grid-state"]
        kept = dump.facts.get("control.state")
        if states and kept not in states[-2:] + (["GRID_OK"] if len(states) < 2 else []):
            if not (kept is None and len(states) < 2):
                result["faults"].append(f"goes on from {kept}, the journal ends with {states[-2:]}")


def cut(world, plan, n, chance):
    marks = plan["marks"]
    first_told = [bisect.bisect_left(marks.all, t, key=lambda mark: mark["t"])
                  for t, point, value in plan["told"] if value != FAILSAFE[point]]
    behind = {marks.at[k] for k in first_told if k < len(marks.at)}
    behind = chance.sample(sorted(behind), min(len(behind), n // 3))
    jobs = [(at, None, 0) for at in behind]
    jobs += [(at, chance.getrandbits(32), 0)
             for at in rig.points(plan["entries"], plan["marks"], chance, n - len(jobs))]
    begin = time.monotonic()
    results = play(plan, str(world.dir), sorted(jobs, key=lambda job: job[0]), kind=ControlJudge)
    assert len(results) == len(jobs), f"{len(results)} of {len(jobs)} states"
    return results, time.monotonic() - begin


def restart(plan, at):
    """The box starts again after that cut: the battery still charges, and the grid is gone."""
    with World() as world:
        image, mount = world.dir / "cut.img", world.dir / "cut"
        mount.mkdir()
        rig.States(plan["base"], plan["entries"]).write(at, None, str(image))
        rig.run("mount", "-t", "ext4", "-o", "loop", image, mount)
        try:
            shutil.copytree(mount / "store", world.dir / "kept")
        finally:
            rig.run("umount", mount)
        boot_id = world.dir / "boot_id"
        boot_id.write_text(f"{random.getrandbits(128):032x}\n")
        rig.run("mount", "--bind", boot_id, "/proc/sys/kernel/random/boot_id")
        try:
            home = Home(world, store=world.dir / "kept")
            home.soc(800)
            home.grid(False)
            home.set(BATTERY, "holding", 3, 65536 - 3000)
            begin = time.monotonic()
            home.start(state=None)
            wait_for(lambda: home.setpoint() == 0, "the forced mode's end", 30)
            took = time.monotonic() - begin
            home.wait_state("ISLANDED", seconds=30)
            home.wait_coils("islanded", heater=False, fridge=True)
            assert home.setpoint() == 0, home.setpoint()
            home.gateway.stop()
        finally:
            rig.run("umount", "/proc/sys/kernel/random/boot_id")
    return took


def honest(chance):
    with World() as world:
        plan = record(world, "defaults")
        results, seconds = cut(world, plan, STATES, chance)
        forced = [r for r in results if r.get("forced")]
        print(f"control: {len(plan['entries'])} entries, {len(plan['told'])} orders to devices, "
              f"{len(plan['journal'])} events; {len(results)} states in {seconds:.1f} s, "
              f"{len(forced)} of them in a forced mode, "
              f"{sum(bool(r['faults']) for r in results)} with any fault",
              flush=True)
        faults = [r for r in results if r["faults"]]
        for r in faults[:10]:
            print(f"cut at entry {r['at']}: {r['faults'][:3]}")
        assert not faults, f"{len(faults)} of {len(results)} states are not as promised"
        assert len(forced) >= 3 and len(plan["journal"]) > 10, "too little happened to say anything"
        chosen = chance.sample(forced, 3)
        took = [restart(plan, r["at"]) for r in chosen]
        print(f"started again from {len(took)} of them: the forced mode ended after "
              f"{max(took):.1f} s at most", flush=True)


def control(chance):
    """A filesystem that never flushes forgets what is ours, or nothing above means anything."""
    with World() as world:
        plan = record(world, "barrier=0")
        results, _ = cut(world, plan, max(STATES // 3, 8), chance)
        wrong = [r for r in results if r["faults"]]
        print(f"barriers off: {len(wrong)} of {len(results)} states with a fault", flush=True)
        assert len(wrong) * 2 > len(results), "states without flushes show no fault: blind rig"


def main():
    rig.needs()
    rig.in_own_mounts()
    chance = random.Random(SEED)
    print(f"seed {SEED}")
    honest(chance)
    control(chance)


main()
