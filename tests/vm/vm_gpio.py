# SPDX-License-Identifier: Apache-2.0
"""The installed package on real kernel gpiochips (gpio-sim in a virtual machine): Debian 12
with libgpiod 1.6 and Debian 13 with libgpiod 2. gpio_guest.py is what runs inside.
    vm_gpio.py DEBS CACHE [SUITE...]     DEBS: folder with gatewayd_*.deb of this machine's
    release; the other's package is built here. CACHE keeps Debians and kernels. As root.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import zlib

import vm
from harness import BUILD, SRC, World, skip, tool

HERE = pathlib.Path(__file__).resolve().parent
SUITES = ("bookworm", "trixie")
LIMIT_S = 900


def kernel_of(suite, cache):
    """vmlinuz and modules with gpio-sim, made once."""
    hook = HERE / "make-gpio-sim"
    folder = cache / f"gpio-kernel-{suite}-{zlib.crc32(hook.read_bytes())}"
    if not folder.exists():
        part = pathlib.Path(f"{folder}.part")
        shutil.rmtree(part, ignore_errors=True)
        made = subprocess.run(
            ["mmdebstrap", "-q", "--variant=apt",
             "--include=gcc,make,libc6-dev,xz-utils,kmod,linux-headers-amd64", "--format=null",
             f"--customize-hook=sh {hook} \"$1\" {part}", suite, "/dev/null",
             f"deb {vm.mirror()} {suite} main"])
        if made.returncode:
            skip(f"gpio-sim of {suite} cannot be built")
        os.rename(part, folder)
    return folder


def build_depends():
    text = (SRC / "debian/control").read_text().split("Build-Depends:")[1].split("\nStandards")[0]
    names = [d.split("(")[0].split("<")[0].strip() for d in text.split(",")]
    return [n for n in names if n not in ("debhelper-compat", "dh-sequence-installsysusers")] + [
        "debhelper", "dpkg-dev", "fakeroot", "gcc", "libc6-dev", "make", "xz-utils"]


def build_there(suite, cache, work):
    """The package and the bench, built on that Debian."""
    root = work / f"build-{suite}"
    vm.unpack(vm.debian(cache, suite, build_depends(), "apt"), root)
    (root / "src/gatewayd").mkdir(parents=True)
    files = vm.run("git", "-C", SRC, "ls-files", "-z").split("\0")
    vm.run("tar", "-C", SRC, "-cf", root / "src.tar", "--null", "--files-from", "-",
           input="\0".join(f for f in files if f and (SRC / f).exists()))
    vm.run("tar", "-C", root / "src/gatewayd", "-xf", root / "src.tar")
    script = (f"cd /src/gatewayd && DEB_BUILD_OPTIONS='nocheck parallel={os.cpu_count()}' "
              "dpkg-buildpackage -b -uc -us -d && make -s bench/gpio_loop V=0")
    done = subprocess.run(["chroot", root, "env", "TMPDIR=/tmp", "sh", "-c", script],
                          capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-6000:]
    assert not re.search(r"plugins/gpio/.*warning:", said), said[-6000:]
    bench = root / "src/gatewayd/bench/gpio_loop"
    return vm.package_in(root / "src"), bench


def guest_disk(suite, deb, bench, cache, work):
    root, image = work / f"root-{suite}", work / f"{suite}.img"
    names = vm.depends_of(deb)
    assert ("libgpiod3" if suite == "trixie" else "libgpiod2") in names, names
    vm.unpack(vm.debian(cache, suite, names + ["python3"]), root)
    vm.install(deb, root)
    shutil.copy(bench, root / "gpio_loop")
    shutil.copy(HERE / "gpio_guest.py", root / "gpio_guest.py")
    vm.ext4(root, image, 900 << 20)
    shutil.rmtree(root)
    return image


def boot(world, suite, image, kernel):
    modules = sorted((kernel / "modules").iterdir())
    initrd = vm.initramfs(world.dir / f"{suite}.initrd", HERE / "init-gpio", modules)
    elf = vm.uncompressed(kernel / "vmlinuz", world.dir / f"{suite}.vmlinux")
    # time runs by instructions, 4 ns each: the guest is not late when this machine is busy
    argv = vm.emulator(elf, initrd, [(image, False)], "-icount", "shift=2", memory=512)
    machine = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               errors="replace")
    world.processes.append(machine)
    until, last = time.monotonic() + LIMIT_S, ""
    for line in machine.stdout:
        print(f"{suite}: {line.rstrip()}", flush=True)
        last = line if line.startswith("guest: ") else last
        assert time.monotonic() < until, "the machine takes too long"
    machine.wait()
    assert last.strip().endswith(" 0 failed"), f"{suite}: {last or 'no answer of the guest'}"


def main():
    debs, cache = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    if os.geteuid() != 0:
        skip("only root may make a Debian")
    for name in ("qemu-system-x86_64", "mmdebstrap", "busybox"):
        tool(name)
    with World() as world:
        os.chmod(world.dir, 0o755)
        for suite in sys.argv[3:] or SUITES:
            begin = time.monotonic()
            kernel = kernel_of(suite, cache)
            if suite == vm.own_suite():
                deb, bench = vm.package_in(debs), pathlib.Path(BUILD) / "bench/gpio_loop"
            else:
                deb, bench = build_there(suite, cache, world.dir)
            image = guest_disk(suite, deb, bench, cache, world.dir)
            print(f"{suite}: made in {time.monotonic() - begin:.0f} s", flush=True)
            boot(world, suite, image, kernel)


main()
