# SPDX-License-Identifier: Apache-2.0
"""What the flow tests share: a real broker, simulated devices, the real daemon, a subscriber
with a persistent session, and waiting on conditions with a deadline."""
import collections
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

BUILD = pathlib.Path(os.environ.get("GATEWAYD_BUILD", ".")).resolve()
SRC = pathlib.Path(os.environ.get("GATEWAYD_SRC", ".")).resolve()


def skip(reason):
    print(f"skip: {reason}")
    sys.exit(77)


def tool(name):
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin:" + os.environ["PATH"])
    if not path:
        skip(f"{name} is not installed")
    return path


def wait_for(condition, what, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)  # a poll of the condition, not a guess of its time
    raise AssertionError(f"{what}: not within {seconds} s")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def program(name):
    path = BUILD / name
    real = path.parent / ".libs" / path.name
    return str(real if real.exists() else path)


if os.environ.get("FLOW_SKIP"):
    skip(os.environ["FLOW_SKIP"])


class World:
    """A temporary folder and everything that was started in it; ends all of it by pid."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="gatewayd-flow."))
        self.processes = []
        self.subscribers = []
        # a plugin that scribbles over memory on order takes the memory ones out
        self.report_words = ["ThreadSanitizer", "AddressSanitizer", "LeakSanitizer",
                             "runtime error:"]

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for subscriber in self.subscribers:
            subscriber.stop()
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
                try:
                    process.wait(8)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        reports = self.reports() if kind is None else []
        if reports or (kind is not None and kind is not SystemExit):
            for log in sorted(self.dir.glob("*.log")):
                lines = [line for line in log.read_text(errors="replace").splitlines()
                         if "Saving in-memory" not in line]
                print(f"---- {log.name}\n" + "\n".join(lines)[-6000:])
        shutil.rmtree(self.dir, ignore_errors=True)
        assert not reports, f"a sanitizer reported: {reports[:3]}"

    def reports(self):
        """What sanitizers said in the logs of anything that was started here."""
        return [f"{log.name}: {line}" for log in sorted(self.dir.glob("*.log"))
                for line in log.read_text(errors="replace").splitlines()
                if any(word in line for word in self.report_words)]

    def start(self, *argv, log=None, **kwargs):
        name = log or os.path.basename(argv[0])
        out = open(self.dir / f"{name}.log", "ab")
        process = subprocess.Popen([str(a) for a in argv], stdout=out, stderr=out, **kwargs)
        out.close()
        self.processes.append(process)
        return process


class Broker:
    """mosquitto that keeps what it acknowledged as well as it can."""

    def __init__(self, world):
        self.world, self.port = world, free_port()
        self.data = world.dir / "broker"
        self.data.mkdir()
        self.conf = world.dir / "mosquitto.conf"
        self.conf.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser root\n"
            f"persistence true\npersistence_location {self.data}/\n"
            f"autosave_on_changes true\nautosave_interval 1\nmax_queued_messages 0\n")
        self.process = None
        self.start()

    def is_up(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def start(self):
        self.process = self.world.start(tool("mosquitto"), "-c", self.conf)
        wait_for(self.is_up, "the broker's start")

    def stop(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        self.process.wait(10)


class Devices:
    """gateway-devicesim with a ledger of what it served and a control socket."""

    def __init__(self, world, *words, name="devices"):
        self.ledger_file = world.dir / f"{name}.ledger"
        self.control = world.dir / f"{name}.control"
        ready = world.dir / f"{name}.ready"
        self.process = world.start(program("tools/devicesim/gateway-devicesim"), *words,
                                   "--ready-file", ready, "--ledger", self.ledger_file,
                                   "--control", self.control, log=name)
        wait_for(ready.exists, "the simulator's start")
        self.rows = [line.split() for line in ready.read_text().splitlines()]

    def ports(self):
        return [int(row[2]) for row in self.rows]

    def tell(self, line):
        """What `gateway-devicesim --tell` does, without a process for each word."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(str(self.control))
            s.sendall(line.encode() + b"\n")
            said = ""
            for row in s.makefile():
                said += row
                if row == "ok\n":
                    return said
                assert not row.startswith("error"), f"the simulator, told '{line}': {said}"
        raise AssertionError(f"the simulator, told '{line}', went away: {said}")

    def ledger(self):
        """(t_boot_ns, device, counter, value) of every good read reply."""
        return [row[:4] for row in self.all_rows() if row[4] in ("none", "ok", "-")]

    def all_rows(self):
        """(t_boot_ns, device, counter, value, fault) of every line, the spoiled ones too."""
        rows = []
        for line in self.ledger_file.read_text().splitlines(keepends=True):
            f = line.split()
            if len(f) >= 9 and line.endswith("\n"):  # the last one may still be written
                rows.append((int(f[0]), int(f[1]), int(f[6]), float(f[7]), f[8]))
        return rows


class Gateway:
    """The real daemon from the build tree, unprivileged paths."""

    def __init__(self, world, config, name="gateway", args=(), prefix=()):
        self.world, self.name, self.args = world, name, list(args)
        self.prefix = list(prefix)  # a command that execs the daemon
        self.home = world.dir / name
        (self.home / "store").mkdir(parents=True)
        self.config_file = self.home / "gatewayd.yaml"
        self.socket = self.home / "api.sock"
        self.ready = self.home / "ready"
        self.install()
        self.write_config(config)
        self.process = None

    def install(self):
        for room in ("libexec", "plugins", "maps"):
            (self.home / room).mkdir()
        for name in ("devhost/gateway-devhost", "route/gateway-route"):
            os.symlink(program(name), self.home / "libexec" / os.path.basename(name))
        for plugin in BUILD.glob("plugins/*/.libs/*.so"):
            os.symlink(plugin, self.home / "plugins" / plugin.name)

    def write_config(self, text):
        self.config_file.write_text(text.replace("@HOME@", str(self.home)))

    def start(self, wait=True):
        if self.ready.exists():
            self.ready.unlink()
        self.process = self.world.start(
            *self.prefix, program("gatewayd/gatewayd"), "--config", self.config_file, "--plugins",
            self.home / "plugins", "--libexec", self.home / "libexec", "--maps",
            SRC / "conf" / "maps", "--socket", self.socket, "--ready-file", self.ready,
            "--last-good", self.home / "last-good", *self.args, log=self.name)
        if wait:
            wait_for(lambda: self.ready.exists() or self.process.poll() is not None,
                     "the daemon's start")
            assert self.process.poll() is None, f"the daemon ended at start: {self.process.poll()}"
        return self

    def stop(self, sig=signal.SIGTERM, limit=6):
        begin = time.monotonic()
        self.process.send_signal(sig)
        self.process.wait(limit)
        return time.monotonic() - begin

    def ctl(self, *args, check=True):
        done = subprocess.run([program("gatewayctl/gatewayctl"), "--socket", str(self.socket),
                               *args], capture_output=True, text=True, timeout=20)
        if check:
            assert done.returncode == 0, f"{args}: {done.returncode} {done.stdout}{done.stderr}"
        return done

    def json(self, *args):
        return json.loads(self.ctl("--json", *args).stdout)

    def get(self, path):
        """A document of the API, asked on the daemon's socket."""
        connection = http.client.HTTPConnection("localhost", timeout=10)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(10)
        try:
            connection.sock.connect(str(self.socket))
            connection.request("GET", f"/api/v1/{path}")
            reply = connection.getresponse()
            body = reply.read()
        finally:
            connection.close()
        assert reply.status == 200, f"{path}: {reply.status} {body}"
        return json.loads(body)

    def log(self):
        return (self.world.dir / f"{self.name}.log").read_text(errors="replace")

    def children(self):
        """pid -> command line of every process below the daemon."""
        found, all_ = {}, {}
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                stat = (entry / "stat").read_text()
                all_[int(entry.name)] = (int(stat[stat.rindex(")") + 2:].split()[1]),
                                         (entry / "cmdline").read_bytes()
                                         .replace(b"\0", b" ").decode())
            except OSError:
                continue
        for pid, (parent, line) in all_.items():
            if parent == self.process.pid:
                found[pid] = line
        return found


class Subscriber:
    """mosquitto_sub with a persistent session, started again when its broker went away."""

    def __init__(self, world, broker, receipts=False):
        self.world, self.broker, self.receipts = world, broker, receipts
        self.messages = []  # (topic, payload dict)
        self.lock = threading.Lock()
        self.stopping = False
        self.process = None
        self.threads = [threading.Thread(target=self.listen, daemon=True)]
        if receipts:
            self.threads.append(threading.Thread(target=self.send_receipts, daemon=True))
        for thread in self.threads:
            thread.start()
        wait_for(lambda: self.process is not None, "the subscriber's start")
        world.subscribers.append(self)

    def listen(self):
        while not self.stopping:
            self.process = subprocess.Popen(
                [tool("mosquitto_sub"), "-p", str(self.broker.port), "-V", "mqttv5", "-c", "-x",
                 "100000", "-i", "ledger", "-q", "1", "-t", "gw/#", "-F", "%t\t%p"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            for line in self.process.stdout:
                topic, payload = line.rstrip("\n").split("\t", 1)
                with self.lock:
                    self.messages.append((topic, json.loads(payload) if payload else None))
            self.process.wait()
            if not self.stopping:
                time.sleep(0.2)  # the broker is away; its own pace of asking again

    def stop(self):
        self.stopping = True
        if self.process.poll() is None:
            self.process.terminate()
        for thread in self.threads:
            thread.join(5)

    def snapshot(self):
        with self.lock:
            return list(self.messages)

    def epochs(self):
        """epoch -> set of seqs that are covered or declared as gaps."""
        covered = {}
        for topic, payload in self.snapshot():
            if not payload or "epoch" not in payload:
                continue
            spans = [payload[k] for k in ("covers", "seq") if isinstance(payload.get(k), list)]
            for first, last in spans:
                covered.setdefault(payload["epoch"], set()).update(range(first, last + 1))
        return covered

    def records(self):
        """De-duplicated by the key of the contract; also the count of repeats."""
        seen, repeats = {}, 0
        for topic, payload in self.snapshot():
            if not topic.endswith("/readings"):
                continue
            for record in payload["records"]:
                key = (payload["gateway"], payload["epoch"], payload["boot"], record["seq"],
                       record.get("period_ms", 0), record["device"])
                repeats += key in seen
                seen[key] = record
        return seen, repeats

    def send_receipts(self):
        """Stands in for the coordinator: says what it has, and says it again when rows of an
        epoch came again: whoever sends them has not got the receipt."""
        sent = {}
        while not self.stopping:
            time.sleep(0.5)
            came = [(t, p["epoch"]) for t, p in self.snapshot()
                    if p and "epoch" in p and ("covers" in p or "seq" in p)]
            prefix = {epoch: t.rsplit("/", 1)[0] for t, epoch in came}
            count = collections.Counter(epoch for _, epoch in came)
            for epoch, seqs in self.epochs().items():
                upto = max(seqs)
                missing, run = [], None
                for seq in range(min(seqs), upto + 1):
                    if seq in seqs:
                        run = None
                    elif run:
                        run[1] = seq
                    else:
                        run = [seq, seq]
                        missing.append(run)
                text = json.dumps({"v": 1, "epoch": epoch, "upto": upto, "missing": missing})
                if sent.get(epoch) == (text, count[epoch]):
                    continue
                done = subprocess.run([tool("mosquitto_pub"), "-p", str(self.broker.port), "-q",
                                       "1", "-r", "-t", f"{prefix[epoch]}/receipt/{epoch}", "-m",
                                       text], capture_output=True)
                if done.returncode == 0:
                    sent[epoch] = text, count[epoch]
