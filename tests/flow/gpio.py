# SPDX-License-Identifier: Apache-2.0
"""GPIO chips played by the test, for the whole daemon where the kernel has none.

    gpio = Gpio(world)                       # before the daemon starts
    board = gpio.chip("board", ["GRID", "HEATER"])
    gateway = Gateway(world, CONFIG)         # buses: {plugin: gpio, chip: board}
    gpio.install(gateway)                    # takes the plugin that asks this socket
    board.set("GRID", True)                  # a level from outside: an edge
    board.level("HEATER"), board.history("HEATER")      # [(monotonic s, level), ...]
    board.hold("HEATER", "doorbell"); board.unplug(); board.plug()

Levels are physical (True: high). A line that nobody holds falls back to its rest (low unless
rest("HEATER", True)), as a chip does that keeps nothing; keeps=True makes it keep its level.
The plugin's side is plugins/gpio/lines_socket.c.
"""
import os
import socket
import threading
import time

from harness import BUILD


class Line:
    def __init__(self, name):
        self.name, self.consumer, self.output = name, "", False
        self.level = self.rest = False
        self.holder = self.listener = None
        self.changes = []  # (monotonic s, level)


class Chip:
    def __init__(self, gpio, label, names, keeps):
        self.gpio, self.label, self.keeps, self.there = gpio, label, keeps, True
        self.lines = [Line(name) for name in names]

    def line(self, name):
        return next(line for line in self.lines if line.name == name)

    def move(self, line, level):
        if line.level == level:
            return
        line.level = level
        line.changes.append((time.monotonic(), level))
        if line.listener:
            try:
                line.listener.send(f"{int(level)} {time.monotonic_ns()}".encode())
            except OSError:
                pass

    def let_go(self, line):
        line.holder, line.consumer, line.output = None, "", False
        if not self.keeps:
            self.move(line, line.rest)

    # ---- for tests ----

    def set(self, name, level):
        with self.gpio.lock:
            self.move(self.line(name), level)

    def rest(self, name, level):
        with self.gpio.lock:
            line = self.line(name)
            line.rest = line.level = level

    def level(self, name):
        return self.line(name).level

    def consumer(self, name):
        return self.line(name).consumer

    def history(self, name):
        with self.gpio.lock:
            return list(self.line(name).changes)

    def hold(self, name, consumer):
        """Another program has the line; "" lets it go."""
        self.line(name).consumer = consumer

    def unplug(self):
        with self.gpio.lock:
            self.there = False
            for line in self.lines:
                for connection in (line.holder, line.listener):
                    if connection:
                        connection.shutdown(socket.SHUT_RDWR)

    def plug(self):
        self.there = True


class Gpio:
    def __init__(self, world):
        self.chips, self.lock = {}, threading.Lock()
        path = world.dir / "gpio.sock"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.bind(str(path))
        self.socket.listen(64)
        os.environ["GATEWAYD_FAKE_GPIO"] = str(path)
        threading.Thread(target=self.accept, daemon=True).start()

    def chip(self, label, names, keeps=False):
        self.chips[label] = Chip(self, label, names, keeps)
        return self.chips[label]

    @staticmethod
    def install(gateway):
        link = gateway.home / "plugins" / "gpio.so"
        link.unlink(missing_ok=True)
        os.symlink(BUILD / "plugins/gpio/fake/.libs/gpio.so", link)

    # ---- the plugin's questions ----

    def accept(self):
        while True:
            connection, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        held = None  # (chip, line) this connection holds
        while True:
            try:
                words = connection.recv(2000).decode().split("\t")
            except OSError:
                words = [""]
            if words == [""]:
                break
            with self.lock:
                answer, held = self.answer(connection, words, held)
                try:
                    connection.send(answer.encode())
                except OSError:
                    break
        with self.lock:
            if held and held[1].holder is connection:
                held[0].let_go(held[1])
            for chip in self.chips.values():
                for line in chip.lines:
                    if line.listener is connection:
                        line.listener = None
        connection.close()

    def answer(self, connection, words, held):
        if words[0] == "chips":
            return "\n".join(c.label for c in self.chips.values() if c.there) or "\n", held
        chip = held[0] if held else self.chips.get(words[1])
        if not chip or not chip.there:
            return "gone", held
        if words[0] == "chip":
            return str(len(chip.lines)), held
        if words[0] in ("get", "set"):
            if words[0] == "set":
                chip.move(held[1], words[1] == "1")
            return str(int(held[1].level)), held
        line = chip.lines[int(words[2])]
        if words[0] == "info":
            return "\t".join((line.name, "out" if line.output else "in", line.consumer)), held
        if words[0] == "edges":
            line.listener = connection
            return "ok", held
        assert words[0] == "request", words
        if line.consumer:
            return "busy", held
        line.holder, line.output, line.consumer = connection, words[3] == "out", words[5]
        if words[4] != "keep":
            chip.move(line, words[4] == "1")
        return "ok", (chip, line)
