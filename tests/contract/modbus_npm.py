# SPDX-License-Identifier: Apache-2.0
"""The modbus plugin against npm's modbus-serial, over TCP and over a pair of ptys. The
package is installed below the build directory; without a registry the test is skipped."""
import asyncio
import json
import os
import pty
import shutil
import sys
import tty

from modbus_cases import everything
from modbus_run import BUILD, expect, expect_cases, finish, probe, run

HERE = os.path.dirname(os.path.abspath(__file__))
PREFIX = f"{BUILD}/tests/contract/npm"


def skip(why):
    print("skipped:", why)
    sys.exit(77)


async def install():
    if not shutil.which("npm") or not shutil.which("node"):
        skip("npm or node is not installed")
    if os.path.isdir(f"{PREFIX}/node_modules/modbus-serial"):
        return
    os.makedirs(PREFIX, exist_ok=True)
    code, out, err = await run("npm", "install", "--prefix", PREFIX, "--no-audit", "--no-fund",
                               "--silent", "modbus-serial@8", timeout_s=60)
    if code:
        shutil.rmtree(PREFIX, ignore_errors=True)
        skip(f"modbus-serial cannot be installed: {(out + err).strip() or code}")


async def start_server(images, *arguments):
    """The server and its first line, which tells the port."""
    server = await asyncio.create_subprocess_exec(
        "node", f"{HERE}/modbus_npm_server.js", f"{PREFIX}/node_modules/modbus-serial",
        *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    server.stdin.write(json.dumps(images).encode() + b"\n")
    line = await asyncio.wait_for(server.stdout.readline(), 20)
    return server, line.decode().split()


async def stop_server(server):
    server.stdin.close()
    try:
        await asyncio.wait_for(server.wait(), 5)
    except asyncio.TimeoutError:
        server.kill()
        await server.wait()


class PtyPair:
    """Two ptys, each the other's far end."""

    def __init__(self):
        ends = [pty.openpty() for _ in range(2)]
        self.masters, self.slaves = zip(*ends)
        for slave in self.slaves:
            tty.setraw(slave)
        self.names = [os.ttyname(slave) for slave in self.slaves]
        loop = asyncio.get_running_loop()
        for from_fd, to_fd in (self.masters, self.masters[::-1]):
            loop.add_reader(from_fd, self.copy, from_fd, to_fd)

    @staticmethod
    def copy(from_fd, to_fd):
        os.write(to_fd, os.read(from_fd, 512))

    def close(self):
        for master in self.masters:
            asyncio.get_running_loop().remove_reader(master)
        for fd in self.masters + self.slaves:
            os.close(fd)


async def test_tcp(images, cases):
    server, words = await start_server(images, "tcp")
    expect("server over TCP", words[:1], ["port"])
    bus = f"transport=tcp host=127.0.0.1 port={words[-1]}"
    await expect_cases(bus, "unit=1", cases)
    await expect_cases(bus, "unit=1 max_registers=9 max_gap=0", cases)
    code, out, err = await probe(bus, "unit=1", "address=4000 type=float32 order=CDAB",
                                 "table=coil address=400", "address=4002 type=bits bit=4 length=3",
                                 "address=4002", "--", "0=21.5", "1=1", "3=65535", "2=5")
    # this server does not know mask write: the register is read, changed and written
    expect("writes over TCP", (code, out.split(), err), (0, ["21.5", "1", "5", "65503"], ""))
    await stop_server(server)
    print(f"{len(cases)} points read over TCP")


async def test_rtu(images, cases):
    pair = PtyPair()
    server, words = await start_server(images, "rtu", pair.names[0])
    expect("server over a pty", words, ["open"])
    bus = f"transport=rtu device={pair.names[1]} baud=115200 parity=none timeout=2000"
    await expect_cases(bus, "unit=1", cases)
    code, out, err = await probe(bus, "unit=1", "address=4000 type=int32 order=BADC",
                                 "table=coil address=400", "--", "0=-5", "1=1")
    expect("writes over RTU", (code, out.split(), err), (0, ["-5", "1"], ""))
    await stop_server(server)
    pair.close()
    print(f"{len(cases)} points read over RTU")


async def main():
    await install()
    images, cases = everything()
    await test_tcp(images, cases)
    await test_rtu(images, cases)


asyncio.run(main())
sys.exit(finish())
