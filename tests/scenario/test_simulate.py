#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""gatewayctl simulate against the second implementation of its rules (evaluate.py): every
metric to 1e-6, for the baselines and for random commands, on the example scenario and,
where they are (GATEWAYD_SCENARIOS, or ../shared/scenarios beside the sources), on the
public ones."""
import html.parser
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ.get("GATEWAYD_SRC") or
                      pathlib.Path(__file__).resolve().parents[2])
BUILD = pathlib.Path(os.environ.get("GATEWAYD_BUILD") or SOURCE)
sys.path.insert(0, str(SOURCE / "tests/scenario"))

import evaluate       # noqa: E402
import synthetic      # noqa: E402
import vary           # noqa: E402

CTL = BUILD / "gatewayctl/gatewayctl"
EXAMPLE = SOURCE / "conf/examples/scenario"
OWN = ("scenario", "community", "claims", "worst_claim_error")


def simulate(folder, scenario, variant, *options):
    done = subprocess.run(
        [CTL, "simulate", "--json", "--community", folder / f"community-{variant}.yaml",
         "--scenario", folder / f"scenario-{scenario}.yaml", *options],
        stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode in (0, 1), f"exit {done.returncode}"
    found = json.loads(done.stdout)
    bad = (found["collapses"] or found["ev_let_down"] or not found["rankable"]
           or found["critical_percent"] < 99.5)
    assert done.returncode == bool(bad), f"exit {done.returncode} for {found}"
    return found


def simulate_any(folder, scenario, variant, *options):
    done = subprocess.run(
        [CTL, "simulate", "--community", folder / f"community-{variant}.yaml",
         "--scenario", folder / f"scenario-{scenario}.yaml", *options],
        stdout=subprocess.DEVNULL, check=False)
    assert done.returncode in (0, 1), f"exit {done.returncode}"


def near(a, b):
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return abs(a - b) <= 1e-6 * max(1, abs(a), abs(b))
    return a == b


def compare(where, first, second):
    for key, value in first.items():
        if key in OWN:
            continue
        pairs = [(key, value, second[key])]
        if isinstance(value, dict):
            pairs = [(f"{key}.{k}", v, second[key][k]) for k, v in value.items()]
        for name, a, b in pairs:
            assert near(a, b), f"{where}: {name}: {a} here, {b} there"


def judge(folder, scenario, variant, result):
    return evaluate.evaluate(folder / f"community-{variant}.yaml",
                             str(folder / f"scenario-{scenario}.yaml"), result)


def both_agree_on_controllers(folder, scenario, variant, result):
    for options in (["--controller", "thresholds"], ["--controller", "all-on"],
                    [], ["--no-coordinator"]):
        here = simulate(folder, scenario, variant, "--out", result, *options)
        there = judge(folder, scenario, variant, result)
        where = f"{scenario} {variant} {options}"
        compare(where, here, there)
        assert there["bad_rows"] == 0 and there["claims"] > 0, where
        assert there["worst_claim_error"] < 1e-5, f"{where}: {there['worst_claim_error']}"
        compare(where + " replayed", simulate(folder, scenario, variant, "--replay", result),
                there)


GARBAGE = ("", "7", "x,1.heavy,1", "-3,1.heavy,1", "1,1.heavy,2", "1,999.heavy,1",
           "1,1.kettle,1", "1,BAT9,5", "5,pv,nan", "5,pv,0x10", "9,pv,1,2", "2,pv,1e999",
           "99999,pv,1", "0,pv,", "3,claim.load_w,?", "1,01.heavy,1", "\xe4,pv,1")


def random_rows(case, rng):
    """Relays and set-points at random, in moods: mostly on, mostly off, in between."""
    rows, step = [], 0
    relays = [f"{h}.{c}" for h in case.homes for c in evaluate.CIRCUITS]
    share = rng.choice((0.02, 0.1, 0.3))
    while step < case.steps:
        mood = rng.choice((0.05, 0.2, 0.5, 0.95))
        for name in relays:
            if rng.random() < share:
                keep = name.endswith("critical") and rng.random() < 0.9
                rows.append(f"{step},{name},{int(keep or rng.random() < mood)}")
        for name, data in case.storages.items():
            if rng.random() < share:
                top = 1.3 * max(data["max_charge_w"], data["max_discharge_w"])
                rows.append(f"{step},{name},{rng.uniform(-top, top)!r}")
        if rng.random() < 0.1:
            rows.append(f"{step},pv,{rng.choice((-1, 0, 500.5, 1e4, 1e7))!r}")
        if rng.random() < 0.05:
            rows.append(rng.choice(GARBAGE))
        step += rng.choice((1, 1, 1, 2, 5, 20))
    return rows


def both_agree_on_random_commands(folder, scenario, variant, result, seed):
    case = evaluate.Case(folder / f"community-{variant}.yaml",
                         str(folder / f"scenario-{scenario}.yaml"))
    rows = random_rows(case, random.Random(f"{scenario} {variant} {seed}"))
    with open(result, "w", encoding="latin-1", newline="") as file:
        file.write("step,id,value\n" + "\n".join(rows) + ("\n" if seed % 2 else ""))
    here = simulate(folder, scenario, variant, "--replay", result)
    compare(f"{scenario} {variant} seed {seed}", here, judge(folder, scenario, variant, result))
    return here


def the_example_is_what_its_program_makes():
    for name, text in synthetic.files().items():
        assert (EXAMPLE / name).read_text(encoding="utf-8") == text, f"{name} differs"


def the_example_meets_every_rule(result):
    """Random commands must have hit what the rules speak of, or the comparison is empty."""
    total = dict.fromkeys(("collapses", "home_trips", "early_offs", "lock_outs", "bad_rows",
                           "ev_departures", "ev_let_down", "ev_below_reserve_steps"), 0)
    for variant in "ab":
        for seed in range(12):
            found = both_agree_on_random_commands(EXAMPLE, "storm30", variant, result, seed)
            for key in total:
                total[key] += found[key]
    missed = [key for key, n in total.items() if n == 0]
    assert not missed, f"never happened: {missed}"


def both_agree_on_harder_cases(work, result):
    for kind in vary.KINDS:
        path = vary.vary(EXAMPLE / "scenario-storm30.yaml", kind, 1, work)
        for variant in "ab":
            (path.parent / f"community-{variant}.yaml").write_bytes(
                (EXAMPLE / f"community-{variant}.yaml").read_bytes())
            here = simulate(path.parent, "storm30", variant, "--out", result)
            compare(f"{kind} {variant}", here,
                    judge(path.parent, "storm30", variant, result))


def a_promise_is_swept_over_every_whole_hour(folder, scenario, n_starts, result):
    for variant in "ab":
        done = subprocess.run(
            [CTL, "simulate", "--json", "--community", folder / f"community-{variant}.yaml",
             "--scenario", folder / f"scenario-{scenario}.yaml", "--promise", "15h",
             "--reserve", "20%", "--out", result, "--controller", "thresholds"],
            stdout=subprocess.PIPE, check=False)
        promise = json.loads(done.stdout)["promise"]
        starts = promise["starts"]
        assert [s["step"] for s in starts] == [12 * i for i in range(n_starts)]
        worst = min(starts, key=lambda s: s["worst_home_percent"])
        assert worst["worst_home_percent"] == min(h["critical_percent"]
                                                  for h in promise["homes"])
        assert worst["held_h"] == min(h["held_h"] for h in promise["homes"])
        for start in starts:
            assert start["held_h"] <= start["bound_held_h"] + 1e-6, start
            assert start["critical_percent"] <= start["bound_critical_percent"] + 1e-6, start
        assert promise["held"] == all(s["held_h"] == 15 for s in starts)
        assert done.returncode == (0 if promise["held"] else 1)
        socs = dict(line.split(",")[1:] for line in open(result, encoding="utf-8")
                    if line.startswith("0,claim.") and ".soc" in line)
        assert all(abs(float(soc) - 0.28) < 0.08 for name, soc in socs.items()
                   if "EV" not in name), socs


class Page(html.parser.HTMLParser):
    """Whether tags close, and what a page would fetch."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.count = [], "", {}

    def handle_starttag(self, tag, attrs):
        self.count[tag] = self.count.get(tag, 0) + 1
        assert not {"src", "href", "xlink:href", "onload"} & {key for key, _ in attrs}, attrs
        assert tag not in ("script", "link", "iframe", "img"), tag
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.count[tag] = self.count.get(tag, 0) + 1

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        self.text += data


def a_report_stands_alone(folder, scenario, result):
    report = result + ".html"
    for lang, words in (("en", ["How long"]), ("ja", ["停電したら"]),
                        ("both", ["How long", "停電したら"])):
        for more in ([], ["--promise", "3h"]):
            simulate_any(folder, scenario, "b", "--out", result, "--report", report,
                         "--lang", lang, *more)
            with open(report, encoding="utf-8") as file:
                text = file.read()
            page = Page()
            page.feed(text)
            assert not page.open, page.open
            assert page.count["svg"] == 8 and "nan" not in text and "inf" not in text
            assert "url(" not in text and "//" not in text and "@import" not in text
            for word in ("How long", "停電したら"):
                assert (word in page.text) == (word in words), (lang, word)


def public_folder():
    for place in (os.environ.get("GATEWAYD_SCENARIOS"), SOURCE.parent / "shared/scenarios"):
        if place and (pathlib.Path(place) / "bounds.csv").exists():
            return pathlib.Path(place)
    return None


def main():
    with tempfile.TemporaryDirectory() as work:
        result = os.path.join(work, "result.csv")
        the_example_is_what_its_program_makes()
        print("ok: the example scenario is what its program makes")
        for variant in "ab":
            both_agree_on_controllers(EXAMPLE, "storm30", variant, result)
        print("ok: both implementations agree on the example's controllers")
        the_example_meets_every_rule(result)
        print("ok: both agree on random commands, which meet every rule")
        both_agree_on_harder_cases(work, result)
        print(f"ok: both agree on {len(vary.KINDS)} kinds of harder cases")
        a_promise_is_swept_over_every_whole_hour(EXAMPLE, "storm30", 16, result)
        print("ok: a promise is swept over every whole hour")
        a_report_stands_alone(EXAMPLE, "storm30", result)
        print("ok: a report is whole and needs nothing from elsewhere")
        folder = public_folder()
        if not folder:
            print("skipped: public scenarios (no ../shared/scenarios here)")
            return 0
        for scenario, n_starts in (("winter72", 58), ("summer24", 10), ("rainy48", 34),
                                   ("flicker16", 2)):
            a_promise_is_swept_over_every_whole_hour(folder, scenario, n_starts, result)
            for variant in "ab":
                both_agree_on_controllers(folder, scenario, variant, result)
                both_agree_on_random_commands(folder, scenario, variant, result, 1)
            print(f"ok: both agree on {scenario}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
