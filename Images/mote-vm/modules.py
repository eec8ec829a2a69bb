"""The kernel's modules that a machine needs, each after those that it needs itself."""
import struct
from pathlib import Path

# What hypervisors give a machine: the transports of virtio devices, its network card, its source of randomness, and QEMU's way to hand over a file.
WANTED = ["virtio_pci", "virtio_mmio", "virtio_net", "virtio-rng", "qemu_fw_cfg"]


def _information(path):
    """The `name=value` pairs of a module's section .modinfo."""
    data = path.read_bytes()
    table, = struct.unpack_from("<Q", data, 0x28)
    size, count, names = struct.unpack_from("<HHH", data, 0x3A)
    sections = [struct.unpack_from("<IIQQQQ", data, table + index * size) for index in range(count)]
    text = sections[names][4]
    for name, _, _, _, offset, length in sections:
        if data[text + name:].startswith(b".modinfo\0"):
            return [pair.decode() for pair in data[offset:offset + length].split(b"\0") if pair]
    raise ValueError(f"{path} has no .modinfo")


def needed(root, wanted=WANTED):
    """Paths of the modules below `root`, in the order in which they can be loaded."""
    def plain(name):
        return name.replace("-", "_")
    files = {plain(path.stem): path for path in sorted(Path(root).rglob("*.ko"))}
    order = []

    def add(name):
        path = files[plain(name)]
        if path in order:
            return
        for pair in _information(path):
            if pair.startswith("depends="):
                for other in filter(None, pair[8:].split(",")):
                    add(other)
        order.append(path)
    for name in wanted:
        add(name)
    return order
