#!/usr/bin/env python3
"""Builds the mote image: Debian's cloud kernel, and an initramfs in which mote is the only program.

    build.py [--configuration release|debug] [--lock FILE] [--work FOLDER] [--into FOLDER]   make the image from the locked inputs
    build.py --new-lock [--lock FILE]                                                        lock what apt offers now

mote's objects must have been built before: swift build -c release --product mote.
"""
import argparse
import contextlib
import fcntl
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import cpio  # noqa: E402
import disk  # noqa: E402
import inputs  # noqa: E402
import modules  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / ".build/images"
STORE = IMAGES / "inputs"
BUDGET_BYTES = 40_000_000
# How many packed archives of before are kept.
KEPT_LIMIT = 3
# Level 19 of Zstandard is 1.1 MB smaller than this one and takes 13 s more; a machine unpacks both in the same time.
PACKER = ["zstd", "-12", "--single-thread", "--no-progress", "-q"]
# The kernel's ciphers are not used, and testing them takes a third of the boot. On a busy host an emulated timer may come late, which the
# kernel's check would take for a broken one.
COMMAND_LINE = "console=ttyS0 quiet panic=-1 cryptomgr.notests no_timer_check"
ARCHIVES = ["seccomp", "zstd", "z", "event_core", "event_extra", "event_pthreads", "sodium", "ssl", "crypto"]


def link(lock, configuration, work, into):
    """mote without a shared library, from the objects of the last build and the locked archives."""
    objects = ROOT / f".build/x86_64-unknown-linux-gnu/{configuration}/mote.product/Objects.LinkFileList"
    if not objects.exists():
        raise inputs.Missing(f"mote has not been built: run 'swift build -c {configuration} --product mote'")
    system = inputs.unpacked(lock["libraries"], STORE, work / f"system-{inputs.digest(lock['libraries'])[:16]}")
    options = ["-static-stdlib", "-use-ld=lld", "-target", "x86_64-unknown-linux-gnu", "-module-name", "mote", "-emit-executable"]
    for option in ["-static-pie", f"--sysroot={system}", f"--gcc-install-dir={system}/usr/lib/gcc/x86_64-linux-gnu/12"]:
        options += ["-Xclang-linker", option]
    for option in ["--gc-sections", "--strip-all", "--build-id=none", "-z", "now", "-z", "noexecstack", "--defsym", "main=mote_main"]:
        options += ["-Xlinker", option]
    command = ["swiftc", *options, f"@{objects}", f"-L{system}/usr/lib/x86_64-linux-gnu", *(f"-l{name}" for name in ARCHIVES), "-o", str(into)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=inputs.PATIENCE_SECONDS)
    if done.returncode:
        raise inputs.Missing(f"mote cannot be linked:\n{done.stdout}{done.stderr}")


def initramfs(program, drivers):
    """The archive's bytes."""
    names = "".join(f"{path.name}\n" for path in drivers).encode()
    files = {f"lib/modules/{path.name}": (0o600, path.read_bytes()) for path in drivers}
    files |= {"lib/modules/list": (0o600, names), "init": (0o755, program.read_bytes())}
    folders = {name: 0o755 for name in ["dev", "etc", "lib", "lib/modules", "proc", "proc/self", "run", "sys"]}
    # Swift's runtime looks there for its program before anybody can have mounted /proc, and gives up without it.
    return cpio.archive(folders, files, {"dev/console": (0o600, 5, 1)}, {"proc/self/exe": "/init"})


def pack(data, work):
    """Compressed, from the cache when these bytes were packed before."""
    kept = work / "packed" / hashlib.sha256(data + repr(PACKER).encode() + inputs.say("zstd", "--version").encode()).hexdigest()
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        for old in sorted(kept.parent.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEPT_LIMIT]:
            old.unlink()
        packed = subprocess.run(PACKER, input=data, check=True, capture_output=True, timeout=inputs.PATIENCE_SECONDS).stdout
        replace(kept, packed)
    return kept.read_bytes()


def describe(lock, artefacts, program):
    """What the manifest says."""
    total = sum(artefacts[name][1] for name in ["vmlinuz", "initramfs"])
    return {
        "image": "mote-vm", "inputs": lock | {"toolchain": inputs.toolchain(), "packer": " ".join(PACKER), "packerVersion": inputs.say("zstd", "--version").strip()},
        "artefacts": {name: {"sha256": digest, "bytes": size} for name, (digest, size) in artefacts.items()},
        # What a mote says of itself in its evidence: the only program in the initramfs.
        "program": program,
        # What evidence and leases name: kernel and initramfs in one figure.
        "digest": hashlib.sha256("".join(artefacts[name][0] for name in ["vmlinuz", "initramfs"]).encode()).hexdigest(),
        "commandLine": COMMAND_LINE, "memoryMegabytes": 256, "budgetBytes": BUDGET_BYTES, "totalBytes": total,
        "rebuild": "make image, with the same sources, toolchain and inputs.lock",
    }


@contextlib.contextmanager
def alone(work):
    """One build at a time in a folder."""
    work.mkdir(parents=True, exist_ok=True)
    with open(work / ".lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def replace(path, data):
    """The old file stays whole for whoever has it open."""
    draft = path.with_suffix(".draft")
    draft.write_bytes(data)
    draft.rename(path)


def build(lock, configuration, work, into):
    """Writes vmlinuz, initramfs and manifest.json; the manifest."""
    into.mkdir(parents=True, exist_ok=True)
    kernel = inputs.unpacked([lock["kernel"]], STORE, work / f"kernel-{lock['kernel']['sha256'][:16]}")
    (image,) = kernel.glob("boot/vmlinuz-*")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "mote"
        link(lock, configuration, work, program)
        packed = pack(initramfs(program, modules.needed(kernel / "lib/modules")), work)
        digest = inputs.sha256(program)
        grub = inputs.unpacked(lock["loader"], STORE, work / f"loader-{inputs.digest(lock['loader'])[:16]}")
        whole, place = disk.make(image.read_bytes(), packed, COMMAND_LINE, grub, Path(folder))
    artefacts = {}
    for name, data in [("vmlinuz", image.read_bytes()), ("initramfs", packed), ("disk.raw", whole)]:
        replace(into / name, data)
        artefacts[name] = (hashlib.sha256(data).hexdigest(), len(data))
    manifest = describe(lock, artefacts, digest) | {"orderOffset": place, "orderBytes": disk.ORDER_SECTORS * disk.SECTOR}
    if manifest["totalBytes"] > BUDGET_BYTES:
        raise inputs.Missing(f"the image has {manifest['totalBytes']} bytes, more than its budget of {BUDGET_BYTES}")
    replace(into / "manifest.json", (json.dumps(manifest, indent=2) + "\n").encode())
    return manifest


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--configuration", choices=["release", "debug"], default="release")
    options.add_argument("--lock", type=Path, default=inputs.LOCK)
    options.add_argument("--work", type=Path, default=IMAGES, help="where packages are unpacked and results kept")
    options.add_argument("--into", type=Path, help="where the image is put; WORK/mote-vm unless told")
    options.add_argument("--new-lock", action="store_true")
    chosen = options.parse_args()
    try:
        if chosen.new_lock:
            return inputs.write(inputs.offered(), chosen.lock)
        into = chosen.into or chosen.work / "mote-vm"
        with alone(chosen.work):
            manifest = build(inputs.read(chosen.lock), chosen.configuration, chosen.work, into)
    except (inputs.Missing, subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"image: {error}")
    for name, artefact in manifest["artefacts"].items():
        print(f"{artefact['sha256']}  {artefact['bytes']:>10}  {into / name}")
    print(f"image {manifest['digest']}: {manifest['totalBytes'] / 1e6:.1f} MB of {BUDGET_BYTES / 1e6:.0f}")


if __name__ == "__main__":
    main()
