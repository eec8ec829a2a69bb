"""What the image is made of: Debian packages by digest, and the Swift toolchain by what it says of itself."""
import hashlib
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOCK = HERE / "inputs.lock"
KERNEL = "linux-image-cloud-amd64"
# Where the archives come from that mote is linked with; nothing of the building machine's own libraries gets into the image.
LIBRARIES = ["libc6-dev", "libgcc-12-dev", "libstdc++-12-dev", "libssl-dev", "libsodium-dev", "libevent-dev", "libzstd-dev", "libseccomp-dev", "zlib1g-dev"]
LOADER = ["grub-pc-bin", "grub-common"]
PATIENCE_SECONDS = 600


class Missing(Exception):
    """An input that cannot be had as it is locked."""


def say(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE_SECONDS, **more).stdout


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def toolchain():
    """The compiler's name and version, and the digest of the standard library that is linked in."""
    swiftc = Path(os.path.realpath(say("which", "swiftc").strip()))
    core = swiftc.parent.parent / "lib/swift_static/linux/libswiftCore.a"
    return {"version": re.search(r"Swift version [^\n]+", say("swiftc", "--version")).group(0), "libswiftCore": sha256(core)}


def _offer(name):
    """The version of a package that apt would install now, with its digest."""
    version = re.search(r"Candidate: (\S+)", say("apt-cache", "policy", name)).group(1)
    if version == "(none)":
        raise Missing(f"apt knows no package {name}: run 'apt-get update'")
    record = say("apt-cache", "show", "--no-all-versions", f"{name}={version}")
    return {"name": name, "version": version, "sha256": re.search(r"^SHA256: (\w{64})$", record, re.M).group(1)}


def offered():
    """A lock of what apt offers now."""
    kernel = re.search(r"Depends: (linux-image-\S+-cloud-amd64)", say("apt-cache", "depends", KERNEL)).group(1)
    return {"kernel": _offer(kernel), "libraries": [_offer(name) for name in LIBRARIES], "loader": [_offer(name) for name in LOADER],
            "swift": toolchain()["version"]}


def read(path=LOCK):
    return json.loads(Path(path).read_text())


def write(lock, path=LOCK):
    Path(path).write_text(json.dumps(lock, indent=2) + "\n")


def digest(lock):
    return hashlib.sha256(json.dumps(lock, sort_keys=True).encode()).hexdigest()


def package(entry, store):
    """The package's file, from the store or from a Debian mirror; never one with another digest."""
    kept = Path(store) / f"{entry['sha256']}.deb"
    if kept.exists() and sha256(kept) == entry["sha256"]:
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        os.chmod(folder, 0o755)
        wanted = f"{entry['name']}={entry['version']}"
        try:
            say("apt-get", "download", "-qq", wanted, cwd=folder)
        except subprocess.CalledProcessError as error:
            raise Missing(
                f"no mirror that apt knows has {wanted} any more ({error.stderr.strip() or 'no reason given'}).\n"
                f"Put that package's file, with the digest {entry['sha256']}, at {kept} (Debian's snapshot archive keeps every version), or lock what the mirror\n"
                "has now with 'make image-lock': that makes another image, with another digest.") from None
        (file,) = Path(folder).glob("*.deb")
        found = sha256(file)
        if found != entry["sha256"]:
            raise Missing(f"{wanted} has the digest {found} and not {entry['sha256']}: the mirror does not have what was locked. Nothing was built.")
        file.rename(kept)
    return kept


def unpacked(entries, store, folder):
    """The packages' files, all in one folder as they would be installed."""
    folder = Path(folder)
    if not (folder / ".complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for entry in entries:
            say("dpkg-deb", "-x", str(package(entry, store)), str(folder))
        for name in ["lib", "lib64"]:
            if not (folder / name).exists():
                (folder / name).symlink_to(f"usr/{name}")
        (folder / ".complete").touch()
    return folder
