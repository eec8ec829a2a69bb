"""A raw disk that a machine with a BIOS starts from: GRUB, the kernel, the initramfs, and room for one machine's order.

There is no file system: GRUB is told the sectors. After the first sector comes GRUB itself, and from the first mebibyte on the rest.
"""
import struct
import subprocess

import cpio

SECTOR = 512
FIRST_SECTOR = 2048
# As much as an order may have, and an archive's head and tail.
ORDER_SECTORS = 136
PATIENCE_SECONDS = 60


def _sectors(data):
    return -(-len(data) // SECTOR)


def _padded(data):
    return data + bytes(-len(data) % SECTOR)


def _loader(root, script, folder):
    """GRUB's two parts, the second with the script in it."""
    modules = root / "usr/lib/grub/i386-pc"
    (folder / "script").write_text(script)
    subprocess.run([root / "usr/bin/grub-mkimage", "-O", "i386-pc", "-d", modules, "-p", "", "-c", folder / "script", "-o", folder / "core", "biosdisk", "linux"],
                   check=True, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    return (modules / "boot.img").read_bytes(), (folder / "core").read_bytes()


def _partition(first, count):
    """One, that holds no file system: what some providers look for before they take a disk."""
    beyond = b"\xfe\xff\xff"   # cylinders, heads and sectors are not counted any more
    return struct.pack("<B3sB3sII", 0x80, beyond, 0xDA, beyond, first, count) + bytes(48)


def make(kernel, initramfs, command_line, grub, folder):
    """(the disk, where an order's archive goes in it)."""
    second = FIRST_SECTOR + _sectors(kernel)
    third = second + _sectors(initramfs)
    script = f"linux (hd0){FIRST_SECTOR}+{_sectors(kernel)} {command_line}\ninitrd (hd0){second}+{_sectors(initramfs)} (hd0){third}+{ORDER_SECTORS}\nboot\n"
    first, core = _loader(grub, script, folder)
    total = third + ORDER_SECTORS
    head = first[:446] + _partition(FIRST_SECTOR, total - FIRST_SECTOR) + b"\x55\xaa" + _padded(core)
    if len(head) > FIRST_SECTOR * SECTOR:
        raise ValueError("GRUB does not fit before the kernel")
    disk = head.ljust(FIRST_SECTOR * SECTOR, b"\0") + _padded(kernel) + _padded(initramfs) + bytes(ORDER_SECTORS * SECTOR)
    return disk, third * SECTOR


def order(text):
    """What is written to the place for an order."""
    data = cpio.archive({}, {"order": (0o400, text)}, {}, {})
    if len(data) > ORDER_SECTORS * SECTOR:
        raise ValueError("the order is too long")
    return data
