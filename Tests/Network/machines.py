#!/usr/bin/env python3
"""The mote image: made twice, booted in QEMU by software emulation, and refused what it must not follow.

    machines.py SCENARIO

The image is of the release build, or of the debug build if $MOTE is one.
"""
import argparse
import base64
import json
import os
import re
import stat
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from hostile import EXTEND2, EXTENDED2, extend2
from link import Circuit, Closed, Link
from network import PATIENCE, ROOT, Failure, Ports, end, interrupt_on_signals, program, say, spawn, wait_for

sys.path.insert(0, str(ROOT / 'Images/mote-vm'))
import cpio  # noqa: E402
import disk  # noqa: E402

BUILDER = ROOT / 'Images/mote-vm/build.py'
BUILD_LIMIT_SECONDS = 300
BOOT_LIMIT_SECONDS = 60    # a BIOS reads a disk slowly where it is emulated
TARGET_SECONDS = 8
GUEST, HOST = '10.0.2.15', '10.0.2.2'   # of QEMU's user-mode network
# The far end of a network that has no authority: nobody answers there.
TORRC = 'TestingTorNetwork 1\nDirAuthority nobody orport=1 v3ident={0} 127.0.0.1:1 {0}\nAssumeReachable 1\nPublishServerDescriptor 0\nSocksPort 0\nExitRelay 0\n'.format('0' * 40)


def configuration():
    return 'debug' if '/debug/' in program('mote') else 'release'


def make(folder, lock=None, **environment):
    """The image's folder; a lock of what apt offers now stands in for one whose packages cannot be had any more."""
    command = [sys.executable, str(BUILDER), '--configuration', configuration(), '--work', str(folder), *(['--lock', str(lock)] if lock else [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_LIMIT_SECONDS, env=os.environ | environment)
    if done.returncode:
        raise Failure(f'the image cannot be built:\n{done.stdout}{done.stderr}')
    return Path(folder) / 'mote-vm'


def usable_lock(folder):
    """The repository's lock, or a new one in a temporary folder where the mirror has moved on."""
    try:
        make(ROOT / '.build/images')
        return None
    except Failure as failure:
        lock = Path(folder) / 'inputs.lock'
        done = subprocess.run([sys.executable, str(BUILDER), '--new-lock', '--lock', str(lock)], capture_output=True, text=True, timeout=BUILD_LIMIT_SECONDS)
        if done.returncode:
            raise Failure(f'{failure}\nand nothing else can be locked: {done.stderr}') from None
        say(f'THE LOCKED INPUTS CANNOT BE HAD: going on with what apt offers now. {failure}')
        return lock


class Machine:
    """A booted image, by software emulation; its console is a file."""

    def __init__(self, image, folder, order=None, added=None, forwards=(), disk_order=None):
        manifest = json.loads((image / 'manifest.json').read_text())
        self.log, initramfs = folder / 'console', image / 'initramfs'
        command = ['qemu-system-x86_64', '-M', 'q35', '-accel', 'tcg', '-cpu', 'max', '-m', str(manifest['memoryMegabytes']), '-nodefaults', '-no-user-config',
                   '-display', 'none', '-no-reboot', '-serial', f'file:{self.log}']
        if order is not None:
            (folder / 'order').write_text(order)
            command += ['-fw_cfg', f'name=opt/dustcloud/order,file={folder}/order']
        if added is not None:
            initramfs = folder / 'initramfs'
            data = (image / 'initramfs').read_bytes()
            # The kernel looks for a further archive at multiples of four bytes.
            initramfs.write_bytes(data + bytes(-len(data) % 4) + cpio.archive({}, {'order': (0o400, added.encode())}, {}, {}))
        net = ''.join(f',hostfwd=tcp:127.0.0.1:{outer}-:{inner}' for outer, inner in forwards)
        if disk_order is None:
            command += ['-append', manifest['commandLine'], '-kernel', str(image / 'vmlinuz'), '-initrd', str(initramfs)]
        else:
            data = bytearray((image / 'disk.raw').read_bytes())
            written = disk.order(disk_order.encode())
            data[manifest['orderOffset']:manifest['orderOffset'] + len(written)] = written
            (folder / 'disk.raw').write_bytes(data)
            command += ['-drive', f'file={folder}/disk.raw,format=raw,if=virtio,read-only=on']
        command += ['-netdev', f'user,id=net{net}', '-device', 'virtio-net-pci,netdev=net,romfile=']
        self.started = time.monotonic()
        self.process = spawn(command, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, stdout=open(folder / 'qemu', 'w'))

    @property
    def console(self):
        return self.log.read_text(errors='replace') if self.log.exists() else ''

    @property
    def seconds(self):
        return time.monotonic() - self.started

    @property
    def cpu_seconds(self):
        fields = Path(f'/proc/{self.process.pid}/stat').read_text().rsplit(')', 1)[1].split()
        return sum(map(int, fields[11:13])) / os.sysconf('SC_CLK_TCK')

    def wait_off(self, seconds):
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f'the machine is still on after {seconds} s:\n{self.console}') from None
        if status:
            raise Failure(f'QEMU exits {status}:\n{self.console}')

    def refuses(self, words):
        self.wait_off(BOOT_LIMIT_SECONDS * PATIENCE)
        if not re.search(f'^cradle: .*{words}', self.console, re.M):
            raise Failure(f'the console does not say "{words}":\n{self.console}')
        return self.seconds


def rfc3339(seconds):
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(seconds))


def neighbour(folder, ports):
    """A mote outside the machine: its process, ORPort, fingerprint and onion key."""
    or_port, dir_port = ports.take(), ports.take()
    (folder / 'neighbour').write_text(f'{TORRC}Nickname neighbour\nAddress 127.0.0.1\nORPort 127.0.0.1:{or_port}\nDirPort 127.0.0.1:{dir_port}\nDataDirectory {folder}/data\n')
    process = spawn([program('mote'), '-f', str(folder / 'neighbour')], stdout=open(folder / 'neighbour.log', 'w'))

    def descriptor():
        try:
            return urllib.request.urlopen(f'http://127.0.0.1:{dir_port}/tor/server/authority', timeout=5).read().decode()
        except OSError:
            if process.poll() is not None:
                raise Failure((folder / 'neighbour.log').read_text()) from None
    text = wait_for('the neighbour has a descriptor', 15, descriptor)
    fingerprint = re.search(r'^fingerprint (.*)', text, re.M)[1].replace(' ', '')
    return process, or_port, bytes.fromhex(fingerprint), base64.b64decode(re.search(r'^ntor-onion-key (\S+)', text, re.M)[1] + '==')


def extend_through(port, target):
    """A circuit through the machine to the neighbour, whose answer is the first relayed cell."""
    _, target_port, identity, key = target
    link = Link(port)
    link.handshake()
    circuit = Circuit(link)
    address = bytes(map(int, HOST.split('.'))) + struct.pack('>H', target_port)
    circuit.send(EXTEND2, 0, extend2((0, address), (2, identity), skin=identity + key + b'\x09' + bytes(31)), early=True)
    answer = circuit.receive()
    link.close()
    if answer[0] != EXTENDED2:
        raise Failure(f'EXTEND2 through the machine answered {answer[:2]}')


def relay_in(machine, port, target):
    """Seconds until the machine has relayed a cell; `None` if its time is over before it could."""
    wait_for('the machine listens', BOOT_LIMIT_SECONDS, lambda: 'identity key fingerprint' in machine.console or machine.process.poll() is not None, pause=0.02)
    if 'Draining' in machine.console or machine.process.poll() is not None:
        return None
    try:
        extend_through(port, target)
    except (OSError, ValueError, Closed, Failure):
        if 'Draining' in machine.console or machine.process.poll() is not None:
            return None
        raise
    return machine.seconds


def boots(image, folder):
    """Boots, relays, runs nothing else, and is off at its expiry."""
    ports = Ports()
    target = neighbour(folder, ports)
    machine = None
    try:
        # A machine that is busy with other tests may need longer than the shortest of these lives until it relays.
        for life in (40, 160, 640):
            port, expires = ports.take(), int(time.time()) + life
            order = f'Expires {rfc3339(expires)}\nAddress {GUEST}/24\nGateway {HOST}\nNameserver 10.0.2.3\nTorrc\n{TORRC}Nickname machine\nAddress {GUEST}\nORPort 9001\nMoteDrainWindow 1 seconds\n'
            machine = Machine(image, folder, order, forwards=[(port, 9001)])
            seconds = relay_in(machine, port, target)
            if seconds is not None:
                break
            end([machine.process])
        else:
            raise Failure(f'the machine does not relay within its life of {life} s:\n{machine.console}')
        say(f'first cell relayed {seconds:.1f} s after QEMU was started, and after {machine.cpu_seconds:.1f} s of its CPU (target: {TARGET_SECONDS} s on a machine that does nothing else)')
        machine.wait_off(expires - time.time() + 30 * PATIENCE)
        late = time.time() - expires
        if 'The time of this mote is over' not in machine.console or 'the mote ended with status 0. Processes seen at once: 2' not in machine.console:
            raise Failure(f'the machine did not end as it should:\n{machine.console}')
        if late < -1:
            raise Failure(f'the machine was off {-late:.0f} s before its time')
        say(f'off {late:.1f} s after its expiry; besides the first process and the mote there was none')
    finally:
        end([target[0], *([machine.process] if machine else [])])
        ports.close()


def refuses(image, folder):
    """Says why it does not start, and is off; an order that was added to the initramfs is found, and one that was written to the raw disk."""
    stale = f'Expires {rfc3339(time.time() - 60)}\nTorrc\n'
    for words, given in (('there is no order', {}), ("order's time is over", {'added': stale}), ("order's time is over", {'disk_order': stale})):
        machine = Machine(image, folder, **given)
        try:
            say(f'{words} ({next(iter(given), "none")}): off after {machine.refuses(words):.1f} s')
        finally:
            end([machine.process])


def listing(image):
    """Name to (mode, size) of what the initramfs holds."""
    data = subprocess.run(['zstd', '-dc', str(image / 'initramfs')], capture_output=True, check=True, timeout=60).stdout
    found, place = {}, 0
    while True:
        fields = [int(data[place + 6 + 8 * i:place + 14 + 8 * i], 16) for i in range(13)]
        name = data[place + 110:place + 109 + fields[11]].decode()
        if name == 'TRAILER!!!':
            return found
        found[name] = (fields[1], fields[6])
        place += (110 + fields[11] + 3) // 4 * 4
        place += (fields[6] + 3) // 4 * 4


def reproducible(image, folder):
    """Made again elsewhere, under another clock, language and mask, it is the same to the bit, has one program, and is within its budget."""
    lock = folder / 'inputs.lock'
    old = os.umask(0o077)
    again = make(folder / 'another place', lock if lock.exists() else None, TZ='Pacific/Kiritimati', LC_ALL='C', HOME=str(folder))
    os.umask(old)
    for name in ('vmlinuz', 'initramfs', 'disk.raw', 'manifest.json'):
        if (image / name).read_bytes() != (again / name).read_bytes():
            raise Failure(f'{name} differs when it is made again')
    programs = {name for name, (mode, _) in listing(image).items() if stat.S_ISREG(mode) and mode & 0o111}
    if programs != {'init'}:
        raise Failure(f'the image has the programs {programs}')
    manifest = json.loads((image / 'manifest.json').read_text())
    if manifest['totalBytes'] > manifest['budgetBytes'] or manifest['budgetBytes'] > 40_000_000:
        raise Failure(f"the image has {manifest['totalBytes']} bytes")
    say(f"made twice, the same: {manifest['totalBytes'] / 1e6:.1f} MB, image {manifest['digest']}")


SCENARIOS = {f.__name__: f for f in (boots, refuses, reproducible)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('scenario', choices=SCENARIOS)
    chosen = parser.parse_args()
    interrupt_on_signals()
    with tempfile.TemporaryDirectory(prefix='dustcloud-machine-') as name:
        folder = Path(name)
        lock = usable_lock(folder)
        image = make(folder / 'work', lock) if lock else ROOT / '.build/images/mote-vm'
        try:
            SCENARIOS[chosen.scenario](image, folder)
        except Failure as failure:
            sys.exit(f'FAILED: {failure}')


if __name__ == '__main__':
    main()
