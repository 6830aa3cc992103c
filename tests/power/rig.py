# SPDX-License-Identifier: Apache-2.0
"""A disk that remembers every write and every flush in order, and the states in which a power
cut could have left it.

qemu-storage-daemon shows a logged image (its node blklogwrites, the format of the kernel's
dm-log-writes) as a file, a loop device makes it a disk, the kernel's own ext4 lives on it.
What a program reports to the outside is marked in a sector behind the filesystem, so that
writes, flushes and reports stand in one log. A state after entry i holds everything up to
the last flush before i, and of what came later only what chance let through.
"""
import bisect
import ctypes
import json
import mmap
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "flow"))
import harness  # noqa: E402

os.environ["PATH"] += ":/usr/sbin:/sbin"

FS_BYTES = 28 << 20
MARK_AT = 30 << 20
DISK_BYTES = 32 << 20
SECTOR = 512
SUPERBLOCK = 1024  # ext4 looks at its checksum before its journal could mend it: never torn
MARK = b"mark"

LOG_MAGIC = 0x6A736677736872
FLUSH, DISCARD, NOTE = 1, 4, 8


def run(*argv):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True)
    assert done.returncode == 0, f"{argv}: {done.returncode} {done.stdout}{done.stderr}"
    return done.stdout.strip()


def needs():
    """Exits with 77 and the reason where a power cut cannot be played."""
    if os.geteuid() != 0:
        harness.skip("only root may mount")
    for name in ("qemu-storage-daemon", "losetup", "mount", "mkfs.ext4", "unshare"):
        harness.tool(name)
    for path in ("/dev/fuse", "/dev/loop-control"):
        if not os.path.exists(path):
            harness.skip(f"{path} does not exist")
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        harness.skip("no mounts of its own are allowed here")


def in_own_mounts():
    """Starts this program again where its mounts are its own and go with it."""
    if os.environ.get("POWER_MOUNTS") != "own":
        os.environ["POWER_MOUNTS"] = "own"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private",
                              sys.executable, *sys.argv])


def leave_mounts():
    """The same for a child of this process."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x00020000) != 0:  # CLONE_NEWNS
        raise OSError(ctypes.get_errno(), "unshare")


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class LoggedDisk:
    """An ext4 of FS_BYTES mounted at .mount whose device logs what reaches it."""

    def __init__(self, world, name, options="defaults"):
        self.world, self.options = world, options
        self.dir = world.dir / name
        self.dir.mkdir()
        self.base, self.log = self.dir / "base.img", self.dir / "disk.log"
        self.mount = self.dir / "mount"
        self.mount.mkdir()

    def __enter__(self):
        disk, shown = self.dir / "disk.img", self.dir / "shown.img"
        with open(self.base, "wb") as file:
            file.truncate(DISK_BYTES)
        run("mkfs.ext4", "-q", "-F", "-b", "4096", "-J", "size=4", "-E",
            "lazy_itable_init=0,lazy_journal_init=0", self.base, FS_BYTES // 4096)
        shutil.copyfile(self.base, disk)
        self.log.touch()
        shown.touch()
        self.daemon = self.world.start(
            "qemu-storage-daemon",
            "--blockdev", f"driver=file,node-name=f,filename={disk}",
            "--blockdev", f"driver=file,node-name=l,filename={self.log}",
            "--blockdev", "driver=blklogwrites,node-name=d,file=f,log=l",
            "--export", f"type=fuse,id=e,node-name=d,mountpoint={shown},writable=on",
            preexec_fn=die_with_parent)
        harness.wait_for(lambda: str(shown) in pathlib.Path("/proc/self/mounts").read_text()
                         or self.daemon.poll() is not None, "the logged image")
        if self.daemon.poll() is not None:
            harness.skip("qemu-storage-daemon cannot export by FUSE here")
        done = subprocess.run(["losetup", "--find", "--show", shown], capture_output=True,
                              text=True)
        if done.returncode:
            harness.skip(f"no loop device: {done.stderr.strip()}")
        loop = done.stdout.strip()
        try:
            run("mount", "-t", "ext4", "-o", self.options, loop, self.mount)
            self.fd = os.open(loop, os.O_WRONLY | os.O_DIRECT)
        finally:
            run("losetup", "--detach", loop)  # goes with its last user
        self.sector = mmap.mmap(-1, SECTOR)
        return self

    def mark(self, what):
        """On the disk when this returns, and in its log after all that was there before."""
        text = MARK + json.dumps(what).encode()
        self.sector[:] = text + bytes(SECTOR - len(text))
        os.pwritev(self.fd, [self.sector], MARK_AT)

    def __exit__(self, kind, value, trace):
        os.close(self.fd)
        subprocess.run(["umount", str(self.mount)], check=kind is None)
        self.daemon.terminate()
        self.daemon.wait(20)


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def let_run(seconds):
    end = now_ns() + seconds * 1e9
    harness.wait_for(lambda: now_ns() > end, "time", seconds + 5)


class Marker:
    """Writes into the disk's log, again and again, what is so at that moment."""

    def __init__(self, disk, what):
        self.disk, self.what, self.stopping = disk, what, threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        n = 0
        while not self.stopping.is_set():
            self.disk.mark(self.what(n))
            n += 1
            self.stopping.wait(0.01)  # its pace; what is marked is true whenever it is

    def stop(self):
        self.stopping.set()
        self.thread.join()


class Entry:
    __slots__ = ("offset", "data", "length", "flags", "mark")

    def __init__(self, offset, data, length, flags):
        self.offset, self.data, self.length, self.flags = offset, data, length, flags
        self.mark = None
        if offset == MARK_AT and data[:len(MARK)] == MARK:
            self.mark = json.loads(data[len(MARK):].rstrip(b"\0"))


def read_log(path):
    data = pathlib.Path(path).read_bytes()
    magic, _, n, sector = struct.unpack_from("<QQQI", data)
    assert magic == LOG_MAGIC, f"no log of writes: magic {magic:#x}"
    entries, at = [], sector
    for _ in range(n):
        first, n_sectors, flags, _ = struct.unpack_from("<QQQQ", data, at)
        at += sector
        length, body = n_sectors * sector, b""
        if not flags & (DISCARD | NOTE):
            body = data[at:at + length]
            at += length
        entries.append(Entry(first * sector, body, length, flags))
    return entries


class Marks:
    """The marks of a log, from the first on."""

    def __init__(self, entries):
        self.at = [i for i, e in enumerate(entries) if e.mark]
        self.all = [entries[i].mark for i in self.at]

    def around(self, at, span_s=0):
        """What was so before entry `at`, and what was so after it, by span_s at least. A mark is
        made before it reaches the log: only the second one behind `at` is younger for sure."""
        k = bisect.bisect_right(self.at, at) - 1
        j = k + 2
        while j < len(self.all) and self.all[j]["t"] < self.all[k]["t"] + span_s * 1e9:
            j += 1
        return self.all[k], self.all[min(j, len(self.all) - 1)]


class States:
    """Disk images after cuts at ascending entries of one log."""

    def __init__(self, base, entries):
        self.entries = entries
        with open(base, "rb") as file:
            self.image = bytearray(file.read())
        self.n_done = 0

    def put(self, image, entry, length=None):
        if entry.flags & DISCARD:
            image[entry.offset:entry.offset + entry.length] = bytes(entry.length)
        else:
            data = entry.data[:length]
            image[entry.offset:entry.offset + len(data)] = data

    def write(self, at, chance, path, n_lies=0):
        """The state after entry `at` to path; chance None: nothing of the unflushed writes,
        else a random half of them, each fifth of these torn. n_lies: so many of the last
        flushes were acknowledged and not done. Returns how many writes were unflushed."""
        done = [k for k in range(self.n_done, at + 1) if self.entries[k].flags & FLUSH]
        flushed = done[-1 - n_lies] if len(done) > n_lies else self.n_done
        while self.n_done < flushed:
            self.put(self.image, self.entries[self.n_done])
            self.n_done += 1
        image = bytearray(self.image)
        open_writes = [e for e in self.entries[flushed:at + 1] if e.mark is None
                       and (e.length or e.data)]
        for entry in open_writes if chance else []:
            if chance.random() >= 0.5:
                continue
            torn = chance.random() < 0.2 and len(entry.data) > SECTOR and entry.offset > SUPERBLOCK
            self.put(image, entry, SECTOR * chance.randrange(
                1, len(entry.data) // SECTOR) if torn else None)
        with open(path, "r+b" if os.path.exists(path) else "w+b") as file:
            file.write(memoryview(image)[:FS_BYTES])
        return len(open_writes)


def flushes(entries):
    return [i for i, e in enumerate(entries) if e.flags & FLUSH]


def points(entries, marks, chance, n):
    """n places to cut, ascending: where most was still unflushed, right behind a new report,
    within the writes, and anywhere. None behind the last report: there the filesystem is
    unmounted, which writes its superblock in place."""
    first = marks.at[0]
    after = range(first, marks.at[-1] + 1)
    reports = {}
    for i in after:
        if entries[i].mark:
            reports.setdefault(entries[i].mark["n"], i)
    kinds = ([i - 1 for i in after if entries[i].flags & FLUSH and i > first],
             list(reports.values()), [i for i in after if entries[i].data
                                      and not entries[i].mark], list(after))
    chosen = set()
    for k, places in enumerate(kinds):
        places = [i for i in places if i not in chosen]
        share = (n - len(chosen)) // (len(kinds) - k)
        chosen.update(chance.sample(places, min(share, len(places))))
    return sorted(chosen)
