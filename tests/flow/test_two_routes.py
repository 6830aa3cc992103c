#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A dead route delays a live one by no more than 100 ms, however it is dead: refused, hung with
the window full, its name with a resolver that never answers. Then the backlog of an outage: live
records first and the rest behind them at its rate, or all in strict order, as configured."""
import json
import signal
import socket
import statistics
import subprocess
import threading
import time

from harness import Broker, Devices, Gateway, World, free_port, tool, wait_for

N, REGISTERS, INTERVAL_MS, COMMIT_MS = 4, 50, 100, 200
DELAY_MS = 100
RATE = 2000  # readings/s of the backlog; the devices make N * 25 * 10 = 1000 a second


def config(ports, routes, grant=""):
    buses = "\n".join(f"  - {{name: b{i}, plugin: modbus, transport: tcp, host: 127.0.0.1, port: {p}}}"
                      for i, p in enumerate(ports))
    points = ", ".join(f"{{name: p{i}, address: {2 * i}, type: float32}}" for i in range(REGISTERS // 2))
    devices = "\n".join(f"  - {{name: d{i}, bus: b{i}, unit: 1, interval: {INTERVAL_MS} ms, "
                        f"points: [{points}]}}" for i in range(len(ports)))
    return f"""
gateway: {{id: routes, site: test}}
store: {{directory: @HOME@/store, commit_interval: {COMMIT_MS} ms}}
api: {{socket: @HOME@/api.sock, listen: off}}
buses:
{buses}
devices:
{devices}
forward:
""" + "\n".join(f"  - {{{route}}}" for route in routes) + grant


GRANT = """
consent:
  grants:
    - {id: test, recipient: coordinator, purpose: test, categories: [energy], granularity: raw, until: 2099-12-31}
"""


class Listener:
    """Every message with the time at which mosquitto_sub got it: (arrival_ms, payload)."""

    def __init__(self, world, broker):
        self.rows, self.lock = [], threading.Lock()
        self.broker, self.world, self.stopping = broker, world, False
        self.process = None
        threading.Thread(target=self.listen, daemon=True).start()
        wait_for(lambda: self.process, "the listener's start")

    def listen(self):
        while not self.stopping:
            self.process = subprocess.Popen(
                [tool("mosquitto_sub"), "-p", str(self.broker.port), "-V", "mqttv5", "-c", "-x", "1000",
                 "-i", f"listener-{self.broker.port}", "-q", "1", "-t", "gw/#", "-F", "%U\t%t\t%p"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            self.world.processes.append(self.process)
            for line in self.process.stdout:
                at, _, payload = line.split("\t", 2)
                payload = json.loads(payload)
                if "covers" in payload:
                    with self.lock:
                        self.rows.append((float(at) * 1000, payload))
            self.process.wait()
            if not self.stopping:
                time.sleep(0.05)  # the broker is away; its own pace of asking again

    def since(self, n):
        with self.lock:
            return self.rows[n:]

    def stop(self):
        self.stopping = True
        self.process.terminate()


class OwnBroker(Broker):
    """A broker whose files do not meet those of another one in the same folder."""

    def __init__(self, world, name):
        self.world, self.port, self.process = world, free_port(), None
        (world.dir / name).mkdir()
        self.conf = world.dir / f"{name}.conf"
        self.conf.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser root\n"
                             f"persistence true\npersistence_location {world.dir}/{name}/\n"
                             "max_queued_messages 0\n")
        self.start()


class DeadResolver:
    """A name server that takes every question and never answers, seen by the daemon alone."""

    def __init__(self, world):
        self.conf = world.dir / "resolv.conf"
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.reason = None
        try:
            self.socket.bind(("127.0.0.111", 53))
            self.conf.write_text("nameserver 127.0.0.111\noptions timeout:30 attempts:3\n")
            subprocess.run([*self.prefix(), "true"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            self.reason = f"no name server of our own here ({error})"

    def prefix(self):
        if self.reason:
            return []
        return ["unshare", "--mount", "sh", "-c",
                f"mount --bind {self.conf} /etc/resolv.conf && exec \"$@\"", "sh"]

    def n_asked(self):
        self.socket.setblocking(False)
        n = 0
        try:
            while self.socket.recv(2000):
                n += 1
        except BlockingIOError:
            return n


def latencies(listener, seconds):
    """Arrival minus the newest record of each message: the commit's wait for its records is
    in all of them, and the same whatever other routes do."""
    begin = len(listener.since(0))
    until = time.time() * 1000 + seconds * 1000
    wait_for(lambda: any(at > until for at, _ in listener.since(begin)), "live messages", seconds + 20)
    return sorted(at - max(r["t"] for r in p["records"]) for at, p in listener.since(begin) if p.get("records"))


def percentile(series, share):
    return series[min(len(series) - 1, int(len(series) * share))]


def report(what, series):
    print(f"{what:34} n {len(series):4}  median {statistics.median(series):6.1f}  "
          f"90 % {percentile(series, 0.9):6.1f}  max {series[-1]:6.1f} ms")


def dead_beside_live(world, devices, resolver):
    live, hung = OwnBroker(world, "live"), OwnBroker(world, "hung")
    listener, other = Listener(world, live), Listener(world, hung)
    ports = devices.ports()
    first = f"name: live, url: \"mqtt://127.0.0.1:{live.port}\", recipient: self"
    routes = {
        "refused": f"name: refused, url: \"mqtt://127.0.0.1:{free_port()}\", recipient: self",
        "hung": f"name: hung, url: \"mqtt://127.0.0.1:{hung.port}\", recipient: self, order: strict"}
    if not resolver.reason:
        routes["nameless"] = "name: nameless, url: \"mqtt://dead.resolver.example\", recipient: coordinator"
    gateway = Gateway(world, config(ports, [first], GRANT), prefix=resolver.prefix()).start()
    wait_for(lambda: len(listener.since(0)) > 5, "the live route")
    alone = latencies(listener, 5)
    report("alone", alone)
    gateway.write_config(config(ports, [first, *routes.values()], GRANT))
    gateway.ctl("reload")
    wait_for(lambda: len(other.since(0)) > 5, "the route that will hang")
    hung.process.send_signal(signal.SIGSTOP)  # takes bytes, acknowledges nothing
    wait_for(lambda: any(r["name"] == "hung" and r["backlog"] > 200 for r in gateway.json("routes")),
             "the hung route's backlog")
    beside = latencies(listener, 10)
    report("beside " + ", ".join(routes), beside)
    if not resolver.reason:
        assert resolver.n_asked() > 0, "nobody asked the dead name server"
    for share in (0.5, 0.9):
        more = percentile(beside, share) - percentile(alone, share)
        assert more <= DELAY_MS, f"the dead routes delay the live one by {more:.0f} ms ({share})"
    hung.process.send_signal(signal.SIGCONT)
    last = gateway.json("status")["store"]["last_seq"]
    wait_for(lambda: covered(other.since(0)) >= last, "all of the backlog of the hung route")
    gateway.stop()
    for each in (listener, other):
        each.stop()


def covered(rows):
    """The highest seq up to which everything is covered."""
    upto = 0
    for first, last in sorted(p["covers"] for _, p in rows):
        if first > upto + 1:
            break
        upto = max(upto, last)
    return upto


def first_arrivals(rows):
    """(arrival, first seq, last seq, newest t, readings) of each message that brings news."""
    seen, news = set(), []
    for at, p in rows:
        span = tuple(p["covers"])
        if span in seen or not p.get("records"):
            continue
        seen.add(span)
        news.append((at, *span, max(r["t"] for r in p["records"]), sum(len(r["values"]) for r in p["records"])))
    return news


def backlog(world, devices):
    live_first, strict = OwnBroker(world, "live-first"), OwnBroker(world, "strict")
    listeners = Listener(world, live_first), Listener(world, strict)
    routes = [f"name: first, url: \"mqtt://127.0.0.1:{live_first.port}\", recipient: self, rate: {RATE}/s",
              f"name: strict, url: \"mqtt://127.0.0.1:{strict.port}\", recipient: self, order: strict"]
    gateway = Gateway(world, config(devices.ports(), routes), name="orders").start()
    for listener in listeners:
        wait_for(lambda: len(listener.since(0)) > 5, "both routes")
    for broker in (live_first, strict):
        broker.stop()
    wait_for(lambda: all(r["backlog"] > 1200 for r in gateway.json("routes")), "a backlog", 60)
    marks = [len(listener.since(0)) for listener in listeners]
    before = gateway.json("status")["store"]["last_seq"]
    for broker in (live_first, strict):
        broker.start()
    # a route that was away for a while asks again after at most 60 s, at random
    wait_for(lambda: all(r["state"] == "online" for r in gateway.json("routes")),
             "both routes again", 75)
    last = gateway.json("status")["store"]["last_seq"]
    for listener in listeners:
        wait_for(lambda: covered(listener.since(0)) >= last, "all of the backlog", 60)
    gateway.stop()
    check_live_first(first_arrivals(listeners[0].since(marks[0])), before)
    spans = [(first, last) for _, first, last, _, _ in first_arrivals(listeners[1].since(marks[1]))]
    assert spans == sorted(spans), "strict order is the order of the log"
    print(f"strict: {len(spans)} messages in order")
    for listener in listeners:
        listener.stop()


def check_live_first(news, before):
    old = sorted(row for row in news if row[1] <= before)
    begin, end = old[0][0], old[-1][0]
    live = sorted(at - t for at, first, _, t, _ in news if first > before and at <= end)
    report("live beside a backlog", live)
    # the bucket holds a second's worth, and a message goes whole before the bucket owes for it
    n = sum(row[4] for row in old[:-1])
    print(f"live-first: {n} readings of backlog in {(end - begin) / 1000:.1f} s (limit {RATE}/s)")
    assert percentile(live, 0.9) <= COMMIT_MS + INTERVAL_MS + DELAY_MS, "live waits behind the backlog"
    assert n - RATE <= 1.1 * RATE * (end - begin) / 1000, "the backlog is faster than its rate"


def main():
    with World() as world:
        devices = Devices(world, "--tcp", "127.0.0.1:0", "--count", str(N), "--registers",
                          str(REGISTERS), "--content", "counter")
        resolver = DeadResolver(world)
        if resolver.reason:
            print(f"without the dead resolver: {resolver.reason}")
        dead_beside_live(world, devices, resolver)
        backlog(world, devices)


main()
