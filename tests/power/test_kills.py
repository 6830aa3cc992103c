# SPDX-License-Identifier: Apache-2.0
"""The daemon is killed again and again at any moment, also while it starts, and started
again. What its store held at each death must be there at the end and with the subscriber,
once each, and nothing else.
"""
import os
import pathlib
import random
import shutil
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "flow"))
from harness import Broker, Devices, Gateway, Subscriber, World, wait_for  # noqa: E402
from judge import config, dump_of, kept_from, once_each, served_by  # noqa: E402

KILLS = int(os.environ.get("POWER_KILLS", "50"))
SEED = int(os.environ.get("POWER_SEED", "1"))
N, POINTS = 10, 8
COMMIT_MS = 100
SLACK_MS = 1500


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def live(gateway, chance):
    """One life: begin and end of it; short ones end within the start."""
    span = 2.5 if chance.random() < 0.2 else chance.uniform(0.01, 1.2)
    begin = now_ns()
    gateway.start(wait=False)
    wait_for(lambda: now_ns() >= begin + span * 1e9, "a life", 30)
    assert gateway.process.poll() is None, "the daemon ended by itself"
    gateway.stop(signal.SIGKILL)
    return begin, now_ns()


def copy_of(gateway, n):
    """The store as it was when the daemon died, opened; the store itself stays as it is."""
    copy = gateway.home / f"copy-{n}"
    shutil.copytree(gateway.home / "store", copy)
    if not (copy / "store.db").exists():
        return None
    dump = dump_of(copy)
    shutil.rmtree(copy)
    return dump


def not_stored(deaths, served):
    """Of the readings older than the window at a death, how many its store has not."""
    n = 0
    for dump, (begin, end) in deaths:
        kept = set(dump.numbers_kept()) if dump else set()
        mine = [(t, what) for t, what in served if begin <= t]
        first = next((t for t, what in mine if what in kept), end)
        n += sum(first <= t <= end - (COMMIT_MS + SLACK_MS) * 1e6 and what not in kept
                 for t, what in mine)
    return n


def main():
    chance = random.Random(SEED)
    with World() as world:
        broker = Broker(world)
        devices = Devices(world, "--tcp", "127.0.0.1:0", "--count", str(N), "--registers",
                          str(2 * POINTS), "--content", "counter")
        subscriber = Subscriber(world, broker)
        gateway = Gateway(world, config(devices.ports(), broker.port, "@HOME@/store",
                                        COMMIT_MS, POINTS))
        begin = time.monotonic()
        deaths = []
        for n in range(KILLS):
            life = live(gateway, chance)
            deaths.append((copy_of(gateway, n), life))
        spent = time.monotonic() - begin
        gateway.start()
        status = gateway.json("status")
        numbers = set(range(1, status["store"]["last_seq"] + 1))
        wait_for(lambda: numbers <= subscriber.epochs().get(status["epoch"], set()),
                 "every number at the subscriber", 60)
        gateway.stop()
        final = dump_of(gateway.home / "store")
        messages = subscriber.snapshot()
        repeats = once_each(final, messages, max(numbers))
        kept_from(deaths, final)
        late = not_stored(deaths, served_by(devices))
        assert late <= N, f"{late} readings older than the commit interval were not stored"
        assert len(final.records) > KILLS, "too little was stored to say anything"
        print(f"seed {SEED}: {KILLS} kills in {spent:.1f} s, {sum(d is None for d, _ in deaths)} "
              f"before there was a store; {len(final.seqs)} numbers, {len(final.records)} records "
              f"stored and delivered, {repeats} repeats removed, 0 lost, 0 twice, {late} readings "
              f"cut off in flight")
        subscriber.stop()


main()
