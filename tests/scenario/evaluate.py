#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Judges a result CSV on its own: replays the commands in it and prints the metrics as JSON.

    evaluate.py --community FILE --scenario FILE [--bounds FILE] RESULT.csv

Written from docs/scenario-format.md alone and kept apart from gatewayctl/simulate: the two
must agree to 1e-6, or one of them has read the rules wrong. Claims in the result are
compared and reported, never used.
"""
import argparse
import csv
import json
import math
import os
import re
import sys
from collections import defaultdict

import yaml

CIRCUITS = ("critical", "essential", "comfort", "deferrable", "heavy")
TINY = 1e-6
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")


class Case:
    """Community, scenario and true profiles."""

    def __init__(self, community, scenario):
        with open(community, encoding="utf-8") as file:
            self.community = yaml.safe_load(file)
        with open(scenario, encoding="utf-8") as file:
            self.scenario = yaml.safe_load(file)
        self.folder = os.path.dirname(scenario) or "."
        self.steps = self.scenario["steps"]
        self.step_s = self.scenario["step_s"]
        self.hours = self.step_s / 3600
        self.homes = {home["id"]: home for home in self.community["homes"]}
        self.storages = {s["id"]: s for s in self.community["storages"]}
        self.variant = self.community["variant"]
        self.profile = {}
        with open(os.path.join(self.folder, self.scenario["profiles"]), encoding="utf-8",
                  newline="") as file:
            for row in csv.DictReader(file):
                key = int(row["step"]), int(row["home"])
                self.profile[key] = {name[:-2]: float(value) for name, value in row.items()
                                     if name.endswith("_w")}
        self.outage = set()
        for span in self.scenario.get("outages") or []:
            self.outage.update(range(span["start_step"], min(span["end_step"], self.steps)))
        self.events = self.scenario.get("events") or []

    def trips(self):
        """(ev, depart, return, wh, booked) of all that really happens."""
        sudden = [(e["ev"], e["start_step"], e["end_step"], e.get("trip_wh", 0), False)
                  for e in self.events if e["kind"] == "ev_departure"]
        booked = [(b["ev"], b["depart_step"], b["return_step"], b["trip_wh"], True)
                  for b in self.scenario.get("ev_bookings") or []]
        kept = [b for b in booked
                if not any(s[0] == b[0] and s[1] < b[2] and b[1] < s[2] for s in sudden)]
        return [trip for trip in kept + sudden if trip[0] in self.storages]

    def stuck(self):
        """{(step, home, circuit): state}; later events win."""
        found = {}
        for event in self.events:
            if event["kind"] == "relay_stuck":
                state = event["state"] in (True, "on", 1)
                for t in range(event["start_step"], min(event["end_step"], self.steps)):
                    found[t, event["home"], event["circuit"]] = state
        return found


class Commands:
    """The rows of a result CSV, by step."""

    def __init__(self, path, case):
        self.by_step = defaultdict(list)
        self.claims = {}
        self.bad = 0
        known = {f"{home}.{circuit}" for home in case.homes for circuit in CIRCUITS}
        last = 0
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            text = file.read()
        lines = text.split("\n")[1:]
        if lines and lines[-1] == "":
            lines.pop()
        for line in lines:
            parts = line.rstrip("\r").split(",")
            if len(parts) != 3 or not re.fullmatch(r"\d+", parts[0]) \
                    or not NUMBER.match(parts[2]):
                self.bad += 1
                continue
            step, name, value = int(parts[0]), parts[1], float(parts[2])
            if step >= case.steps or step < last or not math.isfinite(value):
                self.bad += 1
            elif name.startswith("claim."):
                self.claims[step, name[6:]] = value
                last = step
            elif name == "pv" or name in case.storages or (name in known and
                                                          value in (0, 1)):
                self.by_step[step].append((name, value))
                last = step
            else:
                self.bad += 1


class World:
    """What there is: relays, tanks, batteries, and the time each may act again."""

    def __init__(self, case):
        self.case = case
        start = case.scenario["initial_soc"]
        self.energy = {s: start[s] * d["capacity_wh"] for s, d in case.storages.items()}
        self.away = set()
        self.relay = {(h, c): (True, -math.inf) for h in case.homes for c in CIRCUITS}
        self.debt = dict.fromkeys(case.homes, 0.0)
        self.breaker_open_until = dict.fromkeys(case.homes, 0)
        self.dark_until = 0
        self.stuck = case.stuck()
        self.count = defaultdict(int)
        self.changes = defaultdict(int)
        self.orders = defaultdict(float)
        self.wanted = dict.fromkeys(self.relay, True)
        self.pv_limit = -1.0

    def obey(self, rows):
        for name, value in rows:
            if name == "pv":
                self.pv_limit = value
            elif name in self.energy:
                self.orders[name] = value
            else:
                home, circuit = name.split(".")
                self.wanted[int(home), circuit] = value == 1

    def drive(self, step):
        for ev, _, back, used, _ in self.case.trips():
            if back == step:
                capacity = self.case.storages[ev]["capacity_wh"]
                self.energy[ev] = max(self.energy[ev] - used, 0.05 * capacity)
                self.away.discard(ev)
        for ev, leaves, _, _, booked in self.case.trips():
            if leaves == step and ev not in self.away:
                data = self.case.storages[ev]
                due = data["soc_depart"] if booked else data["soc_reserve"]
                self.count["departures"] += 1
                if self.energy[ev] / data["capacity_wh"] < due - 1e-9:
                    self.count["let_down"] += 1
                self.away.add(ev)

    def switch(self, step):
        classes = self.case.community["circuit_classes"]
        for key, (closed, since) in self.relay.items():
            rule = classes[key[1]]
            lasted = (step - since) * self.case.step_s
            target = self.wanted[key]
            if target and not closed and lasted < rule["min_off_s"]:
                self.count["lock_outs"] += 1
                target = False
            target = self.stuck.get((step, *key), target)
            if target != closed:
                if closed and lasted < rule["min_on_s"]:
                    self.count["early_offs"] += 1
                self.changes[key] += 1
                self.relay[key] = (target, step)

    def demand(self, step):
        """{(home, circuit): W} of what is switched on; the tanks' debts grow here."""
        heater = self.case.community["circuit_classes"]["deferrable"]
        want = {}
        for home in self.case.homes:
            load = self.case.profile[step, home]
            self.debt[home] = min(heater["tank_wh"],
                                  self.debt[home] + load["deferrable"] * self.case.hours)
            for circuit in CIRCUITS:
                watts = load[circuit]
                if circuit == "deferrable":
                    watts = min(heater["rated_w"], self.debt[home] / self.case.hours)
                want[home, circuit] = watts if self.relay[home, circuit][0] else 0.0
        return want

    def limits(self):
        """{storage: (most charge, most discharge)} as positive W."""
        found = {}
        for name, data in self.case.storages.items():
            size, now = data["capacity_wh"], self.energy[name]
            if name in self.away:
                found[name] = 0.0, 0.0
                continue
            out = min(data["max_discharge_w"],
                      (now - data["soc_min"] * size) * data["eta_discharge"] / self.case.hours)
            into = min(data["max_charge_w"],
                       (data["soc_max"] * size - now) / (data["eta_charge"] * self.case.hours))
            found[name] = max(0.0, into), max(0.0, out)
        return found


def clipped(world, limits, name):
    into, out = limits[name]
    return max(-into, min(out, world.orders[name]))


def scale(power, names, factor):
    for name in names:
        power[name] *= factor


def with_grid(world, want, limits, pv):
    """Served, storage power and PV used while the grid is up."""
    network = world.case.community["network"]
    world.dark_until = 0
    power = {name: clipped(world, limits, name) for name in limits}
    load = sum(want.values())
    surplus = pv + sum(power.values()) - load - network["grid_export_limit_w"]
    if surplus > 0:
        cut = min(pv, surplus)
        pv -= cut
        giving = [n for n in power if power[n] > 0]
        total = sum(power[n] for n in giving)
        if total > 0:
            scale(power, giving, max(0.0, 1 - (surplus - cut) / total))
    excess = load - pv - sum(power.values()) - network["grid_import_limit_w"]
    taking = [n for n in power if power[n] < 0]
    if excess > 0 and taking:
        total = -sum(power[n] for n in taking)
        scale(power, taking, max(0.0, 1 - excess / total))
    return want, power, pv


def breakers(world, step, want):
    """What is left of the demand behind main breakers that hold."""
    served = dict.fromkeys(want, 0.0)
    for home, data in world.case.homes.items():
        if step < world.breaker_open_until[home]:
            continue
        if sum(want[home, c] for c in CIRCUITS) > data["service_limit_w"] + TINY:
            world.breaker_open_until[home] = step + 4
            world.count["home_trips"] += 1
            continue
        for circuit in CIRCUITS:
            served[home, circuit] = want[home, circuit]
    return served


def island(world, step, want, limits, pv):
    """The same for an island; None: dark."""
    case = world.case
    network = case.community["network"]
    if step < world.dark_until:
        return None
    served = breakers(world, step, want)
    load = sum(served.values())
    forming = [n for n, d in case.storages.items() if d["role"] == "grid_forming"]
    power = {n: clipped(world, limits, n) for n in limits}
    if case.variant == "A":
        for name in forming:
            power[name] = 0.0
    lack = load - pv - sum(power.values())
    room = {n: (limits[n][1] - power[n]) if lack > 0 else (limits[n][0] + power[n])
            for n in forming}
    total = sum(room.values())
    if load > network["max_island_load_w"] + TINY or (lack > 0 and lack > total + TINY):
        world.count["collapses"] += 1
        world.dark_until = step + 1 + math.ceil(network["restart_penalty_s"] / case.step_s
                                                - 1e-9)
        return None
    moved = min(abs(lack), total)
    if total > 0:
        for name in forming:
            power[name] += math.copysign(moved * room[name] / total, lack)
    if lack < 0:
        spare = -lack - moved
        cut = min(pv, spare)
        pv -= cut
        cars = [n for n in power if power[n] > 0 and n not in forming]
        giving = sum(power[n] for n in cars)
        if spare > cut and giving > 0:
            scale(power, cars, max(0.0, 1 - (spare - cut) / giving))
    return served, power, pv


class Sums:
    """The metrics, step by step."""

    def __init__(self, case):
        self.case = case
        self.served = defaultdict(float)
        self.demanded = defaultdict(float)
        self.lit = defaultdict(int)
        self.first_loss = None
        self.grid_demand = self.grid_unserved = 0.0
        self.dark = 0
        self.worst_claim = 0.0

    def add(self, step, served):
        case = self.case
        for home in case.homes:
            load = case.profile[step, home]
            for circuit in CIRCUITS:
                got = served[home, circuit]
                if step in case.outage:
                    self.served[home, circuit] += got * case.hours
                    self.demanded[home, circuit] += load[circuit] * case.hours
                elif circuit != "deferrable":
                    self.grid_demand += load[circuit] * case.hours
                    self.grid_unserved += (load[circuit] - got) * case.hours
            if step in case.outage:
                if served[home, "critical"] >= load["critical"] - TINY:
                    self.lit[home] += 1
                elif self.first_loss is None:
                    self.first_loss = step

    def compare(self, claims, step, facts):
        """The largest difference, in W or in shares of 1e6."""
        for name, value in facts.items():
            if (step, name) in claims:
                weight = 1e6 if name.endswith(".soc") else 1.0
                self.worst_claim = max(self.worst_claim,
                                       weight * abs(claims[step, name] - value))

    def by_class(self):
        energy = dict.fromkeys(CIRCUITS, 0.0)
        demand = dict.fromkeys(CIRCUITS, 0.0)
        for home in self.case.homes:
            for circuit in CIRCUITS:
                got, asked = self.served[home, circuit], self.demanded[home, circuit]
                energy[circuit] += (min(got, asked) if circuit == "deferrable" else got) / 1e3
                demand[circuit] += asked / 1e3
        return energy, demand

    def shares(self):
        found = {}
        for home in self.case.homes:
            asked = sum(self.demanded[home, c] for c in CIRCUITS[:2])
            got = sum(self.served[home, c] for c in CIRCUITS[:2])
            found[home] = got / asked if asked > 0 else 1.0
        return found


def bound_of(path, case):
    if not path or not os.path.exists(path):
        return None
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["scenario"] == case.scenario["name"] and \
                    row["variant"].upper() == case.variant:
                return row
    return None


def percent(part, whole):
    return 100 * part / whole if whole > 0 else 100.0


def judge(case, world, sums, bound):
    weight = {c: case.community["circuit_classes"][c]["weight"] for c in CIRCUITS}
    energy, demand = sums.by_class()
    weighted = sum(weight[c] * energy[c] for c in CIRCUITS)
    best = bound and {c: float(bound[c + "_kwh"]) for c in CIRCUITS}
    rest = CIRCUITS[1:]
    best_rest = best and sum(weight[c] * best[c] for c in rest)
    medical = [h for h, d in case.homes.items() if d.get("medical")]
    shares = sums.shares()
    squares = sum(x * x for x in shares.values())
    worst = min(shares, key=shares.get)
    days = case.steps * case.hours / 24
    order = [(h, c) for h in case.homes for c in CIRCUITS]
    busiest = max(order, key=lambda key: world.changes[key])
    unserved = 100 * sums.grid_unserved / sums.grid_demand if sums.grid_demand > 0 else 0.0
    return {
        "energy_kwh": energy,
        "demand_kwh": demand,
        "weighted_kwh": weighted,
        "bound_weighted_kwh": float(bound["weighted_kwh"]) if bound else None,
        "fraction": weighted / float(bound["weighted_kwh"]) if bound else None,
        "fraction_nc": (sum(weight[c] * energy[c] for c in rest) / best_rest
                        if best_rest else None),
        "critical_percent": percent(energy["critical"], demand["critical"]),
        "critical_time_percent": percent(sum(sums.lit.values()),
                                         len(case.outage) * len(case.homes)),
        "medical_percent": percent(sum(sums.served[h, "critical"] for h in medical),
                                   sum(sums.demanded[h, "critical"] for h in medical))
        if medical else None,
        "first_critical_loss_step": sums.first_loss,
        "collapses": world.count["collapses"],
        "dark_steps": sums.dark,
        "home_trips": world.count["home_trips"],
        "fairness": sum(shares.values()) ** 2 / (len(shares) * squares) if squares else 0.0,
        "worst_home": worst,
        "worst_home_share": shares[worst],
        "switches_per_circuit_day": sum(world.changes.values()) / len(order) / days,
        "worst_circuit": "%d.%s" % busiest,
        "worst_circuit_switches_per_day": world.changes[busiest] / days,
        "early_offs": world.count["early_offs"],
        "lock_outs": world.count["lock_outs"],
        "ev_departures": world.count["departures"],
        "ev_let_down": world.count["let_down"],
        "ev_below_reserve_steps": world.count["below_reserve"],
        "grid_unserved_percent": unserved,
        "rankable": world.count["below_reserve"] == 0 and unserved <= 1,
    }


def one_step(case, world, sums, commands, step):
    world.obey(commands.by_step.get(step, ()))
    world.drive(step)
    world.switch(step)
    want = world.demand(step)
    limits = world.limits()
    pv = min(sum(case.profile[step, home]["pv"] for home in case.homes),
             case.community["network"]["pv_limit_w"])
    if world.pv_limit >= 0:
        pv = min(pv, world.pv_limit)
    outcome = island(world, step, want, limits, pv) if step in case.outage \
        else with_grid(world, want, limits, pv)
    sums.dark += outcome is None
    is_dark = outcome is None
    served, power, pv = outcome or (dict.fromkeys(want, 0.0), dict.fromkeys(limits, 0.0), 0.0)
    for home in case.homes:
        world.debt[home] -= served[home, "deferrable"] * case.hours
    facts = {"load_w": sum(served.values()), "pv_w": pv, "island_dark": float(is_dark)}
    for name, data in case.storages.items():
        watts = power[name]
        eta = 1 / data["eta_discharge"] if watts > 0 else data["eta_charge"]
        world.energy[name] -= watts * eta * case.hours
        soc = world.energy[name] / data["capacity_wh"]
        if data["kind"] == "ev" and watts > 0 and soc < data["soc_reserve"] - 1e-9:
            world.count["below_reserve"] += 1
        facts[name + ".soc"], facts[name + ".p_w"] = soc, watts
    sums.add(step, served)
    sums.compare(commands.claims, step, facts)


def evaluate(community, scenario, result, bounds=None):
    case = Case(community, scenario)
    commands = Commands(result, case)
    world, sums = World(case), Sums(case)
    for step in range(case.steps):
        one_step(case, world, sums, commands, step)
    bounds = bounds or os.path.join(case.folder, "bounds.csv")
    found = judge(case, world, sums, bound_of(bounds, case))
    found.update(bad_rows=commands.bad, claims=len(commands.claims),
                 worst_claim_error=sums.worst_claim, scenario=case.scenario["name"],
                 community=case.community["name"], variant=case.variant.lower())
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--community", required=True)
    parser.add_argument("--scenario", required=True)
    parser.add_argument("--bounds", help="default: bounds.csv beside the scenario")
    parser.add_argument("result")
    options = parser.parse_args()
    print(json.dumps(evaluate(options.community, options.scenario, options.result,
                              options.bounds), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
