#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Commands over MQTT: bounded, allowed by name, done once, acknowledged; refused ones say why."""
import json
import subprocess

from harness import Broker, Gateway, Subscriber, World, tool, wait_for

CONFIG = """
gateway: {{id: commands, site: test}}
store: {{directory: @HOME@/store}}
api: {{socket: @HOME@/api.sock, listen: off}}
buses:
  - {{name: relays, plugin: faulty, output_file: "@HOME@/outputs"}}
devices:
  - name: custom
    bus: relays
    timeout: 100 ms
    interval: 200 ms
    points:
      - {{name: limit_w, kind: output, unit: W, write: {{min: 0, max: 5000, failsafe: 5000, lease: 60 s}}}}
      - {{name: other_w, kind: output, unit: W, write: {{min: 0, max: 5000, failsafe: 5000, lease: 60 s}}}}
commands: {{allow: [{{by: coordinator, points: [custom.limit_w]}}]}}
forward:
  - {{name: local, url: "mqtt://127.0.0.1:{port}", recipient: self}}
"""


def main():
    with World() as world:
        broker = Broker(world)
        subscriber = Subscriber(world, broker)
        gateway = Gateway(world, CONFIG.format(port=broker.port)).start()
        wait_for(lambda: gateway.json("routes")[0]["state"] == "online", "the route")
        wait_for(lambda: gateway.json("points")["points"][0]["quality"] == "good", "first poll")

        def acks(id_):
            return [p for t, p in subscriber.snapshot() if t.endswith(f"/ack/{id_}")]

        def command(id_, expiry=30, retain=False, n=1, **changes):
            body = {"v": 1, "point": "custom.limit_w", "value": 2000, "lease_s": 60,
                    "valid_s": 30, "by": "coordinator"} | changes
            argv = [tool("mosquitto_pub"), "-p", str(broker.port), "-V", "mqttv5", "-q", "1",
                    "-t", f"gw/test/commands/cmd/{id_}", "-m", json.dumps(body)]
            if expiry:
                argv += ["-D", "publish", "message-expiry-interval", str(expiry)]
            subprocess.run(argv + (["-r"] if retain else []), check=True)
            wait_for(lambda: len(acks(id_)) >= n, f"the acknowledgement of {id_}")
            return acks(id_)[-1]

        def outputs():
            return (gateway.home / "outputs").read_text().split("\n")[:-1]

        first = command("1")
        assert first["result"] == "confirmed" and first["readback"] == 2000, first
        n_writes = len(outputs())
        again = command("1", n=2)
        assert again == first, again
        assert len(outputs()) == n_writes, "a repeated id was done again"
        for id_, changes, word in (
                ("big", {"value": 9000}, "5000"), ("who", {"by": "stranger"}, "allow"),
                ("other", {"point": "custom.other_w"}, "allow"),
                ("none", {"point": "custom.nothing"}, ""), ("text", {"value": "much"}, ""),
                ("late", {"valid_s": 600}, "")):
            answer = command(id_, **changes)
            assert answer["result"] == "refused" and answer["reason"], (id_, answer)
            assert word in answer["reason"], (id_, answer)
        assert command("noexpiry", expiry=0)["result"] == "refused"
        gateway.stop()
        command_retained = ["-r"]
        subprocess.run([tool("mosquitto_pub"), "-p", str(broker.port), "-V", "mqttv5", "-q", "1",
                        "-t", "gw/test/commands/cmd/kept", "-D", "publish",
                        "message-expiry-interval", "60", "-m",
                        json.dumps({"v": 1, "point": "custom.limit_w", "value": 1, "lease_s": 60,
                                    "valid_s": 60, "by": "coordinator"})] + command_retained,
                       check=True)
        gateway.start()
        wait_for(lambda: acks("kept"), "the answer to a retained command")
        assert acks("kept")[-1]["result"] == "refused", acks("kept")
        wait_for(lambda: gateway.json("points")["points"][0]["quality"] == "good",
                 "the first poll again: the outputs' failsafes are written before it")
        # ids survive the restart
        n_writes = len(outputs())
        assert command("1", n=3) == first
        assert len(outputs()) == n_writes
        gateway.stop()
        subscriber.stop()


main()
