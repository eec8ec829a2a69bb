#!/usr/bin/env python3
"""Our node against stock tor in the same run: CPU per GiB in every position, throughput, latency, circuits, memory, start-up, and counts per cell.

Rounds interleave, so that whatever else the machine does falls on both alike; look at the ratios. Figures only: nothing is gated.
"""
import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'Network'))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import latency
from circuits import circuits_per_second, kib_per_thousand_circuits, seconds_to_first_cell
from content import MIB, Web, download
from counts import count
from figures import Report, Target
from network import ROOT, Network, interrupt_on_signals, say
from positions import POSITIONS, STREAMS, Path3, mebibytes_per_busiest_second, take_turns

KINDS = ('mote', 'tor')
LARGEST_SHARE = {'guard': 0.25, 'middle': 0.25, 'exit': 0.33, 'client': 0.33}
LARGEST_OVER_FLOOR = 1.35
HOP_SECONDS = 4
report = Report()


def plural(streams):
    return f'{streams} stream{"s" * (streams > 1)}'


def floor(mebibytes):
    """CPU seconds per GiB of TLS in, one AES pass, TLS out, in whole records, and nothing else."""
    program = ROOT / '.build/release/floor'
    return statistics.median(float(subprocess.run([program, str(mebibytes)], check=True, capture_output=True, text=True).stdout) for _ in range(3))


def pure(web, mebibytes, rounds):
    """Every node of a path of one kind: all ours beside all stock."""
    with Network(relays=('mote',) * 2, exits=('mote',)) as ours, Network(relays=('tor',) * 2, exits=('tor',)) as stock:
        paths = [Path3(n.start(), kind, ('relay0', 'relay1', 'exit0')) for n, kind in ((ours, 'mote'), (stock, 'tor'))]
        take_turns(paths, web, mebibytes, rounds)
        added = latency.added_per_hop(paths, web, 4, HOP_SECONDS)
    costs(paths)
    report.table('throughput through three hops, MiB/s')
    for streams in STREAMS:
        report.line(plural(streams), *(p.median_rate(streams) for p in paths), digits=1, target=Target(least=2) if streams == 1 else None)
    report.table('added to a round trip by each hop, ms')
    for load, figures in added.items():
        for label, pair in zip(('median', 'p99'), zip(*figures)):
            report.line(f'{load} bulk streams, {label}', *pair)


def costs(paths):
    report.table('CPU seconds per GiB, all hops of one kind')
    for streams in STREAMS:
        for position in POSITIONS:
            target = Target(most=LARGEST_SHARE[position]) if streams == 4 else None
            report.line(f'{position}, {plural(streams)}', *(p.median_cost(position, streams) for p in paths), target=target)
    lowest = floor(1024)
    report.alone('the floor: the same cryptography, full records', lowest)
    for position in ('guard', 'middle'):
        cost = paths[0].median_cost(position, 4)
        report.alone(f'{position}, 4 streams, against the floor', cost, ratio=cost / lowest, target=Target(most=LARGEST_OVER_FLOOR))


def between_stock(web, mebibytes, rounds, memory_mebibytes):
    """Our middle and stock's between the same stock neighbours; then what is resident after much traffic and many circuits."""
    with Network(relays=('tor', 'mote', 'tor')) as network:
        network.start()
        idle = {name: network[name].resident_mib() for name in ('relay1', 'relay2')}
        paths = [Path3(network, 'tor', ('relay0', middle, 'exit0')) for middle in ('relay1', 'relay2')]
        take_turns(paths, web, mebibytes, rounds)
        report.table('middle between stock neighbours')
        for streams in STREAMS:
            target = Target(most=0.5) if streams == 4 else None
            report.line(f'CPU seconds per GiB, {plural(streams)}', *(p.median_cost('middle', streams) for p in paths), target=target)
        for path in paths:
            fill_up(path, web, memory_mebibytes)
        middles = [p.nodes['middle'] for p in paths]
        rates = [circuits_per_second(network, m) for m in middles]
        thousands = [kib_per_thousand_circuits(network, m) for m in middles]
    report.table('circuits and memory')
    report.line('ntor circuits built per second', *(r for r, _ in rates), digits=0, target=Target(least=2))
    report.line('CPU milliseconds per circuit', *(c for _, c in rates), digits=3)
    report.line('resident MiB, idle', idle['relay1'], idle['relay2'], digits=1)
    report.line('KiB per 1,000 more open circuits', *(k for k, _ in thousands), digits=0)
    after = f'resident MiB after {memory_mebibytes / 1024:.1f} GiB and 1,000 circuits'
    report.line(after, *(r for _, r in thousands), digits=1, target=Target(most=0.25))


def fill_up(path, web, mebibytes):
    """Moves what the measurements have left of so many MiB."""
    while path.moved < mebibytes:
        piece = min(512, mebibytes - path.moved)
        download(web, path.client.socks_port, max(1, piece // 4) * MIB, 4, limit=600)
        path.moved += max(4, piece)


def start_up():
    with Network(relays=KINDS, exits=()) as network:
        report.table('start-up')
        seconds = {kind: statistics.median(first_cells(node)) for kind, node in zip(KINDS, network.of('relay'))}
        report.line('milliseconds to the first relayed cell', *(seconds[k] * 1000 for k in KINDS), digits=0)


def first_cells(node, times=5):
    """The first start makes keys and is not counted."""
    seconds_to_first_cell(node)
    for _ in range(times):
        node.stop()
        yield seconds_to_first_cell(node)


def loops(web, mebibytes):
    """The busiest thread bounds what a relay carries once all its loops have cores; here there may be too few to see it in time passed."""
    one, two = (mebibytes_per_busiest_second(web, 'mote', n, mebibytes) for n in (1, 2))
    report.table('MiB per CPU second of the busiest thread', '2 loops', '1 loop')
    for position in one:
        report.line(f'{position}, with a core for each loop', two[position], one[position], digits=1, target=Target(least=1.7) if position == 'middle' else None)


def counts(web):
    ours, stock = (count(web, kind) for kind in KINDS)
    report.table('counted in a middle by callgrind')
    report.line('instructions per cell', ours.instructions, stock.instructions, digits=0)
    report.line('of those outside OpenSSL', ours.own_instructions, stock.own_instructions, digits=0)
    report.exactly('allocations per 10,000 cells', ours.allocations, stock.allocations, wanted=0)
    for times, who in ours.callers[:6]:
        say(f'    {times:8} {who[:140]}')


PARTS = ('pure', 'between', 'loops', 'latency', 'start', 'counts')

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--mebibytes', type=int, default=192, help='moved in each measurement (default 192)')
    parser.add_argument('--rounds', type=int, default=3, help='how often each measurement is made (default 3)')
    parser.add_argument('--memory-gib', type=float, default=4, help='moved before memory is looked at (default 4)')
    parser.add_argument('--only', choices=PARTS, nargs='+', default=PARTS, help='the parts to measure (default all)')
    chosen = parser.parse_args()
    interrupt_on_signals()
    web = Web()
    parts = {
        'pure': lambda: pure(web, chosen.mebibytes, chosen.rounds),
        'between': lambda: between_stock(web, chosen.mebibytes, chosen.rounds, int(chosen.memory_gib * 1024)),
        'loops': lambda: loops(web, chosen.mebibytes), 'latency': lambda: latency.measure('mote', 4, 5, 2, 0, report), 'start': start_up, 'counts': lambda: counts(web),
    }
    for part in chosen.only:
        began = time.monotonic()
        parts[part]()
        say(f'({part}: {time.monotonic() - began:.0f} s)')
    report.summary()
    web.close()
