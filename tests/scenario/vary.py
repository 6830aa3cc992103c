#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes harder cases out of a scenario: other homes, other weather, wrong forecasts, faults.

    vary.py --scenario FILE --out FOLDER [--seed N] [KIND...]      default: all kinds
    vary.py --list

Writes FOLDER/KIND/ with the scenario, its CSV files and bounds.csv, ready for gatewayctl
simulate with the original community. Kinds that leave the community's sums as they are keep
the scenario's name, so that its bound still holds; the others have no bound.
"""
import argparse
import csv
import os
import pathlib
import random
import shutil
import sys

import yaml

HEADER = ["step", "home", "critical_w", "essential_w", "comfort_w", "deferrable_w", "heavy_w",
          "pv_w"]
CIRCUITS = ("critical", "essential", "comfort", "deferrable", "heavy")


class Variant:
    """A scenario in memory; a kind changes it, save() writes it."""

    def __init__(self, path, seed, kind):
        self.folder = pathlib.Path(path).parent
        self.file = pathlib.Path(path).name
        with open(path, encoding="utf-8") as file:
            self.data = yaml.safe_load(file)
        self.rng = random.Random(f"{self.data['name']} {kind} {seed}")
        self.profiles = self.read("profiles")
        self.history = self.read("history")
        self.forecast = self.read("pv_forecast")
        self.homes = sorted({row[1] for row in self.profiles})
        self.steps = self.data["steps"]
        for key in ("events", "ev_bookings", "restoration_estimates"):
            self.data[key] = self.data.get(key) or []

    def read(self, key):
        with open(self.folder / self.data[key], encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            next(rows)
            return [[int(float(value)) for value in row] for row in rows]

    def rename(self, kind):
        self.data["name"] += "+" + kind

    def event(self, kind, start, end, **more):
        self.data["events"].append({"kind": kind, "start_step": max(0, int(start)),
                                    "end_step": min(int(end), self.steps), **more})

    def some(self, share):
        return self.rng.sample(self.homes, max(1, round(share * len(self.homes))))

    def outages(self):
        return self.data.get("outages") or [{"start_step": 0, "end_step": self.steps}]

    def scale_pv(self, factor):
        """A function of the step that multiplies the true PV."""
        for row in self.profiles:
            row[7] = round(row[7] * factor(row[0]))

    def save(self, folder):
        os.makedirs(folder, exist_ok=True)
        for key, header, rows in (
                ("profiles", HEADER, self.profiles), ("history", HEADER, self.history),
                ("pv_forecast", ["issue_step", "target_step", "p10_w", "p50_w", "p90_w"],
                 self.forecast)):
            with open(folder / self.data[key], "w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(header)
                writer.writerows(rows)
        with open(folder / self.file, "w", encoding="utf-8") as file:
            yaml.safe_dump(self.data, file, sort_keys=False)
        if (self.folder / "bounds.csv").exists():
            shutil.copyfile(self.folder / "bounds.csv", folder / "bounds.csv")
        return folder / self.file


def homes_permuted(v):
    order = list(v.homes)
    v.rng.shuffle(order)
    new = dict(zip(v.homes, order))
    for rows in (v.profiles, v.history):
        for row in rows:
            row[1] = new[row[1]]
        rows.sort(key=lambda row: (row[0], row[1]))


def demand_high(v):
    v.rename("demand_high")
    for row in v.profiles:
        row[3:7] = [round(1.25 * w) for w in row[3:7]]


def demand_uneven(v):
    """A third of the homes wants half as much again, a third a half less."""
    v.rename("demand_uneven")
    factor = {home: v.rng.choice((0.5, 1.0, 1.5)) for home in v.homes}
    for row in v.profiles:
        row[2:7] = [round(factor[row[1]] * w) for w in row[2:7]]


def weather_poor(v):
    v.rename("weather_poor")
    v.scale_pv(lambda step: 0.6)


def weather_dark(v):
    """Nearly no sun, forecast and all."""
    v.rename("weather_dark")
    v.scale_pv(lambda step: 0.1)
    for row in v.forecast:
        row[2:] = [round(0.1 * w) for w in row[2:]]


def weather_bright(v):
    v.rename("weather_bright")
    v.scale_pv(lambda step: 1.3)


def weather_turns(v):
    """Good until the middle, poor from there; the forecast knows nothing of it."""
    v.rename("weather_turns")
    v.scale_pv(lambda step: 1.1 if step < v.steps // 2 else 0.4)


def weather_late(v):
    """The sun comes an hour later than forecast."""
    v.rename("weather_late")
    n = len(v.homes)
    pv = [row[7] for row in v.profiles]
    for i, row in enumerate(v.profiles):
        row[7] = pv[i - 12 * n] if i >= 12 * n else 0


def true_half_hour(v, target):
    n = len(v.homes)
    rows = v.profiles[target * n:(target + 6) * n]
    return sum(row[7] for row in rows) / 6 if len(rows) == 6 * n else None


def forecast_doubled(v):
    """Twice the error of every forecast."""
    for row in v.forecast:
        truth = true_half_hour(v, row[1])
        if truth is not None:
            error = row[3] - truth
            row[2:] = [max(0, round(w + error)) for w in row[2:]]


def forecast_high(v):
    for row in v.forecast:
        row[2:] = [round(1.5 * w) for w in row[2:]]


def forecast_low(v):
    for row in v.forecast:
        row[2:] = [round(0.5 * w) for w in row[2:]]


def forecast_none(v):
    v.forecast = v.forecast[:1]


def meters(v, share, mode, circuits=CIRCUITS):
    for home in v.some(share):
        for circuit in v.rng.sample(circuits, min(2, len(circuits))):
            start = v.rng.randrange(v.steps * 2 // 3)
            v.event("meter_fault", start, start + v.steps // 3, home=home, circuit=circuit,
                    mode=mode)


def meters_stuck(v):
    meters(v, 0.2, "stuck")


def meters_triple(v):
    meters(v, 0.2, "x3")


def meters_zero(v):
    meters(v, 0.2, "zero")


def meter_pv(mode):
    def kind(v):
        v.event("meter_fault", v.steps // 6, v.steps * 5 // 6, home=0, circuit="pv", mode=mode)
    return kind


def relays_on(v):
    """Heavy and comfort circuits that do not go off."""
    for home in v.some(0.15):
        start = v.rng.randrange(v.steps // 2)
        v.event("relay_stuck", start, start + v.steps // 3, home=home,
                circuit=v.rng.choice(("heavy", "comfort", "deferrable")), state="on")


def relays_off(v):
    for home in v.some(0.1):
        start = v.rng.randrange(v.steps // 2)
        v.event("relay_stuck", start, start + v.steps // 4, home=home,
                circuit=v.rng.choice(("essential", "comfort", "heavy")), state="off")


def evs(v):
    return sorted({name for name in v.data["initial_soc"] if name.upper().startswith("EV")})


def ev_leaves(v):
    """Every EV is gone for hours, unannounced, soon after the longest outage began."""
    longest = max(v.outages(), key=lambda o: o["end_step"] - o["start_step"])
    v.data["events"] = [e for e in v.data["events"] if e["kind"] != "ev_departure"]
    for i, name in enumerate(evs(v)):
        start = longest["start_step"] + 6 + 30 * i
        v.event("ev_departure", start, start + 72, ev=name, trip_wh=6000)


def ev_gone(v):
    v.data["events"] = [e for e in v.data["events"] if e["kind"] != "ev_departure"]
    for name in evs(v):
        v.event("ev_departure", 1, v.steps, ev=name, trip_wh=0)


def estimate_early(v):
    """Every announcement promises the grid for two hours later, again and again."""
    v.data["restoration_estimates"] = [
        {"issue_step": t, "end_step": t + 24} for o in v.outages()
        for t in range(o["start_step"], o["end_step"], 24)]


def estimate_late(v):
    v.data["restoration_estimates"] = [
        {"issue_step": o["start_step"], "end_step": o["end_step"] + 864}
        for o in v.outages()]


def estimate_none(v):
    v.data["restoration_estimates"] = []


def soc_low(v):
    v.rename("soc_low")
    low = v.data["initial_soc"]
    for name in low:
        low[name] = max(0.3 if name in evs(v) else 0.15, round(low[name] * 0.5, 3))


def soc_uneven(v):
    v.rename("soc_uneven")
    low = v.data["initial_soc"]
    for name in low:
        low[name] = round(v.rng.uniform(0.3 if name in evs(v) else 0.12, 1.0), 3)


def coordinator_windows(v):
    """Down for two hours in every eight."""
    for start in range(12, v.steps, 96):
        v.event("coordinator_down", start, start + 24)


def coordinator_dies(v):
    """Down from the middle of the longest outage to the end."""
    longest = max(v.outages(), key=lambda o: o["end_step"] - o["start_step"])
    v.event("coordinator_down", (longest["start_step"] + longest["end_step"]) // 2, v.steps)


def messages_lost(probability):
    def kind(v):
        v.event("messages_lost", 0, v.steps, probability=probability)
    return kind


def flicker(v):
    """The grid comes and goes: 1 h out, 20 min back."""
    v.rename("flicker")
    v.data["outages"] = [{"start_step": t, "end_step": min(t + 12, v.steps)}
                         for t in range(6, v.steps - 1, 16)]
    v.data["restoration_estimates"] = []


def all_at_once(v):
    for kind in (homes_permuted, forecast_doubled, meters_stuck, meters_triple, relays_on,
                 relays_off, estimate_early, coordinator_windows, messages_lost(0.2)):
        kind(v)


KINDS = {
    "homes_permuted": homes_permuted, "demand_high": demand_high,
    "demand_uneven": demand_uneven, "weather_poor": weather_poor,
    "weather_dark": weather_dark, "weather_bright": weather_bright,
    "weather_turns": weather_turns, "weather_late": weather_late,
    "forecast_doubled": forecast_doubled, "forecast_high": forecast_high,
    "forecast_low": forecast_low, "forecast_none": forecast_none,
    "meters_stuck": meters_stuck, "meters_triple": meters_triple, "meters_zero": meters_zero,
    "pv_meter_stuck": meter_pv("stuck"), "pv_meter_triple": meter_pv("x3"),
    "pv_meter_zero": meter_pv("zero"),
    "relays_on": relays_on, "relays_off": relays_off, "ev_leaves": ev_leaves,
    "ev_gone": ev_gone, "estimate_early": estimate_early, "estimate_late": estimate_late,
    "estimate_none": estimate_none, "soc_low": soc_low, "soc_uneven": soc_uneven,
    "coordinator_windows": coordinator_windows, "coordinator_dies": coordinator_dies,
    "messages_lost_10": messages_lost(0.1), "messages_lost_50": messages_lost(0.5),
    "flicker": flicker, "all_at_once": all_at_once,
}


def vary(scenario, kind, seed, out):
    """Writes one variant; its scenario file's path."""
    variant = Variant(scenario, seed, kind)
    KINDS[kind](variant)
    return variant.save(pathlib.Path(out) / kind)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--list", action="store_true", help="the kinds there are")
    parser.add_argument("--scenario")
    parser.add_argument("--out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    options = parser.parse_args()
    if options.list:
        print("\n".join(KINDS))
        return 0
    unknown = [kind for kind in options.kinds if kind not in KINDS]
    if unknown or not options.scenario or not options.out:
        parser.error(f"no such kind: {unknown[0]}" if unknown
                     else "--scenario and --out are needed")
    for kind in options.kinds or KINDS:
        print(vary(options.scenario, kind, options.seed, options.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
