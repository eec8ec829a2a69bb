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

    def __init__(self, dump, cells):
        self.cells, self.instructions, self.crypto, self.allocations = cells, 0, 0, 0
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
                    self.allocations += int(found[1])
                    key = f'{current["fn"]} -> {called}'
                    self.by_function[key] = self.by_function.get(key, 0) + int(found[1])
            elif line and (line[0].isdigit() or line[0] in '+-*'):
                if not calls_follow:   # the line after `calls=` holds what the callee cost, counted there already
                    cost = int(line.split()[-1])
                    self.instructions += cost
                    if 'libcrypto' in current['ob'] or 'libssl' in current['ob']:
                        self.crypto += cost
                calls_follow = False

    @property
    def per_cell(self):
        return self.instructions / self.cells

    @property
    def own_per_cell(self):
        return (self.instructions - self.crypto) / self.cells

    @property
    def allocations_per_ten_thousand(self):
        return self.allocations * 10_000 / self.cells


def count(web, kind, mebibytes=8):
    """Moves some MiB through a middle of this kind between neighbours of the same kind; counts only after a warm-up."""
    with Network(relays=(kind,) * 2, exits=(kind,)) as network:
        middle = network['relay1']
        dump = network.folder / 'callgrind'
        middle.wrapper = ['valgrind', '-q', '--tool=callgrind', '--instr-atstart=no', f'--callgrind-out-file={dump}']
        middle.extra += ['NumCPUs 1']
        network.start()
        client = network.add_client(kind, ('relay0', 'relay1', 'exit0'))
        download(web, client.socks_port, 4 * MIB, limit=SLOW_LIMIT_SECONDS)
        control(middle, '-i', 'on')
        download(web, client.socks_port, mebibytes * MIB, limit=SLOW_LIMIT_SECONDS)
        control(middle, '-i', 'off')
        control(middle, '-d')
        files = wait_for('callgrind dumps', 20, lambda: [f for f in network.folder.glob('callgrind*') if f.stat().st_size > 10_000])
        time.sleep(1)
        return Counted(max(files, key=lambda f: f.stat().st_size), mebibytes * MIB / CELL_DATA_BYTES)


def control(node, *words):
    done = subprocess.run(['callgrind_control', *words, str(node.process.pid)], capture_output=True, text=True, timeout=SLOW_LIMIT_SECONDS)
    if done.returncode or 'Error' in done.stdout + done.stderr:
        raise Failure(f'callgrind_control {words}: {done.stdout} {done.stderr}')
