#!/usr/bin/env python3
"""Our node against stock tor in the same run: CPU per GiB in every position, throughput, latency, circuits, memory, start-up, and counts per cell.

Rounds interleave, so that whatever else the machine does falls on both alike; look at the ratios. Figures only: nothing is gated.
"""
import argparse
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'Network'))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import latency
from circuits import circuits_per_second, kib_per_thousand_circuits, seconds_to_first_cell
from content import MIB, Web, download
from counts import count
from network import ROOT, Network, interrupt_on_signals, say
from positions import POSITIONS, STREAMS, Path3, mebibytes_per_busiest_second, take_turns

KINDS = ('mote', 'tor')


class Table:
    """Lines of one figure each: ours, stock's, their ratio."""

    def __init__(self, title):
        say(f'\n{title:46}{"mote":>12}{"stock tor":>12}{"ratio":>8}')

    def line(self, label, ours, stock, digits=2):
        ratio = f'{ours / stock:8.2f}' if stock else ''
        say(f'{label:46}{ours:12.{digits}f}{stock:12.{digits}f}{ratio}')


def floor(mebibytes):
    """CPU seconds per GiB of TLS in, one AES pass, TLS out, in whole records, and nothing else."""
    program = ROOT / '.build/release/floor'
    return statistics.median(float(subprocess.run([program, str(mebibytes)], check=True, capture_output=True, text=True).stdout) for _ in range(3))


def pure(web, mebibytes, rounds):
    """Every node of a path of one kind: all ours beside all stock."""
    with Network(relays=('mote',) * 2, exits=('mote',)) as ours, Network(relays=('tor',) * 2, exits=('tor',)) as stock:
        paths = [Path3(n.start(), kind, ('relay0', 'relay1', 'exit0')) for n, kind in ((ours, 'mote'), (stock, 'tor'))]
        take_turns(paths, web, mebibytes, rounds)
    table = Table('CPU seconds per GiB, all hops of one kind')
    for streams in STREAMS:
        for position in POSITIONS:
            table.line(f'{position}, {streams} stream{"s" * (streams > 1)}', *(p.median_cost(position, streams) for p in paths))
    lowest = floor(1024)
    middle = paths[0].median_cost('middle', 4)
    say(f'{"the floor: the same cryptography, full records":46}{lowest:12.2f}{"":12}{middle / lowest:8.2f}  (middle, 4 streams, against it)')
    table = Table('throughput through three hops, MiB/s')
    for streams in STREAMS:
        table.line(f'{streams} stream{"s" * (streams > 1)}', *(p.median_rate(streams) for p in paths), digits=1)


def between_stock(web, mebibytes, rounds, memory_mebibytes):
    """Our middle and stock's between the same stock neighbours; then what is resident after much traffic and many circuits."""
    with Network(relays=('tor', 'mote', 'tor')) as network:
        network.start()
        idle = {name: network[name].resident_mib() for name in ('relay1', 'relay2')}
        paths = [Path3(network, 'tor', ('relay0', middle, 'exit0')) for middle in ('relay1', 'relay2')]
        take_turns(paths, web, mebibytes, rounds)
        table = Table('middle between stock neighbours')
        for streams in STREAMS:
            table.line(f'CPU seconds per GiB, {streams} stream{"s" * (streams > 1)}', *(p.median_cost('middle', streams) for p in paths))
        for path in paths:
            for _ in range(max(1, memory_mebibytes // 512)):
                download(web, path.client.socks_port, min(memory_mebibytes, 512) * MIB // 4, 4, limit=600)
        middles = [p.nodes['middle'] for p in paths]
        rates = [circuits_per_second(network, m) for m in middles]
        thousands = [kib_per_thousand_circuits(network, m) for m in middles]
    table = Table('circuits and memory')
    table.line('ntor circuits built per second', *(r for r, _ in rates), digits=0)
    table.line('CPU milliseconds per circuit', *(c for _, c in rates), digits=3)
    table.line('resident MiB, idle', idle['relay1'], idle['relay2'], digits=1)
    table.line('KiB per 1,000 more open circuits', *(k for k, _ in thousands), digits=0)
    table.line(f'resident MiB after {memory_mebibytes / 1024:.1f} GiB and 1,000 circuits', *(r for _, r in thousands), digits=1)


def start_up():
    with Network(relays=KINDS, exits=()) as network:
        table = Table('start-up')
        seconds = {kind: statistics.median(first_cells(node)) for kind, node in zip(KINDS, network.of('relay'))}
        table.line('milliseconds to the first relayed cell', *(seconds[k] * 1000 for k in KINDS), digits=0)


def first_cells(node, times=5):
    """The first start makes keys and is not counted."""
    seconds_to_first_cell(node)
    for _ in range(times):
        node.stop()
        yield seconds_to_first_cell(node)


def loops(web, mebibytes):
    one, two = (mebibytes_per_busiest_second(web, 'mote', n, mebibytes) for n in (1, 2))
    say(f'\n{"MiB per CPU second of the busiest thread, middle":50}{"1 loop":>10}{"2 loops":>10}{"ratio":>8}')
    say(f'{"":50}{one:10.1f}{two:10.1f}{two / one:8.2f}')


def counts(web):
    ours, stock = (count(web, kind) for kind in KINDS)
    table = Table('counted in a middle by callgrind')
    table.line('instructions per cell', ours.per_cell, stock.per_cell, digits=0)
    table.line('of those outside OpenSSL', ours.own_per_cell, stock.own_per_cell, digits=0)
    table.line('allocations per 10,000 cells', ours.allocations_per_ten_thousand, stock.allocations_per_ten_thousand, digits=1)
    for who, times in sorted(ours.by_function.items(), key=lambda item: -item[1])[:6]:
        say(f'    {times:8} {who[:140]}')


PARTS = ('pure', 'between', 'loops', 'latency', 'start', 'counts')

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--mebibytes', type=int, default=256, help='moved in each measurement (default 256)')
    parser.add_argument('--rounds', type=int, default=3, help='how often each measurement is made (default 3)')
    parser.add_argument('--memory-gib', type=float, default=1, help='moved before memory is looked at (default 1)')
    parser.add_argument('--only', choices=PARTS, nargs='+', default=PARTS, help='the parts to measure (default all)')
    chosen = parser.parse_args()
    interrupt_on_signals()
    web = Web()
    parts = {
        'pure': lambda: pure(web, chosen.mebibytes, chosen.rounds),
        'between': lambda: between_stock(web, chosen.mebibytes, chosen.rounds, int(chosen.memory_gib * 1024)),
        'loops': lambda: loops(web, chosen.mebibytes), 'latency': lambda: latency.measure('mote', 4, 6, 2, 0), 'start': start_up, 'counts': lambda: counts(web),
    }
    for part in chosen.only:
        parts[part]()
    web.close()
