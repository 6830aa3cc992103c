# SPDX-License-Identifier: Apache-2.0
"""The register image of the contract tests, and what every point of it must read as.

Written from CONTRACT.md 3 alone, with Python's struct: it shares nothing with the plugin.
"""
import struct

TYPES = {  # name: struct code, values
    "int16": (">h", [0, 1, -1, -32768, 32767, 0x1234]),
    "uint16": (">H", [0, 1, 0xFFFF, 0x8000, 0x1234]),
    "int32": (">i", [0, -1, -(2**31), 2**31 - 1, 0x12345678, -305419896]),
    "uint32": (">I", [0, 2**32 - 1, 2**31, 0x12345678]),
    "int64": (">q", [0, -1, -(2**63), 2**63 - 1, 0x123456789ABCDEF0]),
    "uint64": (">Q", [0, 2**64 - 1, 2**63, 0x123456789ABCDEF0]),
    "float32": (">f", [0.0, 1.5, -230.25, 1e-20, 3.4e38]),
    "float64": (">d", [0.0, -1.25, 3.141592653589793, 1e300]),
}


def registers(data, order):
    """Bytes as the device means them (ABCD...) to registers in this order."""
    words = [data[i : i + 2] for i in range(0, len(data), 2)]
    if order in ("CDAB", "DCBA"):
        words.reverse()
    if order in ("BADC", "DCBA"):
        words = [w[::-1] for w in words]
    return [w[0] << 8 | w[1] for w in words]


def show(kind, value):
    if kind == "float32":
        return "%.9g" % struct.unpack(">f", struct.pack(">f", value))[0]
    if kind == "float64":
        return "%.17g" % value
    return str(value)


def register_table(table, salt):
    """(image {address: register}, [(point, expected)]) of one register table."""
    image, cases, address = {}, [], 3 + salt
    def put(regs, text, expected):
        nonlocal address
        for i, r in enumerate(regs):
            image[address + i] = r
        cases.append((f"table={table} address={address} {text}", expected))
        address += len(regs)

    for order in ("ABCD", "CDAB", "BADC", "DCBA"):
        for kind, (code, values) in TYPES.items():
            for value in values:
                put(registers(struct.pack(code, value), order),
                    f"type={kind} order={order}", show(kind, value))
        put(registers(struct.pack(">f", float("nan")), order),
            f"type=float32 order={order}", "! quality 6 detail 0")
        put(registers(struct.pack(">d", float("-inf")), order),
            f"type=float64 order={order}", "! quality 6 detail 0")
        put(registers(b"\x80\x00", order), f"type=int16 order={order} invalid=0x8000",
            "! quality 6 detail 0")
        put(registers(b"\xa5\x3c", order), f"type=bits order={order} bit=2 length=4", "15")
        put(registers(b"\xa5\x3c", order), f"type=bool order={order} bit=15", "1")
        put(registers(b"\xa5\x3c", order), f"type=bool order={order} bit=14", "0")
        address += 7  # a hole to read through
    put([0x4D65, 0x7465, 0x7220, 0x3700], "type=string length=4", "Meter 7")
    put([0x654D, 0x6574], "type=string length=2 order=BADC", "Mete")
    return image, cases


def bit_table(table, salt):
    image, cases = {}, []
    for i in range(40):
        image[i + salt] = bool((0b1011001110001111 * (salt + 3)) >> (i % 17) & 1)
        cases.append((f"table={table} address={i + salt}", str(int(image[i + salt]))))
    for first, n in ((0, 16), (5, 9), (8, 8)):
        expected = sum(image[first + i + salt] << i for i in range(n))
        cases.append((f"table={table} address={first + salt} type=bits length={n}",
                      str(expected)))
    return image, cases


def everything():
    """({table: image}, [(point, expected)])"""
    images, cases = {}, []
    for salt, table in enumerate(("holding", "input")):
        images[table], more = register_table(table, salt)
        cases += more
    for salt, table in enumerate(("coil", "discrete")):
        images[table], more = bit_table(table, salt)
        cases += more
    return images, cases
