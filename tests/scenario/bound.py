#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The best anyone could do who knew everything: a bound for the fraction of the optimum.

    bound.py --community FILE --scenario FILE [--append BOUNDS.csv]

A linear programme over all steps: fractions of a class may be served, all tanks and all
grid-forming batteries are one, minimum times do not count; balance, powers, charge, the
island's load limit and the EV drivers' rules do. Prints (or appends) the row of bounds.csv.
Needs python3-scipy; nothing of the product or of its tests does.
"""
import argparse
import os
import sys

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_matrix

from evaluate import CIRCUITS, Case

FIXED = [c for c in CIRCUITS if c != "deferrable"]
HEADER = "scenario,variant,weighted_kwh," + ",".join(c + "_kwh" for c in CIRCUITS)


class Programme:
    """Variables by name and step; rows of constraints."""

    def __init__(self, steps):
        self.steps, self.n = steps, 0
        self.low, self.high, self.gain = [], [], []
        self.rows = {"eq": [], "le": []}
        self.right = {"eq": [], "le": []}

    def variable(self, high, low=0.0, gain=0.0):
        """One for each step; high, low, gain: a number or one for each step."""
        first = self.n
        self.n += self.steps
        for values, to in ((low, self.low), (high, self.high), (gain, self.gain)):
            to.extend(np.broadcast_to(values, self.steps))
        return np.arange(first, self.n)

    def single(self, high, gain):
        self.low.append(0.0)
        self.high.append(high)
        self.gain.append(gain)
        self.n += 1
        return self.n - 1

    def constrain(self, kind, terms, right):
        self.rows[kind].append(terms)
        self.right[kind].append(right)

    def matrix(self, kind):
        at = [(i, j, value) for i, terms in enumerate(self.rows[kind]) for j, value in terms]
        if not at:
            return None, None
        i, j, value = zip(*at)
        return coo_matrix((value, (i, j)), (len(self.rows[kind]), self.n)).tocsr(), \
            np.array(self.right[kind])

    def solve(self):
        a_eq, b_eq = self.matrix("eq")
        a_le, b_le = self.matrix("le")
        found = linprog(-np.array(self.gain), A_ub=a_le, b_ub=b_le, A_eq=a_eq, b_eq=b_eq,
                        bounds=np.column_stack((self.low, self.high)), method="highs")
        if found.status != 0:
            raise SystemExit(f"no solution: {found.message}")
        return found.x


class Bound:
    def __init__(self, case):
        self.case, self.p = case, Programme(case.steps)
        self.grid = np.array([t not in case.outage for t in range(case.steps)])
        self.kw = {c: np.array([sum(case.profile[t, h][c] for h in case.homes)
                                for t in range(case.steps)]) / 1e3
                   for c in CIRCUITS + ("pv",)}
        self.weight = {c: case.community["circuit_classes"][c]["weight"] for c in CIRCUITS}
        self.dt = case.hours
        self.balance = [[] for _ in range(case.steps)]     # what comes less what goes

    def feed(self, variables, sign):
        for t, variable in enumerate(variables):
            self.balance[t].append((variable, sign))

    def loads(self):
        """Fixed classes: any part in an outage, all of it with the grid."""
        served = {}
        for c in FIXED:
            gain = np.where(self.grid, 0, self.weight[c] * self.dt)
            served[c] = self.p.variable(self.kw[c], np.where(self.grid, self.kw[c], 0), gain)
        heater = self.case.community["circuit_classes"]["deferrable"]
        n = len(self.case.homes)
        heat = served["deferrable"] = self.p.variable(n * heater["rated_w"] / 1e3)
        lost = self.p.variable(self.kw["deferrable"])
        debt = self.p.variable(n * heater["tank_wh"] / 1e3)
        for t in range(self.case.steps):
            terms = [(debt[t], 1), (heat[t], self.dt), (lost[t], self.dt)]
            self.p.constrain("eq", terms + ([(debt[t - 1], -1)] if t else []),
                             self.kw["deferrable"][t] * self.dt)
        out = np.flatnonzero(~self.grid)
        counted = self.p.single(self.kw["deferrable"][out].sum() * self.dt,
                                self.weight["deferrable"])
        self.p.constrain("le", [(counted, 1)] + [(heat[t], -self.dt) for t in out], 0.0)
        limit = self.case.community["network"]["max_island_load_w"] / 1e3
        for t in out:
            self.p.constrain("le", [(served[c][t], 1) for c in CIRCUITS], limit)
        for c in CIRCUITS:
            self.feed(served[c], -1)
        return served, counted

    def sources(self):
        network = self.case.community["network"]
        self.feed(self.p.variable(np.minimum(self.kw["pv"], network["pv_limit_w"] / 1e3)), 1)
        self.feed(self.p.variable(np.where(self.grid, network["grid_import_limit_w"] / 1e3,
                                           0)), 1)

    def store(self, data, start, floors, here, used):
        """One storage, or all of a kind as one; kWh. used: by step, gone with a trip."""
        charge = self.p.variable(np.where(here, data["max_charge_w"] / 1e3, 0))
        give = self.p.variable(np.where(here, data["max_discharge_w"] / 1e3, 0))
        size = data["capacity_wh"] / 1e3
        energy = self.p.variable(data["soc_max"] * size, floors)
        for t in range(self.case.steps):
            terms = [(energy[t], 1), (charge[t], -data["eta_charge"] * self.dt),
                     (give[t], self.dt / data["eta_discharge"])]
            if t:
                terms.append((energy[t - 1], -1))
            self.p.constrain("eq", terms, (0 if t else start) - used[t])
        self.feed(charge, -1)
        self.feed(give, 1)

    def batteries(self):
        forming = [d for d in self.case.storages.values() if d["role"] == "grid_forming"]
        initial = self.case.scenario["initial_soc"]
        if not forming:
            return
        sums = {key: sum(d[key] for d in forming)
                for key in ("capacity_wh", "max_charge_w", "max_discharge_w")}
        size = sums["capacity_wh"]
        for key in ("eta_charge", "eta_discharge", "soc_min", "soc_max"):
            best = sum(d[key] * d["capacity_wh"] for d in forming) / size
            sums[key] = max(d[key] for d in forming) if key.startswith("eta") else best
        start = sum(initial[d["id"]] * d["capacity_wh"] for d in forming) / 1e3
        self.store(sums, start, min(start, sums["soc_min"] * size / 1e3),
                   np.ones(self.case.steps, bool), np.zeros(self.case.steps))

    def cars(self):
        steps = self.case.steps
        for name, data in self.case.storages.items():
            if data["role"] == "grid_forming":
                continue
            size = data["capacity_wh"] / 1e3
            start = self.case.scenario["initial_soc"][name] * size
            floor = np.full(steps, min(start, data["soc_reserve"] * size))
            here, used = np.ones(steps, bool), np.zeros(steps)
            for ev, leaves, back, trip, booked in self.case.trips():
                if ev != name or leaves >= steps:
                    continue
                here[leaves:back] = False
                if booked and leaves and start >= data["soc_depart"] * size:
                    floor[leaves - 1] = data["soc_depart"] * size
                if back < steps:      # what is left may be below the driver's floor
                    used[back] = min(trip / 1e3, floor[max(leaves - 1, 0)] - 0.05 * size)
                    floor[back:] = min(floor[0], 0.05 * size)
            self.store(data, start, floor, here, used)

    def row(self):
        served, counted = self.loads()
        self.sources()
        self.batteries()
        self.cars()
        for terms in self.balance:
            self.p.constrain("eq", terms, 0.0)
        x = self.p.solve()
        out = np.flatnonzero(~self.grid)
        kwh = {c: x[served[c][out]].sum() * self.dt for c in FIXED}
        kwh["deferrable"] = x[counted]
        weighted = sum(self.weight[c] * kwh[c] for c in CIRCUITS)
        return ",".join([self.case.scenario["name"], self.case.variant.lower(),
                         f"{weighted:.1f}"] + [f"{kwh[c]:.1f}" for c in CIRCUITS])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--community", required=True)
    parser.add_argument("--scenario", required=True)
    parser.add_argument("--append", help="bounds.csv to add the row to")
    options = parser.parse_args()
    row = Bound(Case(options.community, options.scenario)).row()
    if options.append:
        is_new = not os.path.exists(options.append)
        with open(options.append, "a", encoding="utf-8") as file:
            file.write((HEADER + "\n" if is_new else "") + row + "\n")
    print(row)
    return 0


if __name__ == "__main__":
    sys.exit(main())
