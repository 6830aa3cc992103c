# SPDX-License-Identifier: Apache-2.0
"""What the tests in virtual machines share: small Debians made by mmdebstrap and kept as
archives, disks and first programs made of them, the emulator's command line."""
import gzip
import lzma
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "flow"))
from harness import skip, tool  # noqa: E402


def run(*argv, **kwargs):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, **kwargs)
    assert done.returncode == 0, f"{argv}: {done.returncode} {done.stdout}{done.stderr}"
    return done.stdout.strip()


def apt_lines(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()


def own_suite():
    return next(line.split("=")[1] for line in pathlib.Path("/etc/os-release").read_text()
                .splitlines() if line.startswith("VERSION_CODENAME="))


def mirror():
    """Where this machine's apt has its own release from; the others are beside it."""
    suite = own_suite()
    found = apt_lines("apt-get", "indextargets", "--format", "$(REPO_URI)",
                      "Created-By: Packages", f"Codename: {suite}", "Component: main")
    if not found:
        skip(f"apt has no source of {suite} main")
    return found[0]


def package_in(folder):
    found = sorted(pathlib.Path(folder).glob("gatewayd_*.deb"))
    if not found:
        skip(f"no package in {folder}")
    return found[-1]


def depends_of(deb):
    fields = run("dpkg-deb", "-f", deb, "Depends").split(",")
    return [d.split("|")[0].split("(")[0].strip() for d in fields]


def debian(cache, suite, packages, variant="minbase"):
    """An archive of a Debian with these packages; made once."""
    names = ",".join(sorted(packages))
    tar = cache / f"vm-{suite}-{zlib.crc32(' '.join(sorted(packages)).encode())}.tar"
    if not tar.exists():
        cache.mkdir(parents=True, exist_ok=True)
        made = subprocess.run(
            ["mmdebstrap", "-q", f"--variant={variant}", "--include", names, "--format=tar",
             suite, f"{tar}.part", f"deb {mirror()} {suite} main"])
        if made.returncode:
            skip(f"mmdebstrap makes no {suite} here")
        os.rename(f"{tar}.part", tar)
    return tar


def unpack(tar, root):
    root.mkdir()
    run("tar", "-C", root, "--numeric-owner", "-xf", tar)


def install(deb, root):
    shutil.copyfile(deb, root / "gatewayd.deb")
    run("chroot", root, "env", "TMPDIR=/tmp", "DEBIAN_FRONTEND=noninteractive", "dpkg", "-i",
        "/gatewayd.deb")


def ext4(root, image, size):
    with open(image, "wb") as file:
        file.truncate(size)
    run("mkfs.ext4", "-q", "-F", "-d", root, image)


def cpio(files):
    """The archive format of an initramfs; files: name -> (mode, bytes)."""
    out = bytearray()
    for n, (name, (mode, data)) in enumerate([*files.items(), ("TRAILER!!!", (0, b""))]):
        path = name.encode() + b"\0"
        head = [n + 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0]
        out += b"070701" + b"".join(b"%08X" % v for v in head) + path
        out += bytes(-len(out) % 4) + data
        out += bytes(-len(out) % 4)
    return bytes(out)


def initramfs(path, first_program, modules):
    """busybox, these modules in this order, and the first program."""
    files = {d: (0o40755, b"") for d in ("bin", "dev", "proc", "sys", "root", "modules")}
    files["bin/busybox"] = (0o100755, pathlib.Path(tool("busybox")).read_bytes())
    files["init"] = (0o100755, pathlib.Path(first_program).read_bytes())
    for n, module in enumerate(modules):
        files[f"modules/{n:02}-{os.path.basename(module)}"] = (
            0o100644, pathlib.Path(module).read_bytes())
    path.write_bytes(gzip.compress(cpio(files), 1))
    return path


def uncompressed(vmlinuz, out):
    """The kernel as ELF: an emulator would take 10 s to unpack it. Or as it is."""
    data = pathlib.Path(vmlinuz).read_bytes()
    setup = (data[0x1F1] or 4) * 512 + 512
    offset, size = struct.unpack_from("<II", data, 0x248)
    payload = data[setup + offset:setup + offset + size]
    if not payload.startswith(b"\xfd7zXZ\0"):
        return vmlinuz
    kernel = lzma.LZMADecompressor().decompress(payload)
    out.write_bytes(kernel[kernel.find(b"\x7fELF"):])
    return out


def emulator(kernel, initrd, disks, *more, memory=256, cpus=1):
    """disks: (image, is it kept). No KVM: where it exists it may not run such a kernel."""
    argv = ["qemu-system-x86_64", "-M", "pc", "-accel", "tcg", "-m", str(memory), "-smp",
            str(cpus), "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot",
            "-kernel", kernel, "-initrd", initrd, "-append", "console=ttyS0 quiet panic=-1"]
    for image, kept in disks:
        argv += ["-drive", f"file={image},if=virtio,format=raw" + ("" if kept else ",snapshot=on")]
    return [*argv, *more]
