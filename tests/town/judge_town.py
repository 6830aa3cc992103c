# SPDX-License-Identifier: Apache-2.0
"""What the devices saw, held against what must be: a log of writes with boot times, the plans
as they came over the broker. Every complaint names the home."""
import re

from town import BASE_W, COILS, MIN_OFF_S, TYPICAL_W

CLASS = {name: i + 1 for i, name in enumerate(COILS)}


class Log:
    """For each home and coil the moments at which its value changed: [(t_s, is_on)]."""

    def __init__(self, path, n_homes):
        self.n = n_homes
        self.changes = {(h, name): [] for h in range(n_homes) for name in COILS}
        self.writes = 0
        for line in path.read_text().splitlines():
            t, device, _, function, address, value = (int(x) for x in line.split())
            if device >= n_homes or function not in (5, 15) or address >= len(COILS):
                continue
            self.writes += 1
            rows = self.changes[(device, COILS[address])]
            if (rows[-1][1] if rows else False) != bool(value):
                rows.append((t / 1e9, bool(value)))

    def at(self, home, name, t):
        """Its value then, and since when."""
        value, since = False, 0
        for when, is_on in self.changes[(home, name)]:
            if when > t:
                break
            value, since = is_on, when
        return value, since

    def first(self, home, name, is_on, after, before=float("inf")):
        for when, value in self.changes[(home, name)]:
            if after <= when <= before and value == is_on:
                return when
        return None

    def on_spans(self, home, name, until):
        spans, begin = [], None
        for when, is_on in self.changes[(home, name)]:
            if is_on:
                begin = when
            elif begin is not None:
                spans.append((begin, when))
                begin = None
        return spans + ([(begin, until)] if begin is not None else [])


LETTERS = {"GRID_OK": "G", "OUTAGE_SUSPECTED": "S", "TRANSFERRING": "T", "ISLANDED": "I",
           "LOW_RESERVE": "L", "CRITICAL": "C", "BLACK": "B", "RECONNECTING": "R"}
# the rows of OUTAGE 4 for a home of a community: from -> to
ROWS = {"G": "S", "S": "TGB", "T": "IGB", "I": "LRB", "L": "ICRB", "C": "LRB", "B": "CR",
        "R": "GILCB"}
# one outage; a word from before the loss may end a suspicion once more
OUTAGE = r"(?:SG)*STI[ILC]*{}(?:R[ILC]*)*RG"
DARK = r"BC[ILC]*"  # without supply, and fed again


def order(why, darks):
    """What is wrong with a home's way through its states, by its own journal: each row begins
    where the one before ended and is one of the table, and each outage is whole; darks: for
    each outage, was the supply gone in it."""
    walk, at = "", "G"
    for text in why:
        words = text.replace(":", "").split()
        to, origin = LETTERS.get(words[0], "?"), LETTERS.get(words[2], "?")
        if origin != at or to not in ROWS.get(origin, ""):
            return [f"after {walk or 'the start'}: {text[:80]}"]
        walk, at = walk + to, to
    wanted = "".join(OUTAGE.format(DARK if dark else "") for dark in darks)
    return [] if re.fullmatch(wanted, walk) else [f"{walk} is not {wanted}"]


def min_off(log):
    """Everything that was switched on sooner after its switching off than it may be."""
    bad = []
    for (home, name), rows in log.changes.items():
        for (t0, was), (t1, now) in zip(rows, rows[1:]):
            if not was and now and t1 - t0 < MIN_OFF_S[name] - 0.05:
                bad.append(f"home-{home:02} {name}: on again after {t1 - t0:.2f} s, min_off "
                           f"{MIN_OFF_S[name]} s")
    return bad


def shed_times(log, name, t_loss, bound_s):
    """Seconds from the loss to the opened coil of each home; and who was late."""
    times, bad = [], []
    for home in range(log.n):
        is_on, _ = log.at(home, name, t_loss)
        when = log.first(home, name, False, t_loss) if is_on else None
        if when is None:
            bad.append(f"home-{home:02}: {name} " + ("was never shed" if is_on else
                                                     "was not on before the loss"))
            continue
        times.append(when - t_loss)
        if when - t_loss > bound_s:
            bad.append(f"home-{home:02}: {name} shed {when - t_loss:.2f} s after the loss, "
                       f"bound {bound_s} s")
    return sorted(times), bad


def limits_in_force(plans, below, valid_s):
    """Spans [t0, t1) in which a run of island plans kept everything above a class off."""
    spans, begin, last = [], None, None
    for at, plan in plans:
        is_below = plan["mode"] == "island" and int(plan["p_max"][1]) < below
        if begin is not None and (not is_below or at > last + valid_s):
            spans.append((begin, min(at, last + valid_s)))
            begin = None
        if is_below:
            begin = at if begin is None else begin
            last = at
    if begin is not None:
        spans.append((begin, last + valid_s))
    return spans


END_S = 0.7  # the home counts from its own reception of the last plan, a little before ours


def obedience(log, home, plans, valid_s, grace_s):
    """Circuits on although the plan in force says off; and how many limits were held."""
    bad, held = [], 0
    for name, klass in CLASS.items():
        for t0, t1 in limits_in_force(plans, klass, valid_s):
            if t1 - t0 <= grace_s:
                continue
            held += 1
            for on, off in log.on_spans(home, name, t1):
                if on < t1 - END_S and off > t0 + grace_s:
                    bad.append(f"home-{home:02} {name} (P{klass}): on {max(on, t0) - t0:.1f} s to "
                               f"{min(off, t1) - t0:.1f} s into a plan below it")
    return bad, held


def budgets(log, home, plans, valid_s, grace_s):
    """Moments at which a home draws more than its plan's power_w allows."""
    bad, held = [], 0
    for (at, plan), (after, _) in zip(plans, plans[1:] + [(plans[-1][0] + valid_s, None)]):
        t = min(after, at + valid_s)
        if plan["mode"] != "island" or t - at < 0.1:
            continue
        t -= 0.05
        same_since = at
        for earlier, older in reversed(plans):
            if earlier < at and (older["mode"], older["power_w"]) != (plan["mode"], plan["power_w"]):
                break
            same_since = min(same_since, earlier)
        if t - same_since < grace_s:
            continue
        held += 1
        on = [name for name in COILS if log.at(home, name, t)[0]]
        watts = BASE_W + sum(TYPICAL_W[name] for name in on)
        if watts > plan["power_w"] + 1 and set(on) - {"fridge"}:
            bad.append(f"home-{home:02}: {watts} W with {on} under a plan of {plan['power_w']} W "
                       f"since {t - same_since:.1f} s")
    return bad, held


def returns(log, name, after, before=float("inf")):
    """When the circuit came back in each home, and which did not."""
    found = [(home, log.first(home, name, True, after, before)) for home in range(log.n)]
    return ([when for _, when in found if when is not None],
            [f"home-{home:02}: {name} did not come back" for home, when in found if when is None])


def most_in(times, span_s):
    """The most of these moments within any span."""
    times = sorted(times)
    return max((sum(1 for t in times[i:] if t < times[i] + span_s) for i in range(len(times))),
               default=0)
