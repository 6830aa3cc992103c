# SPDX-License-Identifier: Apache-2.0
"""A stand-in of the coordinator: what it gets is on its disk before it says so by a receipt. And
the disturbances that receipts are there for: a broker that dies with what it had acknowledged."""
import json
import os
import shutil
import signal
import subprocess
import time

from harness import Subscriber, tool, wait_for


class Receiver(Subscriber):
    """Its messages are those that lie in its file."""

    def __init__(self, world, broker, name):
        self.file = os.open(world.dir / f"{name}.received", os.O_WRONLY | os.O_CREAT, 0o600)
        self.held = False
        super().__init__(world, broker, receipts=True)

    def listen(self):
        while not self.stopping:
            if self.held:
                time.sleep(0.02)  # away; the pace of looking again
                continue
            self.process = subprocess.Popen(
                [tool("mosquitto_sub"), "-p", str(self.broker.port), "-V", "mqttv5", "-c", "-x",
                 "100000", "-i", "receiver", "-q", "1", "-t", "gw/#", "-F", "%t\t%p"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            for line in self.process.stdout:
                if line.endswith(b"\n"):  # else it was cut off, and is as good as not come
                    self.keep(line)
            self.process.wait()
            if not self.stopping:
                time.sleep(0.1)  # the broker is away; its own pace of asking again

    def keep(self, line):
        os.write(self.file, line)
        os.fdatasync(self.file)
        topic, payload = line.decode().rstrip("\n").split("\t", 1)
        with self.lock:
            self.messages.append((topic, json.loads(payload) if payload else None))

    def go_away(self):
        """Killed with what it had in hand; its session, and its queue, stay at the broker."""
        self.held = True
        self.process.kill()
        self.process.wait()

    def come_back(self):
        self.held = False

    def has_all(self, epoch, last):
        return self.epochs().get(epoch, set()).issuperset(range(1, last + 1))


def lose_queue(broker, receiver, gateway):
    """The broker acknowledges while nobody takes it off its hands, and is killed with all it
    had."""
    receiver.go_away()
    sent = gateway.json("routes")[0]["sent"]
    wait_for(lambda: gateway.json("routes")[0]["sent"] > sent + 100, "records at the broker")
    broker.stop(signal.SIGKILL)
    shutil.rmtree(broker.data)
    broker.data.mkdir()
    broker.start()
    receiver.come_back()
