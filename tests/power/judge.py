# SPDX-License-Identifier: Apache-2.0
"""Opens the store in a state that a power cut left, and holds it against what was delivered
and what the devices served until then."""
import contextlib
import functools
import json
import os
import random
import shutil
import sqlite3
import subprocess

import rig
from harness import program

ROUTE, GATEWAY = "community", "home-017"


def config(ports, broker_port, store, commit_ms, n_points, confirm="broker"):
    """Devices that count, read ten times a second, and a broker or a receiver that confirms."""
    points = ", ".join(f"{{name: {'served' if i == 0 else f'p{i}'}, table: holding, address: "
                       f"{2 * i}, type: float32}}" for i in range(n_points))
    buses = "\n".join(f"  - {{name: bus{i}, plugin: modbus, transport: tcp, host: 127.0.0.1, "
                      f"port: {p}, timeout: 300 ms}}" for i, p in enumerate(ports))
    devices = "\n".join(f"  - {{name: dev{i}, bus: bus{i}, unit: 1, interval: 100 ms, points: "
                        f"[{points}]}}" for i in range(len(ports)))
    return f"""
gateway: {{id: {GATEWAY}, site: misono-e3, timezone: Asia/Tokyo}}
store: {{directory: {store}, max_size: 4 MiB, commit_interval: {commit_ms} ms}}
api: {{socket: @HOME@/api.sock, listen: off}}
buses:
{buses}
devices:
{devices}
forward:
  - {{name: {ROUTE}, url: "mqtt://127.0.0.1:{broker_port}", recipient: self, confirm: {confirm}}}
"""


def served_by(devices):
    """(t_boot_ns, (device, value)) of every number a device gave, the first time."""
    first = {}
    for t, device, _, value in devices.ledger():
        first.setdefault((device, int(value)), t)
    return sorted((t, what) for what, t in first.items())


@functools.lru_cache(200000)
def values_of(tail):
    """What a dumped line says of the points, as the payload would be read."""
    found = {}
    for word in tail.split():
        name, mark, text = word.partition("!")
        if mark:
            found[name] = text
        else:
            name, _, text = word.partition("=")
            found[name] = float({"false": 0, "true": 1}.get(text, text))
    return found


def values_in(record):
    return {**{k: float(v) for k, v in record["values"].items()}, **record.get("quality", {})}


class Delivered:
    """What the subscriber had, by the number of the message that brought it."""

    def __init__(self, messages):
        self.records = []  # (message, key, t, values)
        self.covers = []   # (message, epoch, first, last)
        for n, (topic, payload) in enumerate(messages):
            if not payload or "boot" not in payload:
                continue  # also a receipt
            name = (payload["epoch"], payload["boot"])
            if "covers" in payload:
                self.covers.append((n, payload["epoch"], *payload["covers"]))
            for r in payload["records"] if topic.endswith("/readings") else []:
                key = (*name, r["seq"], r.get("period_ms", 0), r["device"])
                self.records.append((n, key, r["t"], values_in(r)))

    def numbers(self, n):
        """epoch -> seqs covered by the first n messages."""
        seqs = {}
        for message, epoch, first, last in self.covers:
            if message >= n:
                break
            seqs.setdefault(epoch, set()).update(range(first, last + 1))
        return seqs


class Dump:
    def __init__(self, lines):
        self.records, self.seqs, self.notices = {}, [], []
        self.gaps = set()
        self.events, self.facts = [], {}  # (seq, code, t_wall_ms, text), key -> value
        self.cursor = self.new = self.new_name = self.epoch = None
        for line in lines:
            kind, rest = line.split(" ", 1)
            word = rest.split()
            if kind == "R" and self.new:
                self.new_name = tuple(word[:3])
            elif kind == "R":
                epoch, boot, seq, t, period, device, *_ = word
                self.records[(epoch, boot, int(seq), int(period), device)] = (
                    int(t), rest.split(device, 1)[1])
            if kind in "REGC" and not self.new:
                self.seqs.append(int(word[2]))
                self.epoch = word[0]
            if kind == "G" and int(word[3]):
                self.gaps.update(range(int(word[3]), int(word[4]) + 1))
            elif kind == "K" and not self.new:
                self.cursor = (word[1], int(word[2]),
                               [tuple(map(int, r.split("-"))) for r in word[3:]])
            elif kind == "E" and not self.new:
                self.events.append((int(word[2]), word[3], int(word[4]), rest.split(" ", 5)[5]))
            elif kind == "F" and not self.new:
                self.facts[word[0]] = rest.partition(" ")[2]
            elif kind == "!":
                self.notices.append(rest)
            elif kind == "N":
                self.new = (word[0], int(word[1]), word[2])

    @property
    def first(self):
        return self.seqs[0] if self.seqs else 1

    def numbers_kept(self):
        """(device, value) of every record that has one."""
        for (*_, device), (_, tail) in self.records.items():
            value = values_of(tail).get("served")
            if isinstance(value, float):
                yield int(device[3:]), int(value)


def dump_of(store, gateway=GATEWAY):
    """Opens it with the real store, which repairs it and adds one record."""
    done = subprocess.run([program("tests/power/dump_store"), str(store), gateway, ROUTE],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"the store does not open: {done.stderr[-500:]}"
    return Dump(done.stdout.splitlines())


def once_each(dump, messages, last_seq):
    """Every record up to last_seq with the subscriber, the same; none that is not stored."""
    came, repeats = {}, 0
    for _, key, _, values in Delivered(messages).records:
        repeats += key in came
        assert came.setdefault(key, values) == values, f"one name, two records: {key}"
    kept = {key: values_of(tail) for key, (_, tail) in dump.records.items()}
    missing = [key for key in kept if key not in came and key[2] <= last_seq]
    assert not missing, f"not delivered: {missing[:3]}"
    foreign = [key for key in came if key not in kept]
    assert not foreign, f"delivered, not stored: {foreign[:3]}"
    wrong = [key for key in came if kept[key] != came[key]]
    assert not wrong, f"changed on the way: {wrong[:3]}"
    numbers = sorted(dump.numbers_kept())
    twice = [a for a, b in zip(numbers, numbers[1:]) if a == b]
    assert not twice, f"stored twice: {twice[:3]}"
    return repeats


def kept_from(deaths, final):
    """What the store held at each death it holds for ever."""
    for n, (dump, _) in enumerate(deaths):
        if dump is None:
            continue
        assert not dump.notices, f"after kill {n} the store said {dump.notices}"
        gone = [k for k, (_, tail) in dump.records.items()
                if k not in final.records or values_of(final.records[k][1]) != values_of(tail)]
        assert not gone, f"committed before kill {n}, gone or changed: {gone[:3]}"
        assert set(dump.seqs) <= set(final.seqs), f"numbers gone after kill {n}"


class Judge:
    """Plays the cuts of one log; made once for each process that does."""
    gateway = GATEWAY

    def __init__(self, plan, world_dir, name):
        self.plan = plan
        self.states = rig.States(plan["base"], plan["entries"])
        room = "/dev/shm" if os.access("/dev/shm", os.W_OK) else world_dir
        self.dir = os.path.join(room, f"gatewayd-power.{os.getpid()}.{name}")
        os.makedirs(os.path.join(self.dir, "mount"))
        rig.leave_mounts()
        boot_id = os.path.join(self.dir, "boot_id")
        with open(boot_id, "w") as file:  # who comes back after a power cut booted anew
            file.write(f"{random.Random(name).getrandbits(128):032x}\n")
        rig.run("mount", "--bind", boot_id, "/proc/sys/kernel/random/boot_id")

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def look(self, at, chance, n_lies):
        """One state: {"faults": [...], "lost": n, ...}."""
        image, mount = f"{self.dir}/cut.img", f"{self.dir}/mount"
        result = {"at": at, "faults": [], "lost": 0, "window_ms": 0.0}
        result["open"] = self.states.write(at, chance, image, n_lies)
        done = subprocess.run(["mount", "-t", "ext4", "-o", "loop", image, mount],
                              capture_output=True, text=True)
        if done.returncode:
            why = done.stderr.strip().splitlines()
            result["faults"].append(f"the filesystem cannot be mounted: {why[:1]}")
            return result
        try:
            store = f"{mount}/store"
            dump = dump_of(store, self.gateway)
            url = f"file:{store}/store.db?mode=ro"
            # closed also when it is damaged: an open file would keep the mount
            with contextlib.closing(sqlite3.connect(url, uri=True)) as db:
                sound = db.execute("PRAGMA integrity_check").fetchone()[0]
            if sound != "ok":
                result["faults"].append(f"integrity: {sound}")
            self.compare(at, dump, result)
        except (AssertionError, sqlite3.Error, subprocess.TimeoutExpired) as e:
            result["faults"].append(f"{type(e).__name__}: {e}")
        finally:
            rig.run("umount", mount)
        return result

    def compare(self, at, dump, result):
        faults, plan = result["faults"], self.plan
        mark, later = plan["marks"].around(at, 1)
        self.check_store(dump, plan["delivered"].numbers(later["n"]), faults)
        self.check_delivered(mark["n"], dump, result)
        self.check_identity(mark["n"], dump, result)
        self.check_cursor(dump, plan["delivered"].numbers(later["n"]), faults)
        self.check_window(mark["t"], dump, result)
        result["records"] = len(dump.records)

    def check_store(self, dump, numbers, faults):
        """Sound, on the disk, every number there up to the newest; the oldest may have made
        room once they were delivered, or a gap says so."""
        if dump.notices:
            faults.append(f"the store says {dump.notices}")
        if dump.new[2] != "disk":
            faults.append("the store is not on the disk")
        holes = [s for s, after in zip(dump.seqs, dump.seqs[1:]) if after != s + 1]
        if holes:
            faults.append(f"undeclared holes behind {holes[:5]}")
        if dump.seqs and dump.new[1] <= dump.seqs[-1]:
            faults.append(f"kept {dump.seqs[0]}..{dump.seqs[-1]}, went on at {dump.new[1]}")
        gone = set(range(1, dump.first)) - numbers.get(dump.epoch, set()) - dump.gaps
        if gone:
            faults.append(f"made room of undelivered, undeclared {sorted(gone)[:5]}")

    def check_delivered(self, n, dump, result):
        """What had left the box before the cut is there, and is the same."""
        for message, key, t, values in self.plan["delivered"].records:
            if message >= n:
                break
            kept = dump.records.get(key)
            if key[0] == dump.epoch and key[2] < dump.first:
                continue  # had its time
            if kept is None:
                result["lost"] += 1
            elif values_of(kept[1]) != values or abs(kept[0] - t) > 100:
                result["faults"].append(f"{key} was {values} at {t}, now {kept}")
        missing = 0
        for epoch, seqs in self.plan["delivered"].numbers(n).items():
            kept = {s for s in seqs if s < dump.first}.union(dump.seqs)
            missing += len(seqs - kept if epoch == dump.epoch else seqs)
        result["lost"] = max(result["lost"], missing)
        if result["lost"]:
            result["faults"].append(f"{result['lost']} delivered records are gone")

    def check_identity(self, n, dump, result):
        """A number is never given twice in an epoch (that takes a disk that keeps its word),
        nor, whatever the disk did, is a name."""
        epoch, seq, _ = dump.new
        result["reused"] = int(seq in self.plan["delivered"].numbers(n).get(epoch, ()))
        final = self.plan["final"]
        twice = [k for k, (_, tail) in dump.records.items()
                 if k in final and values_of(tail) != final[k]]
        if dump.new_name in self.plan["names"]:
            twice.append(dump.new_name)
        result["twice"] = twice[:3]
        if twice:
            result["faults"].append(f"one name, two records: {twice[:3]}")

    def check_cursor(self, dump, numbers, faults):
        """Nothing is taken for delivered that a broker did not get, or a receiver not store."""
        if not dump.cursor:
            return
        epoch, low, ranges = dump.cursor
        claimed = set(range(1, low + 1))
        for first, last in ranges:
            claimed.update(range(first, last + 1))
        wrong = claimed - numbers.get(epoch, set())
        if wrong:
            faults.append(f"the cursor says delivered, nobody has {sorted(wrong)[:5]}")

    def check_window(self, t_cut, dump, result):
        """The oldest reading that a device had given and the store does not hold."""
        kept = set(dump.numbers_kept())
        kept.update((int(key[4][3:]), int(values["served"]))
                    for _, key, _, values in self.plan["delivered"].records
                    if key[0] == dump.epoch and key[2] < dump.first
                    and isinstance(values["served"], float))
        for t, what in self.plan["served"]:
            if t > t_cut:
                break
            if what not in kept and not any(a <= t <= b for a, b in self.plan["blind"]):
                result["window_ms"] = (t_cut - t) / 1e6
                break
        if result["window_ms"] > self.plan["window_ms"]:
            result["faults"].append(f"{result['window_ms']:.0f} ms of readings are lost")


def work(plan, world_dir, name, jobs, out, kind):
    """In a child: jobs are (at, seed or None, lies), ascending; one line of JSON for each."""
    judge = kind(plan, world_dir, name)
    try:
        with open(out, "w") as file:
            for at, seed, n_lies in jobs:
                chance = None if seed is None else random.Random(seed)
                file.write(json.dumps(judge.look(at, chance, n_lies)) + "\n")
    finally:
        judge.close()


def play(plan, world_dir, jobs, n_workers=2, kind=Judge):
    """The results of all jobs, shared between processes; kind: of the judge."""
    children = []
    for i in range(n_workers):
        out = os.path.join(world_dir, f"states-{len(jobs)}-{i}")
        pid = os.fork()
        if pid == 0:
            rc = 1
            try:
                work(plan, world_dir, f"{i}", jobs[i::n_workers], out, kind)
                rc = 0
            except Exception as e:  # its parent reports the missing lines
                print(f"states: {e!r}", flush=True)
            finally:
                os._exit(rc)
        children.append((pid, out))
    results = []
    for pid, out in children:
        _, status = os.waitpid(pid, 0)
        assert status == 0, "a process that plays cuts failed"
        with open(out) as file:
            results.extend(json.loads(line) for line in file)
    return results
