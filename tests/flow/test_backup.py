#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Backup and restore while the daemon reads and forwards: nothing lost, nothing twice over
backup, restore, and SIGKILL in the middle of restores; no (epoch, boot, seq) is given twice;
a withdrawal stays a withdrawal."""
import hashlib
import io
import os
import random
import signal
import sqlite3
import subprocess
import tarfile
import time

from harness import Broker, Devices, Gateway, Subscriber, World, program, wait_for
from ledger import let_run

N = 25  # devices of ten values each second: 250 readings/s
KILLS = int(os.environ.get("BACKUP_KILLS", "10"))


def config(ports, broker_port, gateway_id="home-017", grants=True):
    buses = "\n".join(f"  - {{name: bus{i}, plugin: modbus, transport: tcp, host: 127.0.0.1, "
                      f"port: {p}, timeout: 300 ms}}" for i, p in enumerate(ports))
    points = ", ".join(f"{{name: v{k}, table: holding, address: {2 * k}, type: float32}}"
                       for k in range(1, 10))
    devices = "\n".join(
        f"  - {{name: dev{i}, bus: bus{i}, unit: 1, interval: 1 s, points: "
        f"[{{name: served, table: holding, address: 0, type: float32}}, {points}]}}"
        for i in range(len(ports)))
    grant = """
    - {id: other, recipient: other, purpose: test, categories: [energy], granularity: raw, until: 2099-12-31}
"""
    return f"""
gateway: {{id: {gateway_id}, site: misono-e3, timezone: Asia/Tokyo}}
store: {{directory: @HOME@/store, commit_interval: 1 s}}
api: {{socket: @HOME@/api.sock, listen: "127.0.0.1:0"}}
buses:
{buses}
devices:
{devices}
forward:
  - {{name: community, url: "mqtt://127.0.0.1:{broker_port}", recipient: coordinator, confirm: receiver}}
consent:
  grants:
    - {{id: test, recipient: coordinator, purpose: test, categories: [energy, grid], granularity: raw, until: 2099-12-31}}
{grant if grants else ""}"""


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def check_file(path):
    """What an owner does with plain tools."""
    with tarfile.open(path) as tar:
        names = tar.getnames()
        sums = tar.extractfile("SHA256SUMS").read().decode().split("\n")
        for line in filter(None, sums):
            digest, name = line.split("  ")
            assert hashlib.sha256(tar.extractfile(name).read()).hexdigest() == digest, name
        assert names[0] == "backup.json" and "config/gatewayd.yaml" in names, names
        copy = str(path) + ".db"
        with open(copy, "wb") as out:
            out.write(tar.extractfile("store.db").read())
    assert open(path, "rb").read().count(b"secret-of-the-route") == 0
    db = sqlite3.connect(copy)
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    rows = db.execute("SELECT count(*), max(seq) FROM log").fetchone()
    db.close()
    return rows


def tcp_status(gateway, target):
    address = [line.split("=", 1)[1] for line in gateway.ready.read_text().splitlines()
               if line.startswith("listen=")][0]
    done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
                           f"http://{address}{target}"], capture_output=True, text=True)
    return done.stdout


def consent_events(gateway):
    files = [gateway.home / "store" / "store.db"]
    db = sqlite3.connect(f"file:{files[0]}?mode=ro", uri=True, timeout=5)
    rows = db.execute("SELECT id,kind FROM consent ORDER BY n").fetchall()
    db.close()
    return rows


def withdraw(gateway, name):
    """With the daemon stopped: what the page's button will write."""
    db = sqlite3.connect(gateway.home / "store" / "store.db")
    db.execute("INSERT INTO consent(id,kind,hash,json,t_wall_ms) VALUES(?,'withdraw','','',?)",
               (name, int(time.time() * 1000)))
    db.commit()
    db.close()


def twice(backup, target):
    """The same with another store in front of its own; every sum is right."""
    with tarfile.open(backup) as tar, tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as out:
        sums = ""
        for name in ("backup.json", "other.db", "store.db"):
            data = b"x" * 1024 if name == "other.db" else tar.extractfile(name).read()
            member = tarfile.TarInfo(name.replace("other", "store"))
            member.size = len(data)
            out.addfile(member, io.BytesIO(data))
            sums += f"{hashlib.sha256(data).hexdigest()}  {member.name}\n"
        member = tarfile.TarInfo("SHA256SUMS")
        member.size = len(sums)
        out.addfile(member, io.BytesIO(sums.encode()))


def refusals(gateway, world, backup):
    """What must be refused, in words, with the present store untouched."""
    epoch = gateway.json("status")["epoch"]
    broken = world.dir / "broken.backup"
    data = bytearray(backup.read_bytes())
    data[len(data) // 2] ^= 0xff
    broken.write_bytes(data)
    done = gateway.ctl("restore", str(broken), check=False)
    assert done.returncode == 1 and "checksum" in done.stderr, done.stderr
    broken.write_bytes(backup.read_bytes()[:-3000])
    done = gateway.ctl("restore", str(broken), check=False)
    assert done.returncode == 1 and "cut off" in done.stderr, done.stderr
    broken.write_text("no backup at all\n" * 100)
    done = gateway.ctl("restore", str(broken), check=False)
    assert done.returncode == 1 and "no backup" in done.stderr, done.stderr
    done = gateway.ctl("backup", str(backup), check=False)
    assert done.returncode == 2 and "--force" in done.stderr, done.stderr
    twice(backup, broken)
    done = gateway.ctl("restore", str(broken), check=False)
    assert done.returncode == 1 and "no backup has" in done.stderr, done.stderr
    os.mkfifo(world.dir / "pipe")
    for command in (("backup",), ("export", "--from", "1d")):
        done = gateway.ctl(*command, "--force", str(world.dir / "pipe"), check=False)
        assert done.returncode == 2 and "is no file" in done.stderr, done.stderr
    assert (world.dir / "pipe").is_fifo()
    assert tcp_status(gateway, "/api/v1/backup") == "403"
    assert tcp_status(gateway, "/api/v1/restore") == "403"
    assert gateway.json("status")["epoch"] == epoch


def kill_in_restores(gateway, backup, rounds, takes_s):
    """SIGKILL at a random moment of a restore: the old or the new store, whole, each time."""
    kills, entered = [], 0
    chance = random.Random(8)
    for _ in range(rounds):
        before = gateway.json("status")["epoch"]
        client = subprocess.Popen([program("gatewayctl/gatewayctl"), "--socket",
                                   str(gateway.socket), "restore", str(backup)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + chance.uniform(0.0, 1.2 * takes_s)
        while time.monotonic() < end and client.poll() is None:
            pass
        kills.append(now_ns())
        gateway.stop(signal.SIGKILL)
        client.wait(20)
        db = gateway.home / "store" / "store.db"
        assert db.exists(), "no store after a kill"
        gateway.start()
        status = gateway.json("status")
        assert status["store"]["on_disk"], status
        assert not list((gateway.home / "store").glob("restore.db*")), "left behind"
        entered += status["epoch"] != before
        wait_for(lambda: gateway.json("status")["store"]["readings"] > 100, "readings again")
    return kills, entered


def foreign(world, backup, ports):
    """Another gateway takes it only when it is told to, and then no grant of it."""
    text = config(ports[:1], 1, gateway_id="home-099").split("forward:")[0]
    other = Gateway(world, text, name="other").start()
    epoch = other.json("status")["epoch"]
    done = other.ctl("restore", str(backup), check=False)
    assert done.returncode == 1 and "home-017" in done.stderr and "--force" in done.stderr
    assert other.json("status")["epoch"] == epoch
    other.ctl("restore", "--force", str(backup))
    assert other.json("status")["epoch"] != epoch
    assert not [row for row in consent_events(other) if row[1] == "grant"]
    other.stop()


def main():
    with World() as world:
        broker = Broker(world)
        devices = Devices(world, "--tcp", "127.0.0.1:0", "--count", str(N), "--registers", "20",
                          "--content", "counter")
        subscriber = Subscriber(world, broker, receipts=True)
        gateway = Gateway(world, config(devices.ports(), broker.port)).start()
        kills = []
        wait_for(lambda: len(subscriber.records()[0]) > 100, "the first readings")
        first_epoch = gateway.json("status")["epoch"]

        backup = world.dir / "first.backup"
        answer = gateway.json("backup", str(backup))
        assert answer["gateway"] == "home-017" and answer["epoch"] == first_epoch, answer
        assert oct(backup.stat().st_mode)[-3:] == "600"
        rows, last_backed = check_file(backup)
        assert rows > 0
        refusals(gateway, world, backup)

        # the grant to another party is withdrawn after the backup
        gateway.stop()
        withdraw(gateway, "other")
        gateway.start()
        let_run(5, devices)
        assert gateway.json("status")["epoch"] == first_epoch

        # records nobody has got yet when the older backup comes back
        broker.stop(signal.SIGKILL)
        let_run(4, devices)
        begin = time.monotonic()
        state = gateway.json("restore", str(backup))
        takes_s = time.monotonic() - begin
        assert state["phase"] == "done", state
        second_epoch = gateway.json("status")["epoch"]
        assert second_epoch != first_epoch
        assert ("other", "withdraw") in consent_events(gateway)
        kept = list((gateway.home / "store").glob("store.db.before-restore-*"))
        assert len(kept) == 1, kept
        wait_for(lambda: "store-restored" in [e["code"] for e in gateway.json("events")["events"]],
                 "the restore among the events")
        let_run(3, devices)
        broker.start()
        let_run(3, devices)

        killed, entered = kill_in_restores(gateway, backup, KILLS, takes_s)
        kills += killed
        assert ("other", "withdraw") in consent_events(gateway)

        foreign(world, backup, devices.ports())
        # the paper grant goes out of the file too, and comes back with no restore
        gateway.stop()
        gateway.write_config(config(devices.ports(), broker.port, grants=False))
        gateway.start()
        let_run(3, devices)
        served_until = now_ns()
        let_run(3, devices)

        def uncovered():
            wanted = {}
            db = sqlite3.connect(f"file:{gateway.home}/store/store.db?mode=ro", uri=True,
                                 timeout=5)
            cursors = db.execute("SELECT epoch, low FROM cursor").fetchall()
            db.close()
            status = gateway.json("status")
            routes = gateway.json("routes")
            wanted["backlog"] = routes[0]["backlog"] < 3 * N and len(cursors) >= 1
            wanted["last"] = status["store"]["last_seq"]
            return wanted["backlog"]

        def missing_now():
            records, repeats = subscriber.records()
            arrived = {}
            for key, record in records.items():
                value = record["values"].get("served")
                if value is not None:
                    arrived.setdefault((int(record["device"][3:]), int(value)), []).append(key)
            served = {(d, int(v)): t for t, d, c, v in devices.ledger()}
            missing = {k: t for k, t in served.items() if k not in arrived and t < served_until}
            lost = [k for k, t in missing.items()
                    if not any(kill - 1.8e9 <= t <= kill + 0.5e9 for kill in kills)]
            return arrived, served, missing, lost, repeats

        # a receipt that got lost is asked for by sending again, after 60 s
        wait_for(uncovered, "the backlog's end", 100)
        try:
            wait_for(lambda: len(missing_now()[3]) <= 2 * N, "every reading", 30)
        except AssertionError:
            lost = missing_now()[3]
            raise AssertionError(f"served, not arrived: {len(lost)} {sorted(lost)[:10]}") from None
        arrived, served, missing, lost, repeats = missing_now()
        twice = {k: v for k, v in arrived.items() if len(v) > 1}
        assert not twice, f"stored twice: {list(twice.items())[:3]}"
        assert not [k for k in arrived if k not in served], "values nobody served"
        # nothing of the same name with other content
        names = {}
        for topic, payload in subscriber.snapshot():
            if not topic.endswith("/readings"):
                continue
            for record in payload["records"]:
                key = (payload["epoch"], payload["boot"], record["seq"], record["device"])
                text = str(record["values"])
                assert names.setdefault(key, text) == text, f"{key} has two contents"
        worst = gateway.json("status")["store"]["commit_max_us"] / 1e3
        print(f"served {len(served)}, arrived {len(arrived)}, sent again {repeats}, lost at "
              f"{len(kills)} kills {len(missing) - len(lost)}, cut off in flight {len(lost)}; "
              f"restores that were whole before the kill {entered} of {len(kills)}; longest "
              f"commit {worst:.0f} ms")
        subscriber.stop()


main()
