"""Instructions and allocations per forwarded cell, counted by valgrind's callgrind: repeatable where times are not.

Valgrind offers fewer cipher instructions than the processor has, so that the cryptography's share is larger than in life; it is
listed apart for that reason.
"""
import re
import subprocess
import time

from content import MIB, download
from network import Failure, Network, say, wait_for

CELL_DATA_BYTES = 498
SLOW_LIMIT_SECONDS = 240
ALLOCATORS = {'malloc', 'calloc', 'realloc', 'posix_memalign', 'aligned_alloc'}


class Counted:
    """Figures of one dump."""

    def __init__(self, dump):
        self.instructions, self.crypto = 0, 0
        self.by_function = {}
        names, kind = {'fn': {}, 'ob': {}}, None
        current = {'fn': '', 'ob': ''}
        called, calls_follow = '', False
        for line in open(dump, errors='replace'):
            line = line.rstrip('\n')
            if found := re.match(r'(c?)(fn|ob|fi|fe|fl)=\((\d+)\)(?: (.*))?$', line):
                indirect, kind, number, name = found.groups()
                if kind in names:
                    if name:
                        names[kind][number] = name
                    if indirect and kind == 'fn':
                        called = names['fn'][number]
                    elif not indirect:
                        current[kind] = names[kind][number]
            elif found := re.match(r'calls=(\d+)', line):
                calls_follow = True
                if called in ALLOCATORS and current['fn'] not in ALLOCATORS:
                    key = f'{current["fn"]} -> {called}'
                    self.by_function[key] = self.by_function.get(key, 0) + int(found[1])
            elif line and (line[0].isdigit() or line[0] in '+-*'):
                if not calls_follow:   # the line after `calls=` holds what the callee cost, counted there already
                    cost = int(line.split()[-1])
                    self.instructions += cost
                    if 'libcrypto' in current['ob'] or 'libssl' in current['ob']:
                        self.crypto += cost
                calls_follow = False


class PerCell:
    """What forwarding costs: the dump of a transfer less that of as much time without one, in which documents come and timers run."""

    def __init__(self, busy, idle, cells):
        self.instructions = (busy.instructions - idle.instructions) / cells
        self.own_instructions = self.instructions - (busy.crypto - idle.crypto) / cells
        times = {who: busy.by_function.get(who, 0) - idle.by_function.get(who, 0) for who in busy.by_function}
        self.allocations = max(0, sum(times.values())) * 10_000 / cells
        self.callers = sorted(((n, who) for who, n in times.items() if n > 0), reverse=True)


def count(web, kind, mebibytes=8):
    """Moves some MiB through a middle of this kind between neighbours of the same kind; counts only after a warm-up."""
    with Network(relays=(kind,) * 2, exits=(kind,)) as network:
        middle = network['relay1']
        dump = network.folder / 'callgrind'
        middle.wrapper = ['valgrind', '-q', '--tool=callgrind', '--instr-atstart=no', f'--callgrind-out-file={dump}']
        middle.extra += ['NumCPUs 1']
        network.start()
        client = network.add_client(kind, ('relay0', 'relay1', 'exit0'))
        network['authority0'].stop()   # a consensus that comes in one of the two times and not in the other would be counted with the cells
        download(web, client.socks_port, 4 * MIB, limit=SLOW_LIMIT_SECONDS)
        seconds = []

        def transfer():
            seconds.append(download(web, client.socks_port, mebibytes * MIB, limit=SLOW_LIMIT_SECONDS))
        busy = counted(middle, dump, transfer)
        idle = counted(middle, dump, lambda: time.sleep(seconds[0]))
        return PerCell(busy, idle, mebibytes * MIB / CELL_DATA_BYTES)


def counted(node, dump, action):
    """The figures of what a node does during `action`."""
    known = set(dump.parent.glob('callgrind*'))
    control(node, '-z')
    control(node, '-i', 'on')
    action()
    control(node, '-i', 'off')
    control(node, '-d')
    file = wait_for('a callgrind dump', 20, lambda: next((f for f in set(dump.parent.glob('callgrind*')) - known if is_whole(f)), None))
    return Counted(file)


def is_whole(dump):
    """Written up to its last line."""
    return any(line.startswith('totals:') for line in dump.read_text(errors='replace').splitlines()[-5:])


def control(node, *words):
    done = subprocess.run(['callgrind_control', *words, str(node.process.pid)], capture_output=True, text=True, timeout=SLOW_LIMIT_SECONDS)
    if done.returncode or 'Error' in done.stdout + done.stderr:
        raise Failure(f'callgrind_control {words}: {done.stdout} {done.stderr}')
