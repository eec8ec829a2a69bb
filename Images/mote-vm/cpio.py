"""An archive of the kernel's `newc` format with nothing in it that depends on when, where or by whom it was made."""
import stat


def _entry(number, name, mode, data=b"", device=(0, 0)):
    name = name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = [number, mode, 0, 0, links, 0, len(data), 0, 0, *device, len(name), 0]
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def archive(folders, files, devices, links):
    """The archive's bytes.

    folders: {name: permissions}; files: {name: (permissions, bytes)}; devices: {name: (permissions, major, minor)}, character devices;
    links: {name: target}, symbolic ones.
    """
    entries = [(name, stat.S_IFDIR | mode, b"", (0, 0)) for name, mode in folders.items()]
    entries += [(name, stat.S_IFREG | mode, data, (0, 0)) for name, (mode, data) in files.items()]
    entries += [(name, stat.S_IFCHR | mode, b"", (major, minor)) for name, (mode, major, minor) in devices.items()]
    entries += [(name, stat.S_IFLNK | 0o777, target.encode(), (0, 0)) for name, target in links.items()]
    # A folder's name sorts before those of what is in it.
    parts = [_entry(number, *entry) for number, entry in enumerate(sorted(entries), 1)]
    data = b"".join(parts) + _entry(0, "TRAILER!!!", 0)
    return data + bytes(-len(data) % 512)
