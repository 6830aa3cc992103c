#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A broker that floods the gateway with commands and receipts: what is too much is dropped, the
readings go on, a command after the flood is done, and the stop is as quick as ever."""
import json
import os
import socket
import struct
import threading

from harness import Broker, Devices, Gateway, Subscriber, World, wait_for

N_FLOOD = 20000
GARBAGE = ({}, {"v": 1, "upto": -1}, {"v": 2}, {"v": 1, "upto": 10 ** 19}, {"x": "x" * 50000},
           {"v": 1, "upto": 5, "missing": [[9, 3]]}, {"x": [[[[[[[[[[{}]]]]]]]]]]})


def config(port, broker_port):
    return f"""
gateway: {{id: abuse, site: test}}
store: {{directory: @HOME@/store, commit_interval: 500 ms}}
api: {{socket: @HOME@/api.sock, listen: off}}
buses:
  - {{name: a, plugin: modbus, transport: tcp, host: 127.0.0.1, port: {port}}}
  - {{name: relays, plugin: faulty, output_file: "@HOME@/outputs"}}
devices:
  - {{name: a, bus: a, unit: 1, interval: 200 ms, points: [{{name: served, address: 0, type: float32}}]}}
  - {{name: panel, bus: relays, timeout: 100 ms, interval: 200 ms, points: [{{name: heater, kind: output, write: {{min: 0, max: 1000, failsafe: 7, lease: 60 s}}}}]}}
commands: {{allow: [{{by: c, points: [panel.heater]}}]}}
forward:
  - {{name: local, url: "mqtt://127.0.0.1:{broker_port}", recipient: self}}
"""


def length(n):
    out = b""
    while True:
        n, low = divmod(n, 128)
        out += bytes([low | (128 if n else 0)])
        if not n:
            return out


class Publisher:
    """MQTT 5 by hand: no client is fast enough, or would send such things."""

    def __init__(self, port):
        name = os.urandom(6).hex().encode()
        head = b"\x00\x04MQTT\x05\x02\x00\x3c\x00" + struct.pack(">H", len(name)) + name
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.sendall(b"\x10" + length(len(head)) + head)
        threading.Thread(target=self.drain, daemon=True).start()

    def drain(self):
        while self.socket.recv(65536):
            pass

    def publish(self, topic, payload, expiry_s=30):
        properties = b"\x02" + struct.pack(">I", expiry_s)
        body = (struct.pack(">H", len(topic)) + topic.encode() + length(len(properties)) +
                properties + payload)
        self.socket.sendall(b"\x30" + length(len(body)) + body)


def command(value):
    return json.dumps({"v": 1, "point": "panel.heater", "value": value, "lease_s": 60,
                       "valid_s": 30, "by": "c"}).encode()


def flood(publisher, epoch):
    for n in range(N_FLOOD):
        publisher.publish(f"gw/test/abuse/cmd/f{n}", command(n % 1000))
        if n % 10 == 0:
            garbage = json.dumps(GARBAGE[n // 10 % len(GARBAGE)] | {"epoch": epoch}).encode()
            publisher.publish("gw/test/abuse/cmd/same", command(999))
            publisher.publish(f"gw/test/abuse/receipt/{epoch}", garbage)
            publisher.publish(f"gw/test/abuse/receipt/{n}", garbage)
            publisher.publish(f"gw/test/abuse/cmd/g{n}", garbage)


def main():
    with World() as world:
        broker = Broker(world)
        devices = Devices(world, "--tcp", "127.0.0.1:0", "--count", "1", "--registers", "10",
                          "--content", "counter")
        gateway = Gateway(world, config(devices.ports()[0], broker.port)).start()
        wait_for(lambda: gateway.json("routes")[0]["state"] == "online", "the route")
        wait_for(lambda: gateway.json("points")["points"][0]["quality"] == "good", "first poll")
        subscriber = Subscriber(world, broker)
        wait_for(lambda: subscriber.records()[0], "the first readings")
        publisher = Publisher(broker.port)
        flood(publisher, gateway.json("status")["epoch"])
        n_bytes = os.path.getsize(world.dir / "gateway.log")
        assert n_bytes < 100000, f"{n_bytes} bytes of log"
        assert gateway.ctl("points").returncode == 0
        n = len(subscriber.records()[0])
        wait_for(lambda: len(subscriber.records()[0]) > n + 5, "readings after the flood", 10)

        def is_acknowledged():
            publisher.publish("gw/test/abuse/cmd/last", command(123))
            return any(t.endswith("/ack/last") and p["result"] == "confirmed"
                       for t, p in subscriber.snapshot())

        wait_for(is_acknowledged, "the command after the flood", 15)
        values = [line.split()[2] for line in (gateway.home / "outputs").read_text().splitlines()]
        assert values.count("999") <= 1 + N_FLOOD // 1000, "a repeated id was done again"
        assert values.count("123") <= 1 + N_FLOOD // 1000, "a repeated id was done again"
        last = gateway.json("status")["store"]["last_seq"]
        wait_for(lambda: gateway.json("routes")[0]["backlog"] < 10, f"{last} numbers gone out", 10)
        took = gateway.stop()
        assert took < 5, f"the stop took {took:.1f} s"
        assert gateway.process.returncode == 0, gateway.process.returncode
        subscriber.stop()


main()
