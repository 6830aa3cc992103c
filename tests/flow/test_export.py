#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the devices served is what the history says: raw, in steps, page by page, as a table,
as CSV and as JSON; a silent device is not known, and never 0."""
import csv
import io
import json
import os
import subprocess
import time

from harness import Devices, Gateway, World, wait_for
from ledger import let_run

N = 3


def config(ports):
    buses = "\n".join(f"  - {{name: bus{i}, plugin: modbus, transport: tcp, host: 127.0.0.1, "
                      f"port: {p}, timeout: 300 ms}}" for i, p in enumerate(ports))
    devices = "\n".join(
        f"  - {{name: dev{i}, bus: bus{i}, unit: 1, interval: 500 ms, role: load, points: "
        f"[{{name: served, table: holding, address: 0, type: float32}}, "
        f"{{name: energy_wh, table: holding, address: 0, type: float32, unit: Wh}}]}}"
        for i in range(len(ports)))
    return f"""
gateway: {{id: home-017, site: misono-e3, timezone: Asia/Tokyo}}
store: {{directory: @HOME@/store, commit_interval: 1 s}}
api: {{socket: @HOME@/api.sock, listen: "127.0.0.1:0"}}
buses:
{buses}
devices:
{devices}
"""


def ask(gateway, target, listen=False):
    """(status, document) over the socket or the port."""
    where = ["--unix-socket", str(gateway.socket), f"http://localhost{target}"]
    if listen:
        address = [line.split("=", 1)[1] for line in gateway.ready.read_text().splitlines()
                   if line.startswith("listen=")][0]
        where = [f"http://{address}{target}"]
    done = subprocess.run(["curl", "-s", "-w", "\n%{http_code}", *where], capture_output=True,
                          text=True, timeout=20)
    body, status = done.stdout.rsplit("\n", 1)
    return int(status), json.loads(body)


def pages(gateway, target, start):
    """All columns of a question, going on where each answer says."""
    times, values, n_pages = [], [], 0
    while start is not None:
        status, doc = ask(gateway, f"{target}&from={start}")
        assert status == 200, doc
        times += doc["t"]
        values += doc["points"][0]["value"]
        assert doc["next"] is None or doc["next"] > start, doc
        start, n_pages = doc["next"], n_pages + 1
    return times, values, n_pages


def check_values(gateway, devices, begin_ms, end_ms):
    served = {}
    for t, device, counter, value in devices.ledger():
        served.setdefault(device, []).append(value)
    for device in range(2):
        status, doc = ask(gateway, f"/api/v1/history?point=dev{device}.served&step=raw"
                                   f"&from={begin_ms}&to={end_ms}")
        assert status == 200 and doc["complete"], doc
        column = doc["points"][0]
        values = [v for v in column["value"] if v is not None]
        alien = sorted(set(values) - set(served[device]))
        assert len(values) > 5 and not alien, (values[:5], alien[:5], served[device][:5])
        first, last = served[device].index(values[0]), served[device].index(values[-1])
        assert values == served[device][first:last + 1], "a served value is not in the history"
        # seconds: every reading is in one of them, within its least and most
        status, doc = ask(gateway, f"/api/v1/history?point=dev{device}.served&step=1s"
                                   f"&from={begin_ms}&to={end_ms}")
        column = doc["points"][0]
        assert sum(column["n"]) == len(values), (sum(column["n"]), len(values))
        assert all(lo <= mean <= hi for lo, mean, hi in
                   zip(column["min"], column["value"], column["max"]) if mean is not None)
        # from the beginning of time: it goes on where something is kept
        times, paged, n_pages = pages(
            gateway, f"/api/v1/history?point=dev{device}.served&step=1s&to={end_ms}", 0)
        assert paged == column["value"] and times == doc["t"] and n_pages < 10, n_pages


def check_silence(gateway, begin_ms):
    """Failed polls are rows without a value, with a quality."""
    def failed():
        status, doc = ask(gateway, f"/api/v1/history?point=dev2.served&step=raw&from={begin_ms}")
        rows = list(zip(doc["points"][0]["value"], doc["points"][0]["quality"]))
        return [row for row in rows if row[1] is not None]
    rows = wait_for(failed, "the silence in the history")
    assert all(value is None for value, quality in rows), rows


def check_refusals(gateway):
    for target, word in (("history", "point="), ("history?point=x", "DEVICE.POINT"),
                         ("history?point=a.b&step=5", "raw"),
                         ("history?point=a.b&from=x", "ms since 1970"),
                         ("history?point=a.b&from=5&to=4", "earlier"),
                         ("history?point=a.b&point=a.b", "twice"),
                         ("history?point=a.b&colour=red", "colour"),
                         ("history?" + "&".join(f"point=a.b{i}" for i in range(65)), "64"),
                         ("energy?slot=1h", "30m"), ("energy?point=a.b", "point")):
        status, doc = ask(gateway, "/api/v1/" + target)
        assert status == 400 and word in doc["detail"], (target, status, doc)
    status, doc = ask(gateway, "/api/v1/history?point=a.b", listen=True)
    assert status == 200 and doc["t"] == [], doc


def check_ctl(gateway, world, devices, begin_ms):
    table = gateway.ctl("history", "dev0.served", "--from", str(begin_ms), "--step", "raw").stdout
    status, doc = ask(gateway, f"/api/v1/history?point=dev0.served&step=raw&from={begin_ms}")
    assert str(int(doc["points"][0]["value"][0])) in table, table
    assert gateway.ctl("history", "dev0.none", check=False).returncode == 1
    assert gateway.ctl("history", "dev0", check=False).returncode == 2

    out = world.dir / "values.csv"
    span = ["--from", str(begin_ms), "--to", str(int(time.time() * 1000)), "--step", "raw"]
    gateway.ctl("export", str(out), *span)
    text = out.read_bytes().decode()
    assert text.count("\r\n") == text.count("\n"), "lines end as RFC 4180 says"
    rows = list(csv.DictReader(io.StringIO(text)))
    served = {int(v) for t, d, c, v in devices.ledger() if d == 0}
    mine = [int(float(r["value"])) for r in rows if r["device"] == "dev0" and r["point"] == "served"
            and r["value"]]
    assert len(mine) > 10 and set(mine) <= served and len(set(mine)) == len(mine)
    assert all(r["time_utc"].endswith("Z") for r in rows)
    lost = [r for r in rows if r["device"] == "dev2" and r["quality"] != "good"]
    assert lost and all(r["value"] == "" for r in lost), lost[:2]
    assert gateway.ctl("export", str(out), *span, check=False).returncode == 2
    gateway.ctl("export", str(out), *span, "--force")
    assert not list(world.dir.glob("values.csv.part*"))

    doc = json.loads(gateway.ctl("export", "-", *span, "--format", "json", "--points",
                                 "dev1.served").stdout)
    assert doc and {r["device"] for r in doc} == {"dev1"}
    assert gateway.ctl("export", "-", check=False).returncode == 2
    assert gateway.ctl("export", "-", *span, "--points", "a b", check=False).returncode == 2
    header = gateway.ctl("export", "--energy", *span[:4]).stdout.splitlines()[0]
    assert header.startswith("start_utc,start_local,"), header
    assert json.loads(gateway.ctl("export", "--energy", "--format", "json", *span[:4]).stdout) \
        is not None


def check_energy(gateway, devices):
    """Where slots are told, the counters' difference is in them."""
    status, doc = ask(gateway, "/api/v1/energy?slot=15m")
    assert status == 200, doc
    flows = [f for s in doc["slots"] for f in s["flows"] if f["device"] == "dev0"]
    if flows:
        served = [v for t, d, c, v in devices.ledger() if d == 0]
        assert {f["flow"] for f in flows} == {"consumption"}, flows
        assert 0 < sum(f["wh"] for f in flows) <= served[-1] - served[0] + 1, flows
    for slot in ask(gateway, "/api/v1/energy?slot=1d")[1]["slots"]:  # Asia/Tokyo, 9 h ahead
        assert slot["start"] % 86400000 == 15 * 3600000, slot
    text = gateway.ctl("energy").stdout
    assert " 0.00 kWh" not in text and ("known" in text), text
    return len(flows)


def main():
    with World() as world:
        os.environ["TZ"] = "UTC"  # of the process: not the site's
        sync = world.dir / "synchronized"
        sync.touch()
        devices = Devices(world, "--tcp", "127.0.0.1:0", "--count", str(N), "--registers", "10",
                          "--content", "counter")
        begin_ms = int(time.time() * 1000)
        gateway = Gateway(world, config(devices.ports()),
                          args=("--clock-sync-file", str(sync))).start()
        let_run(6, devices)
        devices.tell("2 silent")
        silent_ms = int(time.time() * 1000)
        end_ms = silent_ms - 2500  # committed by now
        wait_for(lambda: gateway.json("status")["store"]["readings"] > 60, "the commits")
        let_run(2, devices)
        check_values(gateway, devices, begin_ms, end_ms)
        check_silence(gateway, silent_ms - 1000)
        check_refusals(gateway)
        check_ctl(gateway, world, devices, begin_ms)
        n = check_energy(gateway, devices)
        # it is all there after a restart, too
        gateway.stop()
        gateway.start()
        check_values(gateway, devices, begin_ms, end_ms)
        print(f"values as served, raw and in steps; {n} flows of energy")


main()
