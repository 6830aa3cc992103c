# SPDX-License-Identifier: Apache-2.0
"""Running modbus_probe, and counting what it got wrong; for the contract tests."""
import asyncio
import os

BUILD = os.environ.get("GATEWAYD_BUILD", ".")
PROBE = f"{BUILD}/tests/contract/modbus_probe"
PLUGIN = f"{BUILD}/plugins/modbus/.libs/modbus.so"
failures = 0


def expect(what, got, wanted):
    global failures
    if got != wanted:
        failures += 1
        print(f"FAIL {what}: got {got!r}, expected {wanted!r}")


async def run(*command, timeout_s=60, **options):
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, **options)
    try:
        out, err = await asyncio.wait_for(process.communicate(), timeout_s)
    except asyncio.TimeoutError:
        process.kill()
        await process.wait()
        return 124, "", f"no end after {timeout_s} s"
    return process.returncode, out.decode(), err.decode()


async def probe(bus, device, *arguments):
    return await run(PROBE, PLUGIN, bus, device, *arguments)


async def expect_cases(bus, device, cases):
    """Reads all points of [(point, expected)] and compares."""
    code, out, err = await probe(bus, device, *[point for point, _ in cases])
    expect(f"exit code of {bus} {device} ({err})", code, 0)
    for (point, wanted), got in zip(cases, out.splitlines()):
        expect(f"{point} of {bus} {device}", got, wanted)


def finish():
    print("failures:", failures)
    return 1 if failures else 0
