#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the project's own scenario: six invented homes, 30 hours, two outages, every fault.

    synthetic.py [FOLDER]        default: conf/examples/scenario

All curves are formulas and a seeded generator; nothing in it was measured. The files are in
the tree, a test checks that this program still makes exactly them.
"""
import math
import os
import random
import sys

STEP_S, STEPS, START_H, OFFSET_H = 300, 360, 15.0, 9
HOMES = (11, 12, 13, 14, 15, 16)
WP = {home: 3600 + 240 * i for i, home in enumerate(HOMES)}
HEADER = "step,home,critical_w,essential_w,comfort_w,deferrable_w,heavy_w,pv_w\n"


def hour_of(step):
    return (START_H + step * STEP_S / 3600) % 24


def bump(hour, at, width):
    away = min(abs(hour - at), 24 - abs(hour - at))
    return math.exp(-(away / width) ** 2)


def sky(step):
    """Share of the clear sky that comes through; the second day is poor."""
    day = (START_H + step * STEP_S / 3600) // 24
    return (0.75, 0.35, 0.6, 0.5)[int(day) % 4] + 0.15 * math.sin(step / 7)


def clear_w(step, home):
    height = math.sin(math.pi * (hour_of(step) - 6.2) / 11.6)
    return 0.8 * WP[home] * max(0.0, height) if 6.2 < hour_of(step) < 17.8 else 0.0


def loads(step, home, rng):
    hour, i = hour_of(step), HOMES.index(home)
    lights = 70 if 17 <= hour < 23 or 5.5 <= hour < 7.5 else 0
    noise = [0.7 + 0.6 * rng.random() for _ in range(4)]
    critical = 60 + 8 * i + lights + (110 if home == 13 else 0)
    essential = (90 + 170 * bump(hour, 19, 2) + 120 * bump(hour, 7, 1)) * noise[0]
    comfort = (60 + 320 * bump(hour, 20, 2.5) + 25 * i) * noise[1]
    bath = (30 + 330 * bump(hour, 20 + i / 4, 1) + 110 * bump(hour, 6.5, 0.8)) * noise[2]
    peak = rng.random() < (0.30 if 17 < hour < 22 else 0.08)
    heavy = (900 + 350 * i) * noise[3] if peak else 0
    if home == 16 and 84 <= step < 108:
        heavy += 3000                    # a car at the wall box, over the service limit
    return [critical, essential, comfort, bath, heavy]


def cell(step, home):
    rng = random.Random(1000 * home + step + 500)
    watts = loads(step, home, rng)
    watts.append(clear_w(step, home) * sky(step) * (0.9 + 0.2 * rng.random()))
    return watts


def row(step, home, watts):
    return "%d,%d,%s\n" % (step, home, ",".join("%d" % round(w) for w in watts))


def profiles():
    return HEADER + "".join(row(t, h, cell(t, h)) for t in range(STEPS) for h in HOMES)


def history():
    text = HEADER
    for start in range(-288, 0, 6):
        for home in HOMES:
            cells = [cell(t, home) for t in range(start, start + 6)]
            text += row(start, home, [sum(column) / 6 for column in zip(*cells)])
    return text


def forecast():
    text = "issue_step,target_step,p10_w,p50_w,p90_w\n"
    for issue in range(0, STEPS, 72):
        rng = random.Random(issue + 7)
        error = 0.0
        for lead in range(0, 576, 6):
            clear = sum(clear_w(t, h) for t in range(issue + lead, issue + lead + 6)
                        for h in HOMES) / 6
            spread = 0.22 * (0.35 + 0.65 * min(1, lead / 288))
            error = 0.8 * error + 0.6 * rng.gauss(0, 1)
            p50 = max(0, min(clear, clear * (sky(issue + lead) + spread * error)))
            width = 1.28 * spread * clear
            text += "%d,%d,%d,%d,%d\n" % (issue, issue + lead, max(0, p50 - width), p50,
                                          min(clear, p50 + width))
    return text


def storage(name, kind, home, size, watts, reserve, depart):
    role = "grid_forming" if kind == "battery" else "grid_following"
    return (f"- {{id: {name}, kind: {kind}, role: {role}, home: {home}, capacity_wh: {size}, "
            f"soc_min: 0.1, soc_max: 1.0,\n  soc_reserve: {reserve}, soc_depart: {depart}, "
            f"max_charge_w: {watts}, max_discharge_w: {watts}, eta_charge: 0.95, "
            f"eta_discharge: 0.94}}\n")


def community(variant):
    text = f"""# SPDX-License-Identifier: Apache-2.0
# An invented community for tests and as an example; docs/scenario-format.md explains the keys.
name: Example community, {'one battery' if variant == 'A' else 'home batteries'}
variant: {variant}
step_s: {STEP_S}
network: {{grid_import_limit_w: 22000, grid_export_limit_w: 0, max_island_load_w: 16000,
  pv_limit_w: 19000, restart_penalty_s: 900, freq_nominal_hz: 50.0, freq_soc_slope_hz: 1.0}}
circuit_classes:
  critical: {{priority: 1, weight: 100, min_on_s: 0, min_off_s: 0}}
  essential: {{priority: 2, weight: 10, min_on_s: 300, min_off_s: 300}}
  comfort: {{priority: 3, weight: 3, min_on_s: 300, min_off_s: 300}}
  deferrable: {{priority: 4, weight: 1, min_on_s: 600, min_off_s: 600, rated_w: 400, tank_wh: 1600}}
  heavy: {{priority: 5, weight: 1, min_on_s: 600, min_off_s: 600}}
homes:
"""
    for home in HOMES:
        cells = [cell(t, home) for t in range(STEPS)]
        mean = ", ".join("%d" % (sum(c[k] for c in cells) / STEPS) for k in range(5))
        text += (f"- {{id: {home}, pv_wp: {WP[home]}, service_limit_w: "
                 f"{5000 if home == 16 else 6000}, medical: {str(home == 13).lower()},\n"
                 f"  home_ev_charger: {str(home == 16).lower()}, mean_w: [{mean}]}}\n")
    text += "storages:\n"
    if variant == "A":
        text += storage("BAT1", "battery", 0, 10000, 9000, 0.1, 0)
    else:
        text += storage("HB01", "battery", 11, 4000, 3000, 0.1, 0)
        text += storage("HB02", "battery", 13, 3000, 2500, 0.1, 0)
        text += storage("HB03", "battery", 14, 4000, 3500, 0.1, 0)
    return (text + storage("EV1", "ev", 0, 30000, 6000, 0.3, 0.6)
            + storage("EV2", "ev", 0, 24000, 3000, 0.3, 0.5))


SCENARIO = """# SPDX-License-Identifier: Apache-2.0
# Made by tests/scenario/synthetic.py; docs/scenario-format.md explains the keys.
name: storm30
description: a storm of 30 h in an invented community, an outage of 1 h and one of 20 h, every kind of fault
start_utc: '2026-09-14T06:00:00Z'
timezone_offset_h: 9
step_s: 300
steps: 360
communities: [community-a.yaml, community-b.yaml]
profiles: profiles-storm30.csv
history: history-storm30.csv
pv_forecast: forecast-storm30.csv
outages:
- {start_step: 24, end_step: 36}
- {start_step: 72, end_step: 312}
restoration_estimates:
- {issue_step: 24, end_step: 60}
- {issue_step: 72, end_step: 180}
- {issue_step: 160, end_step: 300}
initial_soc: {BAT1: 0.7, HB01: 0.8, HB02: 0.55, HB03: 0.65, EV1: 0.68, EV2: 0.45}
ev_bookings:
- {ev: EV1, depart_step: 200, return_step: 236, trip_wh: 5200}
- {ev: EV2, depart_step: 100, return_step: 130, trip_wh: 2500}
events:
- {kind: coordinator_down, start_step: 120, end_step: 150}
- {kind: messages_lost, probability: 0.1, start_step: 0, end_step: 360}
- {kind: meter_fault, home: 12, circuit: heavy, mode: stuck, start_step: 80, end_step: 140}
- {kind: meter_fault, home: 14, circuit: comfort, mode: x3, start_step: 90, end_step: 200}
- {kind: meter_fault, home: 15, circuit: essential, mode: zero, start_step: 60, end_step: 130}
- {kind: meter_fault, home: 0, circuit: pv, mode: stuck, start_step: 210, end_step: 230}
- {kind: relay_stuck, home: 11, circuit: heavy, state: 'on', start_step: 74, end_step: 110}
- {kind: relay_stuck, home: 15, circuit: comfort, state: 'off', start_step: 20, end_step: 50}
- {kind: ev_departure, ev: EV2, start_step: 110, end_step: 160, trip_wh: 3000}
"""


def files():
    return {"community-a.yaml": community("A"), "community-b.yaml": community("B"),
            "scenario-storm30.yaml": SCENARIO, "profiles-storm30.csv": profiles(),
            "history-storm30.csv": history(), "forecast-storm30.csv": forecast()}


def main():
    default = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                           "../../conf/examples/scenario")
    folder = sys.argv[1] if len(sys.argv) > 1 else default
    os.makedirs(folder, exist_ok=True)
    for name, text in files().items():
        with open(os.path.join(folder, name), "w", encoding="utf-8", newline="") as file:
            file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
