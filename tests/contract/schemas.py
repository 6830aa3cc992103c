# SPDX-License-Identifier: Apache-2.0
"""conf/*.schema.json accept every example, good test file and shipped map, and see a typo."""
import json
import os
import pathlib
import sys

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"skip: {missing}")
    sys.exit(77)

SRC = pathlib.Path(os.environ.get("GATEWAYD_SRC", "."))


class Loader(yaml.SafeLoader):
    """Scalars as text, but whole and decimal numbers: types come from the schema."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, expression) for tag, expression in rows
            if tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def load(path):
    return yaml.load(path.read_text(encoding="utf-8"), Loader)


def validator(name):
    schema = json.loads((SRC / "conf" / name).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def main():
    config, map_ = validator("gatewayd.schema.json"), validator("map.schema.json")
    files = [*(SRC / "conf" / "examples").glob("*.yaml"), SRC / "conf" / "gatewayd.yaml",
             SRC / "tests" / "config" / "good" / "contract.yaml"]
    maps = list((SRC / "conf" / "maps").rglob("*.yaml"))
    assert len(files) > 4 and len(maps) > 4
    for check, paths in ((config, files), (map_, maps)):
        for path in paths:
            errors = [f"{path}: {e.json_path}: {e.message}" for e in check.iter_errors(load(path))]
            assert not errors, "\n".join(errors)
    wrong = load(SRC / "tests" / "config" / "good" / "contract.yaml")
    wrong["outage"]["iland"] = "own"
    assert list(config.iter_errors(wrong)), "a typo was not seen"
    print(f"{len(files)} configurations and {len(maps)} maps agree with the schemas")


main()
