#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A child inherits its channel and nothing else of the core: no store, no socket, no signal
mask; and the core keeps no descriptor of a child that died."""
import os
import pathlib
import signal

from harness import Broker, Devices, Gateway, World, wait_for

CONFIG = """
gateway: {{id: children, site: test}}
store: {{directory: @HOME@/store}}
api: {{socket: @HOME@/api.sock, listen: "127.0.0.1:0"}}
buses:
  - {{name: a, plugin: modbus, transport: tcp, host: 127.0.0.1, port: {port}}}
devices:
  - {{name: a, bus: a, unit: 1, interval: 200 ms, points: [{{name: served, address: 0, type: float32}}]}}
forward:
  - {{name: local, url: "mqtt://127.0.0.1:{broker}", recipient: self}}
"""


def targets(pid):
    found = {}
    for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            found[int(fd.name)] = os.readlink(fd)
        except OSError:
            continue
    return found


def status(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1], 16)
    raise AssertionError(field)


def running(gateway):
    points = gateway.json("points")["points"]
    online = gateway.json("routes")[0]["state"] == "online"
    return online and all(p["quality"] == "good" for p in points) and len(gateway.children()) == 2


def main():
    with World() as world:
        broker = Broker(world)
        devices = Devices(world, "--tcp", "127.0.0.1:0", "--count", "1", "--registers", "10",
                          "--content", "counter")
        gateway = Gateway(world, CONFIG.format(port=devices.ports()[0],
                                               broker=broker.port)).start()
        wait_for(lambda: running(gateway), "everything running")
        core = targets(gateway.process.pid)
        own = {t for t in core.values() if t.startswith("socket:") or str(world.dir) in t}
        for pid, line in gateway.children().items():
            fds = targets(pid)
            shared = {fd: t for fd, t in fds.items() if t in own and fd > 2}
            assert not shared, f"{line}: {shared}"
            assert fds[0] == "/dev/null" and fds[3].startswith("socket:"), fds
            # the core blocks these for its signalfd; a child must not inherit that
            for signal_ in (signal.SIGHUP, signal.SIGCHLD):
                assert not status(pid, "SigBlk") >> (signal_ - 1) & 1, f"{line}: {signal_}"
        before = len(core)
        for _ in range(5):
            for pid in gateway.children():
                os.kill(pid, signal.SIGKILL)
            wait_for(lambda: running(gateway), "children again", 60)
        after = targets(gateway.process.pid)
        assert len(after) <= before, f"{before} descriptors before, {len(after)} after: {after}"
        gateway.stop()
        print(f"descriptors of the core: {before} before, {len(after)} after 5 x 2 dead children")


main()
