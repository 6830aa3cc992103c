#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A serial line in every bad mood: late, cut off, garbled, foreign replies, and an adapter
pulled out and put back. Each poll of the simulator serves another value, so a value that
arrives is traced to the one request it answered: none may come from a spoiled or late reply,
none twice, none under another unit, and healthy values flow again after each mood."""
from harness import World, wait_for
from rtu import UNITS, Line, now_ns

MOODY = (2, 5, 8)  # three units misbehave at a time, each in its own way
IN_TIME_MS = (60, 250)
TOO_LATE_MS = (520, 560, 620, 900, 1500, 2600, 4000)
# one unit alone is asked again some 0.65 s after its first request, and waited for until
# 1.15 s: these come just when its next reply is expected
SNEAKY_MS = (680, 760, 850, 940, 1030, 1120)
SPOILED = ("garbage", "truncate", "wrong-unit", "wrong-function", "wrong-count", "crc",
           "exception 4", "fuzz 700", "twice")
ROUNDS = 3  # requests of each unit that meet its mood
SNEAKY_ROUNDS = 2  # a third one would come after the breaker's pause


def stats(line, unit):
    """Requests the unit met so far, and how many of them it answered with data."""
    rows = [row.split() for row in line.devices.tell("stats").splitlines()]
    return next((int(r[1]), int(r[3])) for r in rows if len(r) == 4 and int(r[0]) == unit - 1)


def batch(line, moods, rounds=ROUNDS):
    """Units misbehave for some requests, then behave. (unit, first counter, last) of those
    that answered too late meanwhile."""
    before, windows, begin_ns = {}, [], now_ns()
    for unit, words in moods:
        before[unit] = stats(line, unit)
        line.devices.tell(f"u{unit} {words} x{rounds}")
    for unit, words in moods:
        # one more: a sound one may have come before the mood did
        wait_for(lambda: stats(line, unit)[0] >= before[unit][0] + rounds + 1,
                 f"{rounds} requests to unit {unit}", 60)
        kind, *value = words.split()
        if kind == "late" and int(value[0]) not in IN_TIME_MS:
            windows.append((unit, before[unit][1] + 1, stats(line, unit)[1]))
        line.wait_served(unit, now_ns(), n=2)
        line.wait_arrived(unit, begin_ns)
    return windows


def replug(line):
    line.devices.tell("0 refuse")
    wait_for(lambda: all(p["quality"] == "link-down"
                         for p in line.gateway.json("points")["points"]),
             "every point link-down")
    assert not line.link.exists()
    line.devices.tell("0 accept")
    begin_ns = now_ns()
    back_s = (line.wait_served(1, begin_ns, n=1, seconds=30) - begin_ns) / 1e9
    for unit in range(1, UNITS + 1):
        line.wait_served(unit, begin_ns, n=2)
    line.wait_arrived(UNITS, begin_ns)
    return back_s


def judge(line, windows):
    rows = line.devices.all_rows()
    spoiled = {"garbage", "truncate", "wrong-unit", "wrong-function", "wrong-count", "crc",
               "exception", "silent"}
    served = {(device + 1, int(value)) for _, device, _, value, fault in rows
              if fault not in spoiled}
    arrived = line.arrived()
    foreign = sorted(k for k in arrived if k not in served)
    assert not foreign, f"values nobody served soundly: {foreign[:5]}"
    late_values = [(device + 1, int(value)) for _, device, counter, value, fault in rows
                   if fault == "late" and any(device + 1 == unit and first <= counter <= last
                                              for unit, first, last in windows)]
    late = sorted(set(arrived) & set(late_values))
    assert not late, f"late replies were taken for others: {late[:5]}"
    twice = [k for k, keys in arrived.items() if len(keys) > 1]
    assert not twice, f"one reply became two readings: {twice[:5]}"
    return len(arrived), len(late_values)


def main():
    with World() as world:
        line = Line(world, interval_ms=500)
        windows = []
        for delay_ms in SNEAKY_MS:
            windows += batch(line, [(MOODY[0], f"late {delay_ms}")], SNEAKY_ROUNDS)
            judge(line, windows)
        print(f"late by {SNEAKY_MS} ms: {judge(line, windows)[0]} values arrived, none wrong",
              flush=True)
        moods = [f"late {ms}" for ms in IN_TIME_MS + TOO_LATE_MS] + list(SPOILED)
        for i in range(0, len(moods), len(MOODY)):
            words = moods[i:i + len(MOODY)]
            windows += batch(line, list(zip(MOODY, words)))
            n = judge(line, windows)[0]
            print(f"{', '.join(words)}: {n} values arrived so far, none wrong", flush=True)
        for _ in range(2):
            print(f"adapter out and in again: polls again after {replug(line):.2f} s")
        n, n_late = judge(line, windows)
        assert n_late >= len(SNEAKY_MS) * SNEAKY_ROUNDS, f"only {n_late} replies came late"
        print(f"in all {n} values arrived, none wrong, {n_late} late ones refused")
        line.stop()


main()
