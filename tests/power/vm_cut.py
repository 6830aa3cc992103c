# SPDX-License-Identifier: Apache-2.0
"""The installed package in a virtual machine that loses its power again and again, while it
starts, polls and forwards: the emulator is killed. What the store's disk held at each death
must be there at the end and with the subscriber, once each. Control is on: the home is islanded
and its battery goes up and down; at the end the relays stand as the last state asks.
    vm_cut.py DEBS CACHE     DEBS: folder with gatewayd_*.deb; CACHE keeps the small Debian
"""
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "flow"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "vm"))
import vm  # noqa: E402
import rig  # noqa: E402
from harness import Broker, Devices, Subscriber, World, skip, tool, wait_for  # noqa: E402
from judge import config, dump_of, kept_from, once_each  # noqa: E402
from outage import COILS, PANEL, Home  # noqa: E402

CUTS = int(os.environ.get("POWER_VM_CUTS", "50"))
SEED = int(os.environ.get("POWER_SEED", "1"))
N, POINTS = 6, 8
FAILSAFE = {"heater": 0, "washer": 0, "kettle": 1, "fridge": 1}
OFF = {800: {"heater"}, 330: {"heater", "washer"}, 220: {"heater", "washer", "kettle"}}
SLACK_S = 2  # an order that did not wait for the disk, a machine that does other things
COMMIT_MS = 500
MACHINE_ID = f"{SEED:032x}"
HERE = pathlib.Path(__file__).resolve().parent
MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "ext4")


def make_root(deb, cache, image):
    """A small Debian with the package installed, as an ext4."""
    root = image.parent / "root"
    vm.unpack(vm.debian(cache, vm.own_suite(), vm.depends_of(deb)), root)
    vm.install(deb, root)
    (root / "etc/machine-id").write_text(MACHINE_ID + "\n")
    vm.ext4(root, image, 700 << 20)
    owner = root.joinpath("etc/passwd").read_text().split("\ngatewayd:")[1].split(":")[1:3]
    shutil.rmtree(root)
    return [int(n) for n in owner]


def make_kernel(cache, work):
    """Debian's kernel for clouds, unpacked, and an initramfs with what our disks need."""
    name = next((line.split(": ")[1] for line in vm.apt_lines(
        "apt-cache", "depends", "linux-image-cloud-amd64") if "Depends: linux-image" in line), "")
    debs = sorted(cache.glob("linux-image-*.deb"))
    if not debs:
        subprocess.run(["apt-get", "download", "-qq", name], cwd=cache, capture_output=True)
        debs = sorted(cache.glob("linux-image-*.deb"))
    if not debs:
        skip("apt gives no kernel")
    tree = work / "kernel"
    rig.run("dpkg", "-x", debs[-1], tree)
    version = next((tree / "lib/modules").iterdir()).name
    rig.run("depmod", "-b", tree, version)
    wanted = []
    for module in MODULES:
        for line in vm.apt_lines("modprobe", "-d", str(tree), "-S", version, "--show-depends",
                                 module):
            if line.startswith("insmod ") and line.split()[1] not in wanted:
                wanted.append(line.split()[1])
    initrd = vm.initramfs(work / "initrd.gz", HERE / "vm-init", wanted)
    return next((tree / "boot").glob("vmlinuz-*")), initrd


def make_store(image, owner, text):
    """The disk of the store, with the configuration on it."""
    folder = image.parent / "seed"
    folder.mkdir()
    (folder / "gatewayd.yaml").write_text(text)
    for path in (folder, folder / "gatewayd.yaml"):
        os.chown(path, *owner)
    with open(image, "wb") as file:
        file.truncate(48 << 20)
    rig.run("mkfs.ext4", "-q", "-F", "-d", folder, image)


class Machine:
    def __init__(self, world, kernel, initrd, root, store):
        self.world, self.store, self.n = world, store, 0
        self.argv = vm.emulator(
            kernel, initrd, [(root, False), (store, True)], "-netdev", "user,id=n", "-device",
            "virtio-net-pci,netdev=n,romfile=")

    def start(self):
        self.process = self.world.start(*self.argv, log="machine", stdin=subprocess.DEVNULL,
                                        preexec_fn=rig.die_with_parent)

    def cut(self):
        assert self.process.poll() is None, "the machine ended by itself"
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def found(self):
        """The store on a copy of its disk, as the next boot would find it."""
        copy, mount = self.store.parent / "copy.img", self.store.parent / "mount"
        mount.mkdir(exist_ok=True)
        shutil.copyfile(self.store, copy)
        rig.run("mount", "-t", "ext4", "-o", "loop", copy, mount)
        try:
            return dump_of(mount) if (mount / "store.db").exists() else None
        finally:
            rig.run("umount", mount)


def with_control(text, home):
    """The configuration with a home's devices, circuits and outage control in it."""
    buses, rest = home.config.split("buses:\n")[1].split("devices:\n", 1)
    devices, control = rest.split("circuits:\n", 1)
    return (text.replace("buses:\n", "buses:\n" + buses)
            .replace("devices:\n", "devices:\n" + devices) + "circuits:\n" + control)


def told(writes, until_ns):
    """What each relay was told last before that moment, and when."""
    names, last = {address: name for name, address in COILS.items()}, {}
    for line in writes.read_text().splitlines():
        t, device, _, function, address, value = (int(x) for x in line.split())
        if device == PANEL and function in (5, 15) and t < until_ns and (
                last.get(names[address], (0, None))[1] != value):
            last[names[address]] = (t, value)
    return last


def check_owned(dump, writes, t_cut_ns):
    bad = [name for name, (t, value) in told(writes, t_cut_ns).items()
           if value != FAILSAFE[name] and t < t_cut_ns - SLACK_S * 1e9
           and f"owned.panel.{name}" not in dump.facts]
    assert not bad, f"told and not written down: {bad}, {dump.facts}"


def live(machine, subscriber, chance, home):
    home.soc(chance.choice(list(OFF)))
    begin, n = time.monotonic(), len(subscriber.messages)
    machine.start()
    if chance.random() < 0.2:  # while it boots and starts
        end = begin + chance.uniform(1, 8)
    else:
        wait_for(lambda: len(subscriber.messages) > n or machine.process.poll() is not None,
                 "a message of this life", 120)
        end = time.monotonic() + chance.uniform(0, 3)
    wait_for(lambda: time.monotonic() >= end, "its end", 20)
    machine.cut()
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def run_all(world, debs, cache):
    chance = random.Random(SEED)
    begin = time.monotonic()
    owner = make_root(vm.package_in(debs), cache, world.dir / "root.img")
    kernel, initrd = make_kernel(cache, world.dir)
    machine_id = world.dir / "machine-id"
    machine_id.write_text(MACHINE_ID + "\n")
    rig.run("mount", "--bind", machine_id, "/etc/machine-id")  # the store is read as its own
    broker = Broker(world)
    devices = Devices(world, "--tcp", "127.0.0.1:0", "--count", str(N), "--registers",
                      str(2 * POINTS), "--content", "counter")
    subscriber = Subscriber(world, broker)
    writes = world.dir / "writes"
    home = Home(world, writes=writes, name="home")
    home.grid(False)
    text = with_control(config(devices.ports(), broker.port, "/var/lib/gatewayd", COMMIT_MS,
                               POINTS), home)
    store = world.dir / "store.img"
    make_store(store, owner, text.replace("127.0.0.1", "10.0.2.2")
               .replace("@HOME@", "/run/gatewayd"))
    machine = Machine(world, kernel, initrd, world.dir / "root.img", store)
    made, begin, deaths = time.monotonic() - begin, time.monotonic(), []
    for n in range(CUTS):
        t_cut_ns = live(machine, subscriber, chance, home)
        deaths.append((machine.found(), n))
        if deaths[-1][0]:
            check_owned(deaths[-1][0], writes, t_cut_ns)
        print(f"cut {n}: {len(subscriber.messages)} messages", flush=True)
    spent = time.monotonic() - begin
    last = next(dump for dump, _ in reversed(deaths) if dump)
    numbers = set(range(1, last.seqs[-1] + 1))
    home.soc(220)
    machine.start()
    wait_for(lambda: home.coils() == {name: name not in OFF[220] for name in COILS},
             "the relays of the last state", 60)
    wait_for(lambda: numbers <= subscriber.epochs().get(last.epoch, set()),
             "every number at the subscriber", 120)
    machine.cut()
    final, messages = machine.found(), subscriber.snapshot()
    repeats = once_each(final, messages, max(numbers))
    kept_from(deaths, final)
    print(f"seed {SEED}: made in {made:.0f} s, {CUTS} cuts in {spent:.0f} s, "
          f"{sum(d is None for d, _ in deaths)} before there was a store; {len(final.seqs)} "
          f"numbers of {len({key[1] for key in final.records})} boots, {len(final.records)} "
          f"records stored and delivered, {repeats} repeats removed, 0 lost, 0 twice; "
          f"{sum(e[1] == 'circuit' for e in final.events)} circuits switched in "
          f"{sum(e[1] == 'grid-state' for e in final.events)} changes of state")
    subscriber.stop()


def main():
    debs, cache = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    rig.needs()
    for name in ("qemu-system-x86_64", "mmdebstrap", "busybox", "depmod"):
        tool(name)
    rig.in_own_mounts()
    with World() as world:
        run_all(world, debs, cache)


main()
