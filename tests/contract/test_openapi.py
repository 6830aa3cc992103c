#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docs/openapi.yaml and the daemon agree: every resource served is described and every one
described is served, with these methods and no others; what comes back has the status, the type
and exactly the fields that stand there; and so do the codes of problems."""
import json
import os
import pathlib
import re
import subprocess
import sys

SRC = pathlib.Path(os.environ.get("GATEWAYD_SRC", ".")).resolve()
sys.path.insert(0, str(SRC / "tests/flow"))

try:
    import yaml
except ImportError as missing:
    print(f"skip: {missing}")
    sys.exit(77)

from harness import World, tool, wait_for  # noqa: E402
from outage import CONTACT, Home, PCS, VOLTAGE  # noqa: E402
from strict import validator  # noqa: E402

NAMES = {"device": "meter", "point": "voltage_v", "circuit": "washer"}
QUERIES = {"/api/v1/history": "?point=meter.power_w&point=meter.voltage_v&step=1m",
           "/api/v1/restore/data": "?id=1&offset=0", "/api/v1/restore/start": "?id=1"}
# what a request holds where an empty object does not do; the last one is to succeed
BODIES = {"/api/v1/points/*/*": {"value": 0}, "/api/v1/grid/confirm": {"present": True},
          "/api/v1/circuits/*/override": {"to": "auto"}, "/api/v1/hold": {"on": False},
          "/api/v1/storm": {"for_s": 0}, "/api/v1/drill": {"for_s": 0},
          "/api/v1/restore": {"size": 10000, "sha256": "0" * 64}}


def served():
    """{(path, method)} out of the daemon's own table."""
    text = (SRC / "gatewayd/api/api.c").read_text()
    table = text[text.index("} resources[] = {"):]
    table = table[:table.index("};")]
    rows = re.findall(r'\{"(/[^"]*)",\s*(\w+),\s*(\w+)\s*\}', table)
    assert len(rows) == table.count('{"'), "a row of the table was not understood"
    return {(path, method) for path, get, post in rows
            for method, function in (("get", get), ("post", post)) if function != "NULL"}


def described(doc):
    return {(re.sub(r"\{\w+\}", "*", path), method) for path, item in doc["paths"].items()
            for method in item if method in ("get", "put", "post", "delete", "patch")}


def source_codes():
    """Codes that the API itself gives, and all words that are a code of anything."""
    own, words = set(), set()
    for room in ("gatewayd", "lib"):
        for file in (SRC / room).rglob("*.c"):
            text = file.read_text()
            words |= set(re.findall(r'"([a-z]+(?:-[a-z0-9]+)+|busy|stopping|unwell)"', text))
            own |= set(re.findall(r'http_problem\(\s*[^,]+,\s*\d+,\s*"([^"]+)"', text))
    for name in ("gatewayd/backup.c", "gatewayd/store/backup.c", "gatewayd/store/restore.c"):
        own |= set(re.findall(r'error_set\([^,]+,[^,]+,\s*"([^"]+)"', (SRC / name).read_text()))
    assert len(own) > 25, own
    return own, words


class Contract:
    def __init__(self, doc):
        self.doc = doc
        self.n_checked = 0

    def resolve(self, item):
        while "$ref" in item:
            value = self.doc
            for part in item["$ref"].removeprefix("#/").split("/"):
                value = value[part]
            item = value
        return item

    def check(self, where, responses, status, kind, body):
        """An answer is one of those that are described; what is wrong with it."""
        if str(status) not in responses and (status < 400 or "default" not in responses):
            return [f"{where}: status {status} is not described: {body[:200]}"]
        response = self.resolve(responses.get(str(status), responses.get("default")))
        content = response.get("content", {})
        self.n_checked += 1
        if kind not in content:
            return [f"{where}: {status} with {kind}, described: {list(content)}: {body[:200]}"]
        if "json" not in kind:
            return []
        schema = content[kind]["schema"] | {"components": self.doc["components"]}
        return [f"{where}: {status}: {e.json_path}: {e.message}" for e in
                validator(schema).iter_errors(json.loads(body))]


def call(home, method, target, body=None):
    """(status, content type, body) over the socket."""
    argv = [tool("curl"), "-s", "-o", home.world.dir / "answer", "-w",
            "%{http_code} %{content_type}", "-X", method.upper(), "--unix-socket",
            home.gateway.socket, f"http://localhost{target}"]
    if body is not None:
        argv += ["-H", "Content-Type: application/json", "--data-binary", body]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True)
    status, kind = done.stdout.split(" ", 1)
    file = home.world.dir / "answer"
    text = file.read_text(errors="replace") if file.exists() else ""
    file.unlink(missing_ok=True)
    return int(status), kind.split(";")[0], text


def check_resource(home, contract, path, item):
    """What is wrong with it."""
    pattern = re.sub(r"\{\w+\}", "*", path)
    target = re.sub(r"\{(\w+)\}", lambda m: NAMES[m[1]], path) + QUERIES.get(pattern, "")
    good, wrong = json.dumps(BODIES.get(pattern, {})), []
    for method, bodies in (("get", [None]), ("post", ["{}", '{"nonsense": 1}', "[", good])):
        where = f"{method.upper()} {path}"
        for body in bodies:
            status, kind, text = call(home, method, target, body)
            if (status == 405) == (method in item):
                wrong.append(f"{where}: {method in item and 'described'}, status {status}")
            elif method in item:
                wrong += contract.check(where, item[method]["responses"], status, kind, text)
        if "{" in path and method in item:
            nobody = re.sub(r"\{\w+\}", "nobody", path)
            status, kind, text = call(home, method, nobody, good if method == "post" else None)
            wrong += contract.check(f"{where} of nobody", item[method]["responses"], status,
                                    kind, text)
            wrong += [] if status == 404 else [f"{where} of nobody: status {status}"]
    return wrong


def main():
    doc = yaml.safe_load((SRC / "docs/openapi.yaml").read_text(encoding="utf-8"))
    there, said = served(), described(doc)
    assert there == said, (f"served and not described: {sorted(there - said)}; "
                           f"described and not served: {sorted(said - there)}")
    own, words = source_codes()
    codes = set(doc["components"]["schemas"]["Problem"]["properties"]["code"]["enum"])
    assert own <= codes, f"codes that are not described: {sorted(own - codes)}"
    assert codes <= words, f"codes that nothing gives: {sorted(codes - words)}"
    contract = Contract(doc)
    with World() as world:
        home = Home(world, CONTACT + VOLTAGE + PCS, broker=True).start()
        wait_for(lambda: home.gateway.json("routes")[0]["state"] == "online", "the route")
        wrong = [each for path, item in doc["paths"].items()
                 for each in check_resource(home, contract, path, item)]
        home.grid(False)  # and what stands there only then
        home.wait_state("ISLANDED")
        for path in ("/api/v1/grid", "/api/v1/circuits", "/api/v1/status", "/api/v1/events"):
            wrong += check_resource(home, contract, path, doc["paths"][path])
        home.gateway.stop()
    assert not wrong, "\n".join(wrong)
    print(f"{len(there)} methods of {len(doc['paths'])} resources, {contract.n_checked} answers "
          f"and {len(codes)} codes agree with docs/openapi.yaml")


main()
