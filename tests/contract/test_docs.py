#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Documents for people and the programs agree: keys, defaults, words and message codes of the
configuration (docs/config.md, conf/*.schema.json); commands and options of the programs
(manual pages, --help, completion)."""
import json
import os
import pathlib
import re
import subprocess

SRC = pathlib.Path(os.environ.get("GATEWAYD_SRC", ".")).resolve()
BUILD = pathlib.Path(os.environ.get("GATEWAYD_BUILD", ".")).resolve()
# of a device map: docs/maps.md
MAP_FILES = ("map.c", "map_find.c")
NOT_YET = ("json", "homeassistant", "sparkplug")  # formats: only the first is not refused
wrong = []


def differ(what, here, there, where):
    """Both ways."""
    for name in sorted(set(here) - set(there)):
        wrong.append(f"{what} {name}: not in {where}")
    for name in sorted(set(there) - set(here)):
        wrong.append(f"{what} {name}: only in {where}")


def key_rows(maps):
    """(key, the rest of its row) of the configuration's tables, or of the maps'."""
    rows = []
    for file in sorted((SRC / "lib/config").glob("*.c")):
        if (file.name in MAP_FILES) == maps:
            text = file.read_text()
            for start in re.finditer(r'SCHEMA_KEY\("(\w+)",', text):
                end, depth = start.end(), 1
                while depth:
                    depth += {"(": 1, ")": -1}.get(text[end], 0)
                    end += 1
                rows.append((start[1], text[start.end():end]))
    return rows


def schema_keys(schema):
    """Names of all properties in it, and the words of all enums and patterns."""
    keys, words = set(), set()
    if isinstance(schema, dict):
        for name, value in schema.items():
            if name == "properties":
                keys |= set(value)
            if name == "enum":
                words |= {str(w) for w in value}
            if name == "pattern" and isinstance(value, str):
                words |= set(re.sub(r"[$^()]", "", value.replace(" *", " ")).split("|"))
            deeper = schema_keys(value)
            keys, words = keys | deeper[0], words | deeper[1]
    elif isinstance(schema, list):
        for value in schema:
            deeper = schema_keys(value)
            keys, words = keys | deeper[0], words | deeper[1]
    return keys, words


def words_of(row):
    match = re.search(r'\.words = ((?:"[^"]*"\s*)+)', row)
    if not match:
        return []
    text = "".join(re.findall(r'"([^"]*)"', match[1]))
    return text.split("|") if "|" in text else text.split()


def fallback_of(row):
    match = re.search(r'\.fallback = "([^"]*)"', row)
    return match and match[1]


def check_configuration():
    doc = (SRC / "docs/config.md").read_text()
    quoted = set(re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", doc, flags=re.M | re.S)))
    said = {word for text in quoted for word in re.findall(r"[\w.-]+", text)}
    rows = key_rows(maps=False)
    keys, words = schema_keys(json.loads((SRC / "conf/gatewayd.schema.json").read_text()))
    top = {"gateway", "store", "api", "buses", "devices", "circuits", "outage", "policies",
           "commands", "forward", "consent"}
    differ("key", {key for key, _ in rows} | top, keys, "conf/gatewayd.schema.json")
    page = set(re.findall(r"[\w-]+", manual("gatewayd.yaml.5")))
    for key, row in rows:
        for word in {key, *words_of(row)} - set(NOT_YET[1:]):
            if not set(word.split()) <= page:
                wrong.append(f"key {key}: {word} is not in gatewayd.yaml.5")
        if key not in said and not re.search(rf"^## {key}\b", doc, re.M):
            wrong.append(f"key {key}: not in docs/config.md")
        fallback = fallback_of(row)
        lines = [line for line in doc.splitlines() if re.search(rf"`{key}\b", line)]
        if fallback and not any(re.search(rf"(?<![\w.]){re.escape(fallback)}(?!\w)", line)
                                for line in lines):
            wrong.append(f"key {key}: its default {fallback} is not in docs/config.md")
        for word in words_of(row):
            if word not in said and word not in quoted:
                wrong.append(f"key {key}: its word {word} is not in docs/config.md")
            if word not in words and word not in NOT_YET:
                wrong.append(f"key {key}: its word {word} is not in conf/gatewayd.schema.json")
    assert len(rows) > 90
    return len(rows)


def check_codes():
    given = set()
    for file in [*(SRC / "lib/config").glob("*.c"), *(SRC / "lib/microgrid").glob("*.c")]:
        given |= set(re.findall(r'"(config-[a-z-]+)"', file.read_text()))
    said = set(re.findall(r"`(config-[a-z-]+)`", (SRC / "docs/config.md").read_text()))
    differ("code", given, said, "docs/config.md")
    return len(given)


def help_of(program):
    done = subprocess.run([BUILD / program, "--help"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, f"{program} --help: {done.returncode} {done.stderr}"
    return done.stdout


def manual(name):
    text = (SRC / "docs/man" / name).read_text().replace("\\-", "-")
    return re.sub(r'\\f[BIR]|"gatewayd --[a-z]+"', "", text)


def long_options(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))


def check_programs():
    for program, page in (("gatewayd/gatewayd", "gatewayd.8"),
                          ("devhost/gateway-devhost", "gateway-devhost.8"),
                          ("route/gateway-route", "gateway-route.8")):
        told = long_options(help_of(program)) - {"--help", "--version"}
        differ(f"{program}:", told, long_options(manual(page)) - {"--help", "--version"}, page)


def check_ctl():
    text = help_of("gatewayctl/gatewayctl")
    commands = set(re.findall(r"^  ([a-z]+) ", text, re.M))
    page = manual("gatewayctl.1")
    described = set(re.findall(r'^\.TP\n\.(?:B|BI|BR) "?([a-z]+)', page, re.M))
    differ("gatewayctl", commands, described, "gatewayctl.1")
    completion = (SRC / "gatewayctl/completions/gatewayctl").read_text()
    listed = re.search(r"local commands='([^']*)'", completion)[1].split()
    differ("gatewayctl", commands, set(listed) - {"help"}, "the completion")
    for option in sorted(long_options(text) - long_options(page)):
        wrong.append(f"gatewayctl {option}: not in gatewayctl.1")
    for option in sorted(long_options(page) - long_options(completion)):
        wrong.append(f"gatewayctl {option}: in gatewayctl.1, not in the completion")
    taken = set(re.findall(r'\{"([a-z-]+)",\s+(?:no|required|optional)_argument',
                           (SRC / "gatewayctl/main.c").read_text()))
    differ("gatewayctl", {f"--{name}" for name in taken} - {"--help", "--version"},
           long_options(page) - {"--help", "--version"}, "gatewayctl.1")
    return len(commands)


def main():
    n_keys, n_codes = check_configuration(), check_codes()
    check_programs()
    n_commands = check_ctl()
    assert not wrong, "\n".join(wrong)
    print(f"{n_keys} keys, {n_codes} codes and {n_commands} commands agree with their documents")


main()
