# SPDX-License-Identifier: Apache-2.0
"""The power goes at any moment: the real daemon polls, stores and forwards on a disk that
logs what reaches it; from the log come hundreds of states a cut could have left, and each is
opened by the real store. Last, the same on a filesystem that never flushes must show losses,
or this rig would see nothing at all.

A part of it has a receiver that stores and sends receipts, and a broker that is killed with all it
had acknowledged: every state must still hold what the receiver has not, and not take it for
delivered. With `confirm: broker` the same must show that it does, or that part were blind.
"""
import os
import pathlib
import random
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "flow"))
import rig  # noqa: E402
from harness import Broker, Devices, Gateway, Subscriber, World, wait_for  # noqa: E402
from judge import Delivered, config, play, served_by  # noqa: E402
from receiver import Receiver, lose_queue  # noqa: E402

STATES = int(os.environ.get("POWER_STATES", "200"))
SECONDS = float(os.environ.get("POWER_SECONDS", "24"))
SEED = int(os.environ.get("POWER_SEED", "1"))
N, POINTS = 16, 60
COMMIT_MS = 100
SLACK_MS = 1500  # a commit under way, the poll before it, a machine that does other things


class Marker(rig.Marker):
    """Writes down how many messages are out, and when; counts changes of the file behind
    the WAL."""

    def __init__(self, disk, subscriber, database):
        self.subscriber, self.database, self.changes = subscriber, database, set()
        super().__init__(disk, self.count)

    def count(self, _):
        if self.database.exists():
            self.changes.add(self.database.stat().st_mtime_ns)
        t = rig.now_ns()  # before the count: what is out then is out
        return {"n": len(self.subscriber.messages), "t": t}


def record(world, name, options, seconds, confirm=None):
    """A run of the daemon on a logged disk, ended twice on the way, in what a judge needs.
    confirm: there is a receiver, the broker loses its queue in each life."""
    blind = []  # spans of time whose readings nobody promised
    (world.dir / name).mkdir()
    broker = Broker(world)
    devices = Devices(world, "--tcp", "127.0.0.1:0", "--count", str(N),
                      "--registers", str(2 * POINTS), "--content", "counter",
                      name=f"{name}-devices")
    subscriber = Receiver(world, broker, name) if confirm else Subscriber(world, broker)
    with rig.LoggedDisk(world, f"{name}/disk", options) as disk:
        store = disk.mount / "store"
        gateway = Gateway(world, config(devices.ports(), broker.port, store,
                                        COMMIT_MS, POINTS, confirm or "broker"),
                          name=f"{name}/gateway").start(wait=False)
        marker = Marker(disk, subscriber, store / "store.db")
        for share, sig in ((0.2, signal.SIGKILL), (0.2, signal.SIGTERM), (0.6, None)):
            wait_for(gateway.ready.exists, "the daemon's start")
            n_changes = len(marker.changes)
            rig.let_run(seconds * share / 2)
            devices.tell("3 silent")  # transitions commit at once
            rig.let_run(seconds * share / 4)
            if confirm:
                lose_queue(broker, subscriber, gateway)
            devices.tell("3 ok")
            rig.let_run(seconds * share / 4)
            if sig:
                begin = rig.now_ns()
                gateway.stop(sig)
                blind.append((begin - (COMMIT_MS + SLACK_MS) * 1e6, rig.now_ns() + SLACK_MS * 1e6))
                gateway.start(wait=False)
        wait_for(lambda: len(marker.changes) > n_changes, "a checkpoint under way", 60)
        rig.let_run(seconds / 12)
        if confirm == "receiver":
            status = gateway.json("status")
            wait_for(lambda: subscriber.has_all(status["epoch"], status["store"]["last_seq"]),
                     "all of it at the receiver", 120)
        stats = gateway.json("status")["store"]
        marker.stop()
        gateway.stop(signal.SIGKILL)
    subscriber.stop()
    messages = subscriber.snapshot()
    broker.stop()
    entries = rig.read_log(disk.log)
    stats["checkpoints"] = len(marker.changes)
    stats["log"] = f"{disk.log.stat().st_size >> 10} KiB"
    return plan_of(disk, entries, messages, devices, blind), stats


def plan_of(disk, entries, messages, devices, blind):
    delivered = Delivered(messages)
    final = {key: values for _, key, _, values in delivered.records}
    return {"base": disk.base, "entries": entries, "marks": rig.Marks(entries),
            "delivered": delivered, "final": final, "blind": blind,
            "names": {(epoch, boot, str(seq)) for epoch, boot, seq, _, _ in final},
            "served": served_by(devices),
            "window_ms": COMMIT_MS + SLACK_MS}


def tell(name, plan, results, seconds):
    entries = plan["entries"]
    written = sum(len(e.data) for e in entries if not e.mark)
    windows = sorted(r["window_ms"] for r in results)
    print(f"{name}: log of {len(entries)} entries, {len(rig.flushes(entries))} flushes, "
          f"{written >> 10} KiB, {len(plan['final'])} records delivered; {len(results)} states "
          f"in {seconds:.1f} s ({seconds / len(results):.3f} s each), "
          f"{sum(r['lost'] > 0 for r in results)} with a loss, at most "
          f"{max(r['lost'] for r in results)} records, "
          f"{sum(bool(r['faults']) for r in results)} with any fault, "
          f"{sum(r.get('reused', 0) for r in results)} gave a number again, "
          f"readings lost: median {windows[len(windows) // 2]:.0f} ms, most {windows[-1]:.0f} ms, "
          f"unflushed writes at the cut: {sum(r['open'] for r in results) / len(results):.1f}",
          flush=True)


def cut(world, plan, n, n_none, chance, n_lies=0):
    """n states where chance decides and n_none where nothing unflushed is left."""
    entries, marks = plan["entries"], plan["marks"]
    jobs = [(at, chance.getrandbits(32), n_lies)
            for at in rig.points(entries, marks, chance, n)]
    jobs += [(at, None, n_lies) for at in rig.points(entries, marks, chance, n_none)]
    begin = time.monotonic()
    results = play(plan, str(world.dir), sorted(jobs, key=lambda job: job[0]))
    assert len(results) == len(jobs), f"{len(results)} of {len(jobs)} states"
    return results, time.monotonic() - begin


def honest(world, chance):
    plan, stats = record(world, "flushed", "defaults", SECONDS)
    results, seconds = cut(world, plan, STATES, max(STATES // 5, 1), chance)
    tell("barriers on", plan, results, seconds)
    print(f"store: {stats}")
    faults = [r for r in results if r["faults"]]
    for r in faults[:10]:
        print(f"cut at entry {r['at']}: {r['faults'][:3]}")
    assert len(plan["final"]) > 100, "too little was delivered to say anything"
    assert not faults, f"{len(faults)} of {len(results)} states are not as promised"
    assert not any(r["reused"] for r in results), "a number was given twice"
    lying(world, plan, chance)


def lying(world, plan, chance):
    """A disk that forgets its last flushes goes back in time: numbers that already left are
    given again, under the name of another boot, so that no record hides another."""
    results, seconds = cut(world, plan, 0, max(STATES // 8, 8), chance, n_lies=40)
    tell("a disk that lies", plan, results, seconds)
    assert any(r["reused"] for r in results), "no number was given again: nothing is shown"
    assert not any(r["twice"] for r in results), "one name, two records"
    broken = [r for r in results if any("integrity" in f or "mounted" in f for f in r["faults"])]
    assert not broken, f"{broken[:3]}"


def receiver(world, chance):
    """What a broker acknowledged and lost is still the store's to send."""
    plan, stats = record(world, "receipts", "defaults", SECONDS / 3, "receiver")
    results, seconds = cut(world, plan, max(STATES * 3 // 20, 8), max(STATES // 20, 2), chance)
    tell("a receiver behind a broker that loses", plan, results, seconds)
    faults = [r for r in results if r["faults"]]
    for r in faults[:10]:
        print(f"cut at entry {r['at']}: {r['faults'][:3]}")
    assert not faults, f"{len(faults)} of {len(results)} states are not as promised"
    assert not any(r["reused"] for r in results), "a number was given twice"


def trusting(world, chance):
    """A cursor that believes the broker must be seen to be wrong here."""
    plan, _ = record(world, "trusting", "defaults", SECONDS / 6, "broker")
    results, seconds = cut(world, plan, max(STATES // 20, 8), 0, chance)
    tell("the same with confirm: broker", plan, results, seconds)
    wrong = [r for r in results if any("nobody has" in f for f in r["faults"])]
    assert wrong, "no state takes for delivered what the broker lost: this part is blind"


def control(world, chance):
    """A filesystem that never flushes must lose, or nothing above means anything. Even there
    no two records may bear one name."""
    plan, _ = record(world, "unflushed", "barrier=0", SECONDS / 2)
    results, seconds = cut(world, plan, max(STATES // 8, 8), 4, chance)
    tell("barriers off", plan, results, seconds)
    lossy = [r for r in results if r["lost"] or r["faults"]]
    assert len(lossy) * 2 > len(results), \
        f"only {len(lossy)} of {len(results)} states without flushes show a loss: blind rig"
    assert not any(r.get("twice") for r in results), "one name, two records"


def main():
    rig.needs()
    rig.in_own_mounts()
    chance = random.Random(SEED)
    print(f"seed {SEED}")
    for part in (honest, receiver, trusting, control):
        with World() as world:
            part(world, chance)


main()
