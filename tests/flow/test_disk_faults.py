#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Bad disks under the whole daemon: full, read-only, failing, deleted in use, not ours. Polling,
commands and live forwarding go on, an alarm says what to do, and when the disk is mended the
store returns by itself; what it kept in RAM is then drained from the disk under its closed epoch,
with the broker stopped meanwhile. Nothing lost, nothing twice."""
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

from harness import Broker, Devices, Gateway, Subscriber, World, tool, wait_for

MIB = 1 << 20
IN_RAM = 40  # records each store must hold in RAM, undelivered, before its disk is mended


def own_mounts():
    """Starts this program again where its mounts are its own; without that some parts skip."""
    if os.environ.get("FAULTS_MOUNTS"):
        return os.environ["FAULTS_MOUNTS"] == "own"
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    unshare = [shutil.which("unshare") or "unshare", *user, "--mount", "--propagation", "private"]
    try:
        works = subprocess.run([*unshare, "true"], capture_output=True).returncode == 0
    except OSError:
        works = False
    os.environ["FAULTS_MOUNTS"] = "own" if works else "none"
    if works:
        os.execvp(unshare[0], [*unshare, sys.executable, *sys.argv])
    return False


def run(*argv):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True)
    assert done.returncode == 0, f"{argv}: {done.returncode} {done.stdout}{done.stderr}"


def fill(path):
    """Until nothing more goes in; again when something was freed."""
    with open(path, "ab", buffering=0) as file:
        for size in (MIB // 4, 4096, 64):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass


class Disk:
    """Where a store lies, and how it is broken and mended."""

    prefix = ()
    breaks_at_start = hurts_at_rest = False
    mounts = []

    def __init__(self, world):
        self.dir = world.dir / f"disk-{self.name}"
        self.dir.mkdir()
        self.store = self.dir / "store"
        self.make()

    def make(self):
        pass

    def mount(self, *argv):
        run("mount", *argv, self.dir)
        if self.dir not in Disk.mounts:
            Disk.mounts.append(self.dir)


class Full(Disk):
    name, code = "full", "store-disk-full"

    def make(self):
        self.mount("-t", "tmpfs", "-o", "size=6m", "none")

    def hurt(self):
        fill(self.dir / "other")

    def mend(self):
        (self.dir / "other").unlink()


class Loop(Disk):
    """An ext4 in a file, on a small file system where its blocks may find no room."""

    def make(self):
        self.under = self.dir.with_name(self.dir.name + "-under")
        self.under.mkdir()
        run("mount", "-t", "tmpfs", "-o", "size=9m", "none", self.under)
        Disk.mounts.append(self.under)
        self.image = self.under / "image"
        with open(self.image, "wb") as file:
            file.truncate(24 * MIB)
        run("mkfs.ext4", "-q", "-F", "-b", "1024", "-J", "size=2", self.image)
        self.mount("-o", "loop", self.image)

    def mend(self):
        # the store has closed its files there; a reader of events may still be at its end
        wait_for(lambda: subprocess.run(["umount", self.dir], capture_output=True)
                 .returncode == 0, "the unmount")
        subprocess.run(["e2fsck", "-fy", self.image], capture_output=True)
        self.mount("-o", "loop", self.image)


class ReadOnly(Loop):
    name, code, hurts_at_rest = "readonly", ("store-read-only", "store-disk-failed"), True

    def hurt(self):
        """As the kernel does it after an error: with the files open."""
        run("mount", "-o", "remount,abort", self.dir)


class Failing(Loop):
    name, code = "failing", ("store-disk-failed", "store-read-only")

    def hurt(self):
        fill(self.under / "other")

    def mend(self):
        (self.under / "other").unlink()
        super().mend()


class Deleted(Disk):
    name, code = "deleted", "store-deleted"

    def hurt(self):
        shutil.rmtree(self.store)

    def mend(self):
        pass


class Foreign(Disk):
    """A directory of somebody else's, for a daemon that may not pass over rights."""

    name, code, breaks_at_start = "foreign", "store-read-only", True

    def make(self):
        self.store.mkdir()
        if os.geteuid() == 0:
            drop = "-dac_override,-dac_read_search"
            self.prefix = (tool("setpriv"), "--bounding-set", drop, "--inh-caps", drop)

    def hurt(self):
        self.store.chmod(0)

    def mend(self):
        self.store.chmod(0o750)


CONFIG = """
gateway: {{id: {name}, site: faults}}
store: {{directory: {store}, max_size: 64 MiB, commit_interval: 300 ms}}
api: {{socket: @HOME@/api.sock, listen: off}}
buses:
  - {{name: bus, plugin: modbus, transport: tcp, host: 127.0.0.1, port: {port}}}
  - {{name: relays, plugin: faulty, output_file: "@HOME@/outputs"}}
devices:
  - {{name: dev, bus: bus, unit: 1, interval: 100 ms, points: [{{name: served, table: holding, address: 0, type: float32}}]}}
  - name: relay
    bus: relays
    interval: 1 s
    points:
      - {{name: limit_w, kind: output, unit: W, write: {{min: 0, max: 5000, failsafe: 5000, lease: 60 s}}}}
forward:
  - {{name: own, url: "mqtt://127.0.0.1:{broker}", recipient: self}}
"""


class Home:
    """One daemon on one disk."""

    def __init__(self, world, disk, index, port, broker, subscriber):
        self.disk, self.index, self.subscriber = disk, index, subscriber
        self.name = disk.name
        self.gateway = Gateway(world, CONFIG.format(name=self.name, store=disk.store, port=port,
                                                    broker=broker.port), name=self.name,
                               prefix=disk.prefix)
        if disk.breaks_at_start:
            disk.hurt()
        self.gateway.start()

    def status(self):
        done = self.gateway.ctl("--json", "status", check=False)  # 1 when an alarm stands
        return json.loads(done.stdout)

    def on_disk(self):
        return self.status()["store"]["on_disk"]

    def alarms(self):
        return {a["code"]: a["text"] for a in self.status()["alarms"]}

    def arrived(self, epoch=None):
        return sum(1 for key in self.subscriber.records()[0]
                   if key[0] == self.name and epoch in (None, key[1]))

    def hurt(self):
        if not self.disk.breaks_at_start:
            self.disk_epoch = self.status()["epoch"]
            if self.disk.hurts_at_rest:
                self.at_rest(self.disk.hurt)
            else:
                self.disk.hurt()

    def at_rest(self, do):
        """While no flush of the daemon is under way: ext4 that is aborted in the middle of one
        says that it flushed and forgets it (Linux 6.18, plain SQLite too), and the daemon then
        begins a new epoch, as it must."""
        pid = self.gateway.process.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            wait_for(lambda: all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in
                                 pathlib.Path(f"/proc/{pid}/task").glob("*/stat")), "a rest")
            do()
        finally:
            os.kill(pid, signal.SIGCONT)

    def in_ram(self):
        if self.on_disk():
            if self.name == "full" and "store-disk-full" in self.alarms():
                self.disk.hurt()  # it lives on its reserve: that goes too
            return False
        return True

    def check_alarm(self):
        codes = self.disk.code if isinstance(self.disk.code, tuple) else (self.disk.code,)
        code, text = wait_for(lambda: next(((c, text) for c, text in self.alarms().items()
                                            if c in codes and "RAM" in text), None),
                              f"{self.name}: the alarm")
        assert "gatewayctl reload" in text, text
        wait_for(lambda: any(e["code"] == code and e["severity"] == "alarm"
                             for e in self.gateway.json("events")["events"]),
                 f"{self.name}: {code} among the events")
        print(f"{self.name}: {code}: {text}")

    def check_life(self):
        """In RAM: records come, and a command is carried out."""
        self.ram_epoch = self.status()["epoch"]
        wait_for(lambda: self.arrived(self.ram_epoch) > 5, f"{self.name}: live records")
        answer = self.gateway.json("write", "relay.limit_w", "1234")
        assert answer["result"] == "confirmed", answer

    def mend(self):
        self.disk.mend()
        self.gateway.ctl("reload")

    def rows(self, sql):
        db = sqlite3.connect(f"file:{self.disk.store}/store.db?mode=ro", uri=True, timeout=5)
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()

    def closed(self):
        """epoch -> (first, last, is the route's cursor below it) of what ended."""
        waiting = {epoch: low for epoch, low in self.rows("SELECT epoch,low FROM cursor")}
        return {hex_: (first, last, waiting.get(hex_, last) < last) for hex_, first, last in
                self.rows("SELECT hex,first_seq,moved_last_seq FROM epoch "
                          "WHERE moved_last_seq IS NOT NULL")}

    def check_back(self):
        wait_for(self.on_disk, f"{self.name}: back on disk")
        assert not self.alarms(), self.alarms()
        closed = self.closed()
        assert self.ram_epoch in closed, f"{self.name}: the epoch of the RAM is not on the disk"
        first, last, waits = closed[self.ram_epoch]
        assert first == 1 and last >= IN_RAM and waits, f"{self.name}: {closed}"
        if self.name == "deleted":
            wait_for(lambda: self.closed().get(self.disk_epoch, (1, 0))[1] > 0,
                     "the deleted store salvaged")
        elif not self.disk.breaks_at_start:
            assert self.status()["epoch"] == self.disk_epoch, f"{self.name}: another epoch"

    def owed(self):
        """epoch -> numbers that must be at the subscriber."""
        status = self.status()
        owed = {hex_: (first, last) for hex_, (first, last, _) in self.closed().items()}
        first = self.rows("SELECT max(first_seq) FROM epoch WHERE moved_last_seq IS NULL")[0][0]
        owed[status["epoch"]] = first, status["store"]["last_seq"]
        return owed

    def has_all(self, owed):
        covered = self.subscriber.epochs()
        return all(covered.get(epoch, set()).issuperset(range(first, last + 1))
                   for epoch, (first, last) in owed.items()) and \
            not any(waits for _, _, waits in self.closed().values())


def account(homes, subscriber, devices, until_ns):
    """What each device served is there, once."""
    records, repeats = subscriber.records()
    for home in homes:
        seen = {}
        for key, record in records.items():
            if key[0] == home.name and record["device"] == "dev":
                for value in record["values"].values():
                    seen.setdefault(int(value), []).append(key)
        served = {int(value) for t, device, _, value in devices.ledger()
                  if device == home.index and t < until_ns}
        twice = {value: keys for value, keys in seen.items() if len(keys) > 1}
        assert not twice, f"{home.name}: stored twice: {list(twice.items())[:3]}"
        lost = sorted(served - set(seen))
        assert not lost, f"{home.name}: served, not arrived: {len(lost)} {lost[:5]}"
        print(f"{home.name}: {len(served)} readings served, all arrived once, in "
              f"{len({keys[0][1] for keys in seen.values()})} epochs")
    print(f"repeats removed: {repeats}")


def disks(world):
    kinds = [Deleted, Foreign]
    if not own_mounts():
        print("without mounts of our own: no full, read-only and failing disk")
        return [kind(world) for kind in kinds]
    made = [kind(world) for kind in [Full, *kinds]]
    for kind in (ReadOnly, Failing):
        try:
            made.append(kind(world))
        except (AssertionError, FileNotFoundError) as error:
            print(f"{kind.name}: no ext4 on a loop device here: {error}")
    return made


def main():
    own_mounts()
    with World() as world:
        try:
            play(world)
        finally:
            for mount in reversed(Disk.mounts):
                subprocess.run(["umount", "--lazy", mount], capture_output=True)


def play(world):
    broker = Broker(world)
    subscriber = Subscriber(world, broker)
    places = disks(world)
    devices = Devices(world, "--tcp", "127.0.0.1:0", "--count", str(len(places)), "--registers",
                      "4", "--content", "counter")
    homes = [Home(world, disk, i, devices.ports()[i], broker, subscriber)
             for i, disk in enumerate(places)]
    for home in homes:
        wait_for(lambda: home.arrived() > 10, f"{home.name}: the first records")
    for home in homes:
        home.hurt()
    for home in homes:
        wait_for(home.in_ram, f"{home.name}: in RAM")
        home.check_alarm()
        home.check_life()
    broker.process.send_signal(signal.SIGSTOP)  # from here on nothing is confirmed
    for home in homes:
        wait_for(lambda: home.gateway.json("routes")[0]["backlog"] > IN_RAM,
                 f"{home.name}: records that wait in RAM")
    for home in homes:
        home.mend()
    for home in homes:
        home.check_back()
    broker.process.send_signal(signal.SIGCONT)
    until_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    for home in homes:
        commits = home.status()["store"]["commits"]
        wait_for(lambda: home.status()["store"]["commits"] >= commits + 2, "two commits")
        owed = home.owed()
        wait_for(lambda: home.has_all(owed), f"{home.name}: every number at the subscriber", 60)
    account(homes, subscriber, devices, until_ns)
    for home in homes:
        assert home.gateway.stop() < 5, f"{home.name}: slow stop"
    subscriber.stop()


main()
