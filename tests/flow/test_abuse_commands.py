#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Commands and writes while reloads move the devices about: no value ever reaches a point it
was not meant for."""
import json
import subprocess
import threading

from harness import Broker, Gateway, Subscriber, World, program, tool, wait_for

N_RELOADS = 40


def config(broker_port, k):
    mine, other = ("  - {name: %s, bus: relays, timeout: 100 ms, interval: 200 ms, points: "
                   "[{name: limit_w, kind: output, write: {min: 0, max: 5000, failsafe: 5000, "
                   "lease: 60 s}}]}\n" % name for name in ("mine", "other"))
    fill = "".join("  - {name: f%d, bus: relays, timeout: 100 ms, interval: 1 s, points: "
                   "[{name: n}]}\n" % i for i in range(k % 3))
    return f"""
gateway: {{id: abuse, site: test}}
store: {{directory: @HOME@/store}}
api: {{socket: @HOME@/api.sock, listen: off}}
buses:
  - {{name: relays, plugin: faulty, output_file: "@HOME@/outputs"}}
devices:
{fill}{mine + other if k % 2 else other + mine}
commands: {{allow: [{{by: c, points: [mine.limit_w]}}]}}
forward:
  - {{name: local, url: "mqtt://127.0.0.1:{broker_port}", recipient: self}}
"""


def send_commands(broker, stop):
    n = 0
    while not stop.is_set():
        n += 1
        body = {"v": 1, "point": "mine.limit_w", "value": n % 1000, "lease_s": 60,
                "valid_s": 30, "by": "c"}
        subprocess.run([tool("mosquitto_pub"), "-p", str(broker.port), "-V", "mqttv5", "-q", "1",
                        "-t", f"gw/test/abuse/cmd/{n}", "-D", "publish",
                        "message-expiry-interval", "30", "-m", json.dumps(body)], check=False)


def send_writes(gateway, stop):
    while not stop.is_set():
        subprocess.run([program("gatewayctl/gatewayctl"), "--socket", str(gateway.socket),
                        "write", "mine.limit_w", "77"], capture_output=True, timeout=20)


def main():
    with World() as world:
        broker = Broker(world)
        subscriber = Subscriber(world, broker)
        gateway = Gateway(world, config(broker.port, 0)).start()
        wait_for(lambda: gateway.json("routes")[0]["state"] == "online", "the route")
        stop = threading.Event()
        senders = [threading.Thread(target=send_commands, args=(broker, stop)),
                   threading.Thread(target=send_writes, args=(gateway, stop))]
        for sender in senders:
            sender.start()
        try:
            for k in range(1, N_RELOADS):
                gateway.write_config(config(broker.port, k))
                gateway.ctl("reload")
        finally:
            stop.set()
            for sender in senders:
                sender.join(20)
        gateway.ctl("write", "mine.limit_w", "5")
        took = gateway.stop()
        assert took < 5, f"the stop took {took:.1f} s"
        assert gateway.process.returncode == 0, gateway.process.returncode
        lines = [line.split() for line in
                 (gateway.home / "outputs").read_text().splitlines()]
        wrong = [line for line in lines if line[0] != "mine" and float(line[2]) != 5000]
        assert not wrong, f"written to a point nobody meant: {wrong[:5]} of {len(lines)}"
        assert lines[-1] == ["mine", "limit_w", "5000"], f"not at failsafe: {lines[-1]}"
        print(f"{len(lines)} writes over {N_RELOADS} reloads")
        subscriber.stop()


main()
