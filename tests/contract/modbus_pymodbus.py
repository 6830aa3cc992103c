# SPDX-License-Identifier: Apache-2.0
"""The modbus plugin against pymodbus over TCP: every type, order and table reads right,
writes arrive, refused addresses are found, and mbpoll sees the same registers."""
import asyncio
import logging
import shutil
import sys
import types

from modbus_cases import everything
from modbus_run import expect, expect_cases, finish, probe, run

# Its server imports the serial package too, which Debian only suggests.
try:
    import serial_asyncio
except ImportError:
    sys.modules["serial_asyncio"] = types.ModuleType("serial_asyncio")
    sys.modules["serial_asyncio"].create_serial_connection = None
try:
    from pymodbus.datastore import (ModbusServerContext, ModbusSlaveContext,
                                    ModbusSparseDataBlock)
    from pymodbus.server.async_io import ModbusTcpServer
except ImportError as error:
    print(f"skipped: python3-pymodbus is not installed ({error})")
    sys.exit(77)

logging.disable(logging.CRITICAL)  # the server logs each refused address as an error


async def test_reads(bus, cases):
    for limits in ("", " max_registers=10 max_bits=16", " max_gap=0"):
        await expect_cases(bus, "unit=1" + limits, cases)
    print(f"{len(cases)} points read three ways")


async def test_base(bus, images):
    address = min(images["holding"])
    _, out, _ = await probe(bus, "unit=1 base=1", f"address={address + 1}")
    expect("base 1", out.strip(), str(images["holding"][address]))


async def test_writes(bus):
    points = ["address=3000", "address=3001 type=int32 order=CDAB", "address=3003 type=float32",
              "address=3005 type=bits bit=4 length=3", "table=coil address=300",
              "table=coil address=301 type=bits length=9", "address=3006 type=string length=3",
              "address=3005", "address=3009 type=float64 order=DCBA"]
    writes = ["0=4660", "1=-70000", "2=-1.5", "3=5", "4=1", "5=300", '6="pump1', "8=0.1"]
    code, out, err = await probe(bus, "unit=1", *points, "--", *writes)
    expect("writes", (code, err), (0, ""))
    expect("read back", out.splitlines(),
           ["4660", "-70000", "-1.5", "5", "1", "300", "pump1", "80", "0.10000000000000001"])
    code, _, err = await probe(bus, "unit=1", *points, "--", "0=70000")
    expect("70000 does not fit", (code, "does not fit" in err), (1, True))
    code, _, err = await probe(bus, "unit=1", "table=input address=4", "--", "0=1")
    expect("input is not writable", (code, "cannot be written" in err), (1, True))


async def test_refused(bus, images):
    """Addresses that the server does not have: only the guilty point is flagged."""
    first = min(images["holding"])
    points = [f"address={first + i}" for i in range(4)] + ["address=5000"] + \
             [f"address={a}" for a in (2990, 3000, 2995)]
    code, out, _ = await probe(bus, "unit=1", *points)
    lines = out.splitlines()
    wanted = [str(images["holding"][first + i]) for i in range(4)] + \
             ["! quality 5 detail 2"] * 2 + [lines[6], "! quality 5 detail 2"]
    expect("refused addresses", lines, wanted)
    expect("3000 is read", lines[6].isdigit(), True)


async def test_mbpoll(bus, port, images):
    if not shutil.which("mbpoll"):
        print("skipped: mbpoll is not installed")
        return
    for table, number in (("holding", "4"), ("input", "3"), ("coil", "0"), ("discrete", "1")):
        first = min(images[table])
        code, out, _ = await run("mbpoll", "-m", "tcp", "-p", str(port), "-a", "1", "-t", number,
                                 "-0", "-r", str(first), "-c", "30", "-1", "-q", "127.0.0.1")
        seen = {int(l.split("]")[0][1:]): l.split("\t")[1].split()[0]
                for l in out.splitlines() if l.startswith("[")}
        points = [f"table={table} address={first + i}" for i in range(30)]
        _, ours, _ = await probe(bus, "unit=1", *points)
        expect(f"mbpoll {table}", [seen.get(first + i) for i in range(30)],
               ours.splitlines())


def block(image):
    return ModbusSparseDataBlock(dict(image))


async def main():
    images, cases = everything()
    holding = dict(images["holding"])
    holding.update({a: 0 for a in range(3000, 3020)})
    for a in range(min(holding), max(images["holding"]) + 1):
        holding.setdefault(a, 0xDEAD)
    inputs = {a: images["input"].get(a, 0xBEEF) for a in range(0, max(images["input"]) + 1)}
    coils = dict(images["coil"])
    coils.update({a: False for a in range(300, 320)})
    slave = ModbusSlaveContext(hr=block(holding), ir=block(inputs), co=block(coils),
                               di=block(images["discrete"]), zero_mode=True)
    server = ModbusTcpServer(ModbusServerContext(slaves={1: slave}, single=False),
                             address=("127.0.0.1", 0))
    task = asyncio.create_task(server.serve_forever())
    while server.server is None:
        await asyncio.sleep(0.01)
    port = server.server.sockets[0].getsockname()[1]
    bus = f"transport=tcp host=127.0.0.1 port={port}"
    await test_reads(bus, cases)
    await test_base(bus, images)
    await test_mbpoll(bus, port, images)
    await test_writes(bus)
    await test_refused(bus, images)
    task.cancel()


asyncio.run(main())
sys.exit(finish())
