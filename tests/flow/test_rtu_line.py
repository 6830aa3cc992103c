#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One dead unit of ten on a 9600 baud line: its share of the line, what the healthy units
notice, and how soon it is back once it answers again. RTU_SECONDS shortens the silence; the
bound of 5 % is over 120 s, and what the first seconds cost does not grow with the rest."""
import os
import statistics

from harness import World, wait_for
from rtu import CHARACTER_S, EXCHANGE_S, LATE_REPLY_S, TIMEOUT_S, UNITS, Line, now_ns

SILENT_S = int(os.environ.get("RTU_SECONDS", "120"))
DEAD = 5
SHARE_MAX = 0.05
BACK_S = 75  # 60 s between probes, and the time of a cycle


def cost_s(t_ns, arrivals_ns):
    """How long the unanswered request kept the line: until the next request came, at most
    its own time, the timeout and the silence after it (the line may just be idle then)."""
    full_s = 8 * CHARACTER_S + TIMEOUT_S + LATE_REPLY_S + 0.02
    later = [t for t in arrivals_ns if t > t_ns]
    return min(full_s, (min(later) - t_ns) / 1e9) if later else full_s


def dead_share(line, begin_ns, end_ns):
    rows = [r for r in line.devices.all_rows() if begin_ns <= r[0]]
    arrivals = [r[0] if r[4] == "silent" else r[0] - EXCHANGE_S * 1e9 for r in rows]
    dead = [r[0] for r in rows if r[4] == "silent" and r[0] < end_ns]
    busy_s = sum(cost_s(t, arrivals) for t in dead)
    return len(dead), busy_s / ((end_ns - begin_ns) / 1e9)


def intervals_ms(line, begin_ns, end_ns):
    found = []
    for unit in set(range(1, UNITS + 1)) - {DEAD}:
        times = [t for t, device, *_ in line.devices.ledger()
                 if device == unit - 1 and begin_ns <= t < end_ns]
        found += [(b - a) / 1e6 for a, b in zip(times, times[1:])]
    return sorted(found)


def figures(found):
    return (statistics.median(found), found[min(len(found) - 1, int(0.99 * len(found)))],
            found[-1])


def main():
    with World() as world:
        line = Line(world)
        line.let_run(4)
        before = figures(intervals_ms(line, 0, now_ns()))

        begin_ns = now_ns()
        line.devices.tell(f"u{DEAD} silent")
        line.let_run(SILENT_S)
        end_ns = now_ns()
        n, share = dead_share(line, begin_ns, end_ns)
        found = intervals_ms(line, begin_ns, end_ns)
        median, p99, worst = figures(found)

        line.devices.tell(f"u{DEAD} ok")
        back_s = (line.wait_served(DEAD, end_ns) - end_ns) / 1e9
        line.wait_arrived(DEAD, end_ns)
        wait_for(lambda: any(p["device"] == f"unit{DEAD}" and p["quality"] == "good"
                             for p in line.gateway.json("points")["points"]),
                 f"a good point of unit {DEAD}")

        print(f"all healthy: interval median {before[0]:.0f} ms, p99 {before[1]:.0f} ms")
        print(f"unit {DEAD} silent for {(end_ns - begin_ns) / 1e9:.0f} s: asked {n} times, "
              f"{100 * share:.2f} % of the line; healthy units: {len(found)} intervals, "
              f"median {median:.0f} ms, p99 {p99:.0f} ms, worst {worst:.0f} ms; "
              f"back after {back_s:.1f} s")
        # over a shorter span the same requests weigh more: 6 s of 120 s is the promise
        bound = SHARE_MAX * max(1.0, 120 / SILENT_S)
        assert n >= 2, "the dead unit was not even asked"
        assert share <= bound, f"the dead unit took {100 * share:.1f} % of the line"
        expected = SILENT_S * (UNITS - 1)
        assert len(found) >= 0.95 * expected, f"{len(found)} of {expected} polls"
        assert 980 <= median <= 1020, f"the healthy units' median is {median:.0f} ms"
        assert p99 <= 1000 + 1000 * (TIMEOUT_S + LATE_REPLY_S) + 150, f"p99 {p99:.0f} ms"
        assert back_s <= BACK_S, f"back only after {back_s:.0f} s"
        line.stop()


main()
