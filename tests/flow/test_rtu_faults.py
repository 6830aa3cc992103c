#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A serial line in every bad mood: late, cut off, garbled, foreign replies, and an adapter
pulled out and put back. Each poll of the simulator serves another value, so a value that
arrives is traced to the one request it answered: none may come from a spoiled or late reply,
none twice, none under another unit, and healthy values flow again after each mood."""
from harness import World, wait_for
from rtu import UNITS, Line, now_ns, value_of

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
    """Units misbehave for some requests, then behave. The values they served meanwhile when
    that was too late to be right: unit -> set."""
    before, late, begin_ns = {}, set(), now_ns()
    for unit, words in moods:
        before[unit] = stats(line, unit)
        line.devices.tell(f"u{unit} {words} x{rounds}")
    for unit, words in moods:
        wait_for(lambda: stats(line, unit)[0] >= before[unit][0] + rounds,
                 f"{rounds} requests to unit {unit}", 60)
    for unit, words in moods:
        kind, *value = words.split()
        if kind == "late" and int(value[0]) not in IN_TIME_MS:
            # the first of them were late: the fault ends by itself after that
            first = before[unit][1] + 1
            late |= {(unit, value_of(unit, i)) for i in range(first, first + rounds)}
        line.wait_served(unit, now_ns(), n=2)
        line.wait_arrived(unit, begin_ns)
    return late


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


def judge(line, late_values):
    rows = line.devices.all_rows()
    spoiled = {"garbage", "truncate", "wrong-unit", "wrong-function", "wrong-count", "crc",
               "exception", "silent"}
    served = {(device + 1, int(value)) for _, device, _, value, fault in rows
              if fault not in spoiled}
    arrived = line.arrived()
    foreign = sorted(k for k in arrived if k not in served)
    assert not foreign, f"values nobody served soundly: {foreign[:5]}"
    late = sorted(set(arrived) & late_values)
    assert not late, f"late replies were taken for others: {late[:5]}"
    twice = [k for k, keys in arrived.items() if len(keys) > 1]
    assert not twice, f"one reply became two readings: {twice[:5]}"
    return len(arrived)


def main():
    with World() as world:
        line = Line(world, interval_ms=500)
        late_values = set()
        for delay_ms in SNEAKY_MS:
            late_values |= batch(line, [(MOODY[0], f"late {delay_ms}")], SNEAKY_ROUNDS)
            judge(line, late_values)
        print(f"late by {SNEAKY_MS} ms: {judge(line, late_values)} values arrived, none wrong",
              flush=True)
        moods = [f"late {ms}" for ms in IN_TIME_MS + TOO_LATE_MS] + list(SPOILED)
        for i in range(0, len(moods), len(MOODY)):
            words = moods[i:i + len(MOODY)]
            late_values |= batch(line, list(zip(MOODY, words)))
            n = judge(line, late_values)
            print(f"{', '.join(words)}: {n} values arrived so far, none wrong", flush=True)
        for _ in range(2):
            print(f"adapter out and in again: polls again after {replug(line):.2f} s")
        n = judge(line, late_values)
        print(f"in all {n} values arrived, none wrong, {len(late_values)} late ones refused")
        line.stop()


main()
