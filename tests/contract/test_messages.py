#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a home publishes, on the grid and off it, and what it is told, is what docs/schema says,
field for field; and so are the examples of docs/mqtt.md."""
import json
import os
import pathlib
import re
import subprocess
import sys

SRC = pathlib.Path(os.environ.get("GATEWAYD_SRC", ".")).resolve()
sys.path.insert(0, str(SRC / "tests/flow"))

from harness import World, tool, wait_for  # noqa: E402
from outage import CONTACT, Home, PCS, VOLTAGE  # noqa: E402
from strict import validator  # noqa: E402

ALLOW = "commands: {allow: [{by: coordinator, points: [panel.kettle]}]}\n"
PUBLISHED = {"state", "readings", "event", "grid", "ack"}


def load_schemas():
    return {file.stem: validator(json.loads(file.read_text()))
            for file in (SRC / "docs/schema").glob("*.json")}


def kind_of(topic):
    return next(level for level in topic.split("/")[3:])


def errors_in(schemas, where, kind, message):
    if kind not in schemas:
        return [f"{where}: there is no docs/schema/{kind}.json"]
    return [f"{where}: {e.json_path}: {e.message}" for e in schemas[kind].iter_errors(message)]


def check_examples(schemas):
    """Each block of docs/mqtt.md by the heading it stands under."""
    text = (SRC / "docs/mqtt.md").read_text()
    wrong, kinds = [], []
    for section in re.split(r"^## ", text, flags=re.M)[1:]:
        names = re.findall(r"`(\w+)(?:/<\w+>)?`", section.splitlines()[0])
        blocks = re.findall(r"^```json\n(.*?)^```", section, re.M | re.S)
        for name, block in zip(names, blocks, strict=True) if blocks else []:
            kinds.append(name)
            wrong += errors_in(schemas, f"docs/mqtt.md, {name}", name,
                               json.loads(block.replace("…", "")))
    assert len(kinds) >= 9, kinds
    return wrong, kinds


def command(home, number, **changes):
    body = {"v": 1, "point": "panel.kettle", "value": True, "lease_s": 10, "valid_s": 30,
            "by": "coordinator"} | changes
    subprocess.run([tool("mosquitto_pub"), "-p", str(home.broker.port), "-V", "mqttv5", "-q", "1",
                    "-D", "publish", "message-expiry-interval", "30", "-t",
                    f"gw/test/home/cmd/{number}", "-m", json.dumps(body)], check=True)
    return body


def main():
    schemas = load_schemas()
    wrong, kinds = check_examples(schemas)
    with World() as world:
        home = Home(world, CONTACT + VOLTAGE + PCS, more=ALLOW, broker=True).start()
        wait_for(lambda: home.gateway.json("routes")[0]["state"] == "online", "the route")
        wrong += errors_in(schemas, "a command", "cmd", command(home, 1))
        command(home, 2, value="much")
        home.grid(False)
        home.wait_state("ISLANDED")
        home.gateway.ctl("hold", "on")

        def seen():
            return {kind_of(t) for t, p in home.subscriber.snapshot() if p}

        wait_for(lambda: PUBLISHED <= seen(), f"a message of each kind of {PUBLISHED}")
        wait_for(lambda: [p for t, p in home.subscriber.snapshot()
                          if kind_of(t) == "grid" and p and p.get("hold")], "the hold, told")
        home.gateway.stop()
        wait_for(lambda: [p for t, p in home.subscriber.snapshot()
                          if kind_of(t) == "state" and p["state"] == "offline"], "the last state")
        messages = [(t, p) for t, p in home.subscriber.snapshot() if p and kind_of(t) != "cmd"]
    for topic, payload in messages:
        wrong += errors_in(schemas, topic, kind_of(topic), payload)
    assert not wrong, "\n".join(sorted(set(wrong))[:20])
    print(f"{len(messages)} messages and {len(kinds)} examples agree with docs/schema")


main()
