#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Outputs end at failsafe when the core is stopped, frozen, killed or aborted, when a lease
ends, and after a restart of everything."""
import contextlib
import os
import signal
import time

from harness import Gateway, World, wait_for

CONFIG = """
gateway: {id: failsafe, site: test}
store: {directory: @HOME@/store}
api: {socket: @HOME@/api.sock, listen: off}
buses:
  - {name: relays, plugin: faulty, output_file: "@HOME@/outputs"}
devices:
  - name: panel
    bus: relays
    timeout: 100 ms
    interval: 200 ms
    points:
      - {name: heater, kind: output, write: {min: 0, max: 100, failsafe: 7, lease: 60 s}}
"""


def written(gateway):
    path = gateway.home / "outputs"
    lines = path.read_text().splitlines() if path.exists() else []
    return [float(line.split()[2]) for line in lines]


def switch_on(gateway, lease="60s"):
    wait_for(lambda: gateway.json("points")["points"][0]["quality"] == "good", "first poll")
    gateway.ctl("write", "panel.heater", "42", "--lease", lease)
    assert written(gateway)[-1] == 42


def at_failsafe(gateway, what, seconds):
    begin = time.monotonic()
    wait_for(lambda: written(gateway)[-1] == 7, what, seconds)
    print(f"{what}: failsafe after {time.monotonic() - begin:.2f} s")


def main():
    with World() as world:
        gateway = Gateway(world, CONFIG).start()

        switch_on(gateway, lease="1s")
        at_failsafe(gateway, "lease over", 3)

        # a host that a reload ends may be stuck: the one that comes writes the failsafe
        switch_on(gateway)
        for pid in gateway.children():
            os.kill(pid, signal.SIGSTOP)
        gateway.write_config(CONFIG.replace("200 ms", "150 ms"))
        gateway.ctl("reload")
        at_failsafe(gateway, "a reload over a stuck host", 8)
        wait_for(lambda: len(gateway.children()) == 1, "the stuck host's end")

        switch_on(gateway)
        assert gateway.stop() < 5
        at_failsafe(gateway, "SIGTERM", 0.1)
        gateway.start()

        # a host that hangs and is killed: said so, and mended by the next start
        switch_on(gateway)
        for pid in gateway.children():
            os.kill(pid, signal.SIGSTOP)
        assert gateway.stop() < 6
        assert written(gateway)[-1] == 42
        assert "outputs may not be at failsafe until the next start" in gateway.log()
        gateway.start()
        at_failsafe(gateway, "a killed host, restart", 5)

        # the host ends well, but its device takes no write
        switch_on(gateway)
        outputs, aside = gateway.home / "outputs", gateway.home / "aside"
        outputs.rename(aside)
        outputs.mkdir()
        assert gateway.stop() < 6
        outputs.rmdir()
        aside.rename(outputs)
        assert "could not bring all its outputs to failsafe" in gateway.log()
        gateway.start()
        at_failsafe(gateway, "a device that took no write, restart", 5)

        # as systemd stops a unit: every process of it at once
        switch_on(gateway)
        children = gateway.children()
        gateway.process.terminate()
        signal_who_is_left(children, signal.SIGTERM)
        assert gateway.process.wait(5) == 0
        at_failsafe(gateway, "SIGTERM of all", 0.1)
        gateway.start()

        switch_on(gateway)
        gateway.process.send_signal(signal.SIGSTOP)
        at_failsafe(gateway, "SIGSTOP of the core", 8)
        gateway.process.send_signal(signal.SIGCONT)
        wait_for(lambda: gateway.children(), "a host again")

        switch_on(gateway)
        gateway.process.kill()
        gateway.process.wait()
        at_failsafe(gateway, "SIGKILL of the core", 3)
        gateway.start()

        switch_on(gateway)
        children = gateway.children()
        gateway.process.send_signal(signal.SIGABRT)
        signal_who_is_left(children, signal.SIGABRT)
        gateway.process.wait()
        at_failsafe(gateway, "SIGABRT of all", 3)
        gateway.start()

        # nobody is left to write: the restart reverts what the journal says we own
        switch_on(gateway)
        for pid, line in gateway.children().items():
            os.kill(pid, signal.SIGSTOP)
        gateway.process.kill()
        gateway.process.wait()
        for pid in children_of_no_one(world):
            os.kill(pid, signal.SIGKILL)
        assert written(gateway)[-1] == 42
        gateway.start()
        at_failsafe(gateway, "SIGKILL of all, restart", 5)
        gateway.stop()


def signal_who_is_left(children, number):
    """A host may have ended with its core before its own signal comes."""
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def children_of_no_one(world):
    """Hosts of this test's folder that outlived their core."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                maps = open(f"/proc/{entry}/cmdline").read()
            except OSError:
                continue
            if str(world.dir) in maps:
                found.append(int(entry))
    return found


main()
