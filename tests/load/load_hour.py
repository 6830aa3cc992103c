#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An hour at twenty times the load of a home: 20 buses x 250 points x 1/s from simulated devices
through the whole daemon and its store to a broker. Every reading served must arrive, once; and
the memory of all its processes together must not grow.

Memory is PSS (smaps_rollup) of the core, its hosts and its routes, every 10 s. Of the last three
quarters a straight line is fitted. Its rise over them must be within the noise: at most twice the
standard deviation of the samples around the line, or 128 KiB where there is less noise than that
(two bytes lost with each of the records that pass). A sawtooth must not hide a leak: at most 3 %
of the level in any case. That holds for the anonymous part alone and for the whole; and since the
PSS of a library rises when another program that shares it ends, the whole may show by its RSS,
which knows nothing of others, that it did not grow."""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "flow"))
from harness import Broker, Devices, Gateway, World, tool, wait_for  # noqa: E402

SECONDS = float(os.environ.get("LOAD_SECONDS", "3600"))
SAMPLE_S = float(os.environ.get("LOAD_SAMPLE_S", "10"))
N, POINTS = 20, 250
FLOOR_KIB, SHARE_MAX = 128, 0.03
GATEWAY = "home-017"


def config(ports, broker_port):
    points = ", ".join(f"{{name: p{i}, table: holding, address: {2 * i}, type: float32}}"
                       for i in range(POINTS))
    buses = "\n".join(f"  - {{name: bus{i}, plugin: modbus, transport: tcp, host: 127.0.0.1, "
                      f"port: {p}}}" for i, p in enumerate(ports))
    devices = "\n".join(f"  - {{name: dev{i}, bus: bus{i}, unit: 1, interval: 1 s, points: "
                        f"[{points}]}}" for i in range(len(ports)))
    return f"""
gateway: {{id: {GATEWAY}, site: misono-e3, timezone: Asia/Tokyo}}
store: {{directory: @HOME@/store, max_size: 64 MiB}}
api: {{socket: @HOME@/api.sock, listen: off}}
buses:
{buses}
devices:
{devices}
forward:
  - {{name: community, url: "mqtt://127.0.0.1:{broker_port}", recipient: self}}
"""


class Tally:
    """Counts what a subscriber gets, as it comes: an hour of it is not kept."""

    def __init__(self, world, broker):
        self.lock = threading.Lock()
        self.seqs, self.arrived = set(), {}  # numbers covered; (device, counter) -> readings
        self.n_readings = self.n_repeats = self.n_bad = 0
        self.process = world.start_pipe(
            tool("mosquitto_sub"), "-p", str(broker.port), "-V", "mqttv5", "-c", "-x", "1000",
            "-i", "tally", "-q", "1", "-t", "gw/#", "-F", "%t\t%p")
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            topic, payload = line.rstrip("\n").split("\t", 1)
            payload = json.loads(payload) if payload else {}
            with self.lock:
                self.take(topic, payload)

    def take(self, topic, payload):
        if "covers" not in payload:
            return
        first, last = payload["covers"]
        for record in payload["records"] if topic.endswith("/readings") else []:
            if record["seq"] in self.seqs:
                self.n_repeats += 1
                continue
            self.n_bad += len(record.get("quality", {}))
            self.n_readings += len(record["values"])
            device = int(record["device"][3:])
            for value in record["values"].values():
                key = device, int(value)
                self.arrived[key] = self.arrived.get(key, 0) + 1
        self.seqs.update(range(first, last + 1))

    def has_all(self, last):
        with self.lock:
            return len(self.seqs) >= last and self.seqs.issuperset(range(1, last + 1))


class OurWorld(World):
    def start_pipe(self, *argv):
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                   text=True)
        self.processes.append(process)
        return process


def rollup(pid):
    """KiB by field."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()
            if line.endswith("kB")}


def memory_of(gateway):
    """PSS, its anonymous part and RSS of all processes, and PSS of each kind, in KiB."""
    total, anonymous, resident, kinds = 0, 0, 0, {}
    for pid, line in [(gateway.process.pid, "gatewayd"), *gateway.children().items()]:
        kib = rollup(pid)
        kind = os.path.basename(line.split()[0])
        total += kib["Pss"]
        anonymous += kib["Pss_Anon"]
        resident += kib["Rss"]
        kinds[kind] = kinds.get(kind, 0) + kib["Pss"]
    return (total, anonymous, resident), kinds


def cpu_s(gateway):
    ticks = 0
    for pid in [gateway.process.pid, *gateway.children()]:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        ticks += sum(map(int, stat[stat.rindex(")") + 2:].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def fit(samples):
    """(rise over the samples, standard deviation around the line) of (s, KiB)."""
    slope, base = statistics.linear_regression(*zip(*samples))
    rest = [y - base - slope * x for x, y in samples]
    return slope * (samples[-1][0] - samples[0][0]), statistics.pstdev(rest)


def judge(what, samples):
    late = [s for s in samples if s[0] >= samples[-1][0] / 4]
    rise, noise = fit(late)
    level = statistics.median(y for _, y in late)
    limit = min(max(2 * noise, FLOOR_KIB), SHARE_MAX * level)
    print(f"figure: {what}: first {samples[0][1]} KiB, then median {level:.0f}, most "
          f"{max(y for _, y in late)}; over the last {(late[-1][0] - late[0][0]) / 60:.1f} min "
          f"a rise of {rise:+.0f} KiB (noise {noise:.0f}, limit {limit:.0f}) in {len(late)} samples")
    return rise <= limit


def watch(gateway):
    """Samples until the time is over; each tenth of it one line of progress."""
    begin = time.monotonic()
    samples, told = [], 0
    while (now := time.monotonic() - begin) < SECONDS:
        kib, kinds = memory_of(gateway)
        samples.append((now, *kib))
        if now >= told * SECONDS / 10:
            status = gateway.json("status")["store"]
            print(f"{now / 60:5.1f} min: {kib[0]} KiB = " + ", ".join(
                f"{kind} {kib}" for kind, kib in sorted(kinds.items())) +
                f"; store {status['size_bytes'] >> 20} MiB", flush=True)
            told += 1
        # the pace of the samples; nothing is waited for
        time.sleep(max(0, begin + len(samples) * SAMPLE_S - time.monotonic()))
    return samples


def served_until(devices, end_ns):
    """(device, counter) -> points of every reply sent before end_ns."""
    served = {}
    with open(devices.ledger_file) as ledger:
        for line in ledger:
            f = line.split()
            if len(f) >= 9 and line.endswith("\n") and int(f[0]) < end_ns:
                served[int(f[1]), int(float(f[7]))] = int(f[5]) // 2
    return served


def account(gateway, devices, tally, end_ns):
    """Every number of the log at the subscriber, and all that was served before end_ns."""
    last = gateway.json("status")["store"]["last_seq"]
    wait_for(lambda: tally.has_all(last), f"all of the {last} numbers", 60)
    served = served_until(devices, end_ns)
    n = sum(served.values())
    with tally.lock:
        wrong = [(key, n, tally.arrived.get(key, 0)) for key, n in served.items()
                 if tally.arrived.get(key, 0) != n]
        print(f"figure: ledger: {len(served)} replies served with {n} readings; {tally.n_readings} arrived "
              f"in {last} numbers, {tally.n_repeats} records came again, {tally.n_bad} without a "
              f"value, not just once {len(wrong)} replies")
    assert not wrong, f"(device, counter), served, arrived: {sorted(wrong)[:5]}"
    return n


def main():
    with OurWorld() as world:
        broker = Broker(world)
        devices = Devices(world, "--tcp", "127.0.0.1:0", "--count", str(N), "--registers",
                          str(2 * POINTS), "--content", "counter")
        tally = Tally(world, broker)
        gateway = Gateway(world, config(devices.ports(), broker.port)).start()
        wait_for(lambda: tally.n_readings >= N * POINTS, "the first second's readings")
        begin = time.monotonic()
        samples = watch(gateway)
        spent = time.monotonic() - begin
        cpu = cpu_s(gateway)
        end_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        # the second commit from here began after the last reply had come
        commits = gateway.json("status")["store"]["commits"]
        wait_for(lambda: gateway.json("status")["store"]["commits"] >= commits + 2, "two commits")
        n = account(gateway, devices, tally, end_ns)
        print(f"figure: {spent / 60:.1f} min, {n / spent:.0f} readings/s, CPU {100 * cpu / spent:.1f} %")
        flat = [judge(what, [(s[0], s[k]) for s in samples])
                for k, what in enumerate(("PSS", "of it anonymous", "RSS"), 1)]
        assert n / spent > 0.99 * N * POINTS, "the devices were not polled at the full rate"
        assert flat[1] and (flat[0] or flat[2]), "memory grows"


main()
