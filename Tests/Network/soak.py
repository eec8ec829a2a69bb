#!/usr/bin/env python3
"""A long mixed load on stock and our relays: `soak.py --minutes N` prints what our nodes used, and exits 0 only if it did not grow.

All at once: bulk downloads over a path of ours, small fetches each on a circuit of its own (through a stock and through our client), an
onion service, and peers that send garbage. Every ten seconds the memory and the open descriptors of our relays are read.
"""
import argparse
import random
import statistics
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from content import MIB, download
from hostile import mutated
from link import Closed, Link
from network import Failure, interrupt_on_signals, say
from scenarios import PATH, world
from services import introduction_points, start_service

SAMPLE_SECONDS = 10
WARM_UP_PART = 0.3           # of the samples: tables, pools and caches reach their size
GROWTH_LIMIT_MIB = 12        # the median of the last fifth above that of the first fifth after warm-up
GROWTH_LIMIT_DESCRIPTORS = 40
FAILED_FETCHES_PART = 0.03   # fetches that may fail: garbage peers share the machine, and a stock client gives up on slow circuits
BULK_BYTES, SMALL_BYTES = 4 * MIB, 20_000
BULK_PAUSE_SECONDS = 3       # a machine with two cores is to be of use beside it


class Load:
    """One kind of load, repeated until the end, with its successes and failures counted."""

    def __init__(self, name, work, pause=0.0):
        self.name, self.work, self.pause = name, work, pause
        self.done, self.failed, self.last, self.spoilt, self.over = 0, 0, '', '', threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.over.wait(self.pause):
            try:
                self.work(self.done + self.failed)
                self.done += 1
            except (Failure, OSError, Closed, ValueError) as error:
                self.failed, self.last = self.failed + 1, str(error)
                if 'digest differs' in self.last:
                    self.spoilt = self.last

    def stop(self):
        self.over.set()
        self.thread.join(60)

    def __str__(self):
        return f'{self.name}: {self.done} done, {self.failed} failed' + (f' (last: {self.last[:120]})' if self.last else '')


def garbage(node, seed):
    """A link that says something wrong."""
    rng = random.Random(seed)
    link = Link(node.or_port)
    try:
        if rng.random() < 0.3:
            link.send(rng.randbytes(rng.randrange(1, 2000)))
        else:
            link.handshake()
            mutated(link, rng)
    except Closed:
        pass   # what a peer that says wrong things may expect
    finally:
        link.close()


def loads(network, web):
    service = start_service(network, web)
    bulk, churn = network.add_client('tor', PATH), network.add_client('tor', extra=['MaxCircuitDirtiness 10'])
    ours = network.add_client('mote')
    network.wait_bootstrapped(service)
    say('introduction points:', *sorted(introduction_points(service)))
    onion = (service.folder / 'service' / 'hostname').read_text().strip()
    motes = [n for n in network.of('relay', 'exit') if n.kind == 'mote']
    base = random.randrange(1 << 32)
    return [
        Load('bulk', lambda i: download(web, bulk.socks_port, BULK_BYTES, parallel=2, prefix=f'bulk{i % 4}-'), BULK_PAUSE_SECONDS),
        Load('small, stock client', lambda i: download(web, churn.socks_port, SMALL_BYTES, prefix=f'small{i}-', limit=30), 0.2),
        Load('small, our client', lambda i: download(web, ours.socks_port, SMALL_BYTES, prefix=f'small{i}-', limit=30), 0.2),
        Load('onion service', lambda i: download(web, churn.socks_port, SMALL_BYTES, host=onion, prefix=f'onion{i // 8}-', limit=60), 1),
        Load(f'garbage, seeds {base}..', lambda i: garbage(motes[i % len(motes)], base + i), 0.5),
    ]


def sample(node):
    return node.resident_mib(), len(list(Path(f'/proc/{node.process.pid}/fd').iterdir()))


def growth(values):
    """How far the last fifth lies above the first fifth after warm-up, by medians."""
    steady = values[int(len(values) * WARM_UP_PART):]
    fifth = max(1, len(steady) // 5)
    return statistics.median(steady[-fifth:]) - statistics.median(steady[:fifth])


def report(samples):
    """The table, and what grew beyond its bound."""
    grown = []
    say('| node | MiB warm | MiB last | MiB most | growth | descriptors most | growth |\n| --- | --- | --- | --- | --- | --- | --- |')
    for name, values in samples.items():
        memory, descriptors = [m for m, _ in values], [d for _, d in values]
        warm = memory[int(len(memory) * WARM_UP_PART)]
        say(f'| {name} | {warm:.1f} | {memory[-1]:.1f} | {max(memory):.1f} | {growth(memory):+.1f} | {max(descriptors)} | {growth(descriptors):+.0f} |')
        if growth(memory) > GROWTH_LIMIT_MIB:
            grown.append(f'{name}: {growth(memory):.1f} MiB')
        if growth(descriptors) > GROWTH_LIMIT_DESCRIPTORS:
            grown.append(f'{name}: {growth(descriptors):.0f} descriptors')
    return grown


def soak(minutes):
    with world(relays=('mote', 'mote', 'mote', 'tor'), exits=('mote', 'tor')) as (network, web, _):
        network.start()
        running = loads(network, web)
        ours = [n for n in network.nodes if n.kind == 'mote']
        samples, end = {n.name: [] for n in ours}, time.monotonic() + minutes * 60
        used = {n.name: n.cpu_seconds() for n in ours}
        while time.monotonic() < end:
            time.sleep(SAMPLE_SECONDS)
            network.check_alive()
            for node in ours:
                samples[node.name].append(sample(node))
        for load in running:
            load.stop()
            say(load)
        for node in ours:
            say(f'{node.name}: {node.cpu_seconds() - used[node.name]:.0f} s of processor time')
        network.check_alive()
        grown = report(samples)
    check(running, grown)


def check(running, grown):
    wrong = [f'grew: {g}' for g in grown]
    for load in running:
        if load.spoilt:
            wrong.append(f'{load.name}: {load.spoilt}')
        if load.done == 0 or load.failed > FAILED_FETCHES_PART * (load.done + load.failed) + 2:
            wrong.append(f'{load}')
    if wrong:
        raise Failure('\n  '.join(['the soak found:'] + wrong))


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--minutes', type=float, default=120)
    interrupt_on_signals()
    try:
        soak(parser.parse_args().minutes)
    except Failure as failure:
        say(f'FAILED: {failure}')
        sys.exit(1)
    say('ok')
