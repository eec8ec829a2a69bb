#!/usr/bin/env python3
"""Our relay against stock tor as the middle hop of the same three-hop path: CPU seconds per GiB, throughput and memory.

One stock network holds both middles; two stock clients share guard and exit and differ only in the middle. Rounds interleave, so
that whatever else the machine does falls on both alike. Figures only: nothing is gated.
"""
import argparse
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'Network'))
from content import MIB, Web, download
from network import Network, interrupt_on_signals, say
from scenarios import check_path

STREAMS = (1, 4)
TRANSFER_LIMIT_SECONDS = 300


class Middle:
    """One relay under measurement and the client whose circuits all pass through it."""

    def __init__(self, network, node):
        self.node, self.path = node, ('relay0', node.name, 'exit0')
        self.client = network.add_client('tor', self.path)
        self.samples = {streams: [] for streams in STREAMS}

    def transfer(self, web, streams, mebibytes):
        """One download; remembers (CPU seconds per GiB, MiB/s)."""
        before = self.node.cpu_seconds()
        seconds = download(web, self.client.socks_port, mebibytes * MIB // streams, streams, limit=TRANSFER_LIMIT_SECONDS)
        self.samples[streams].append(((self.node.cpu_seconds() - before) * 1024 / mebibytes, mebibytes / seconds))

    def median(self, streams):
        cost, rate = zip(*self.samples[streams])
        return statistics.median(cost), statistics.median(rate)


def measure(kind, mebibytes, rounds):
    web = Web()
    with Network(relays=('tor', kind, 'tor')) as network:
        network.start()
        ours, stock = (Middle(network, network[name]) for name in ('relay1', 'relay2'))
        for middle in (ours, stock):
            download(web, middle.client.socks_port, 8 * MIB, 4)
        for turn in range(rounds):
            for streams in STREAMS:
                for middle in (ours, stock) if turn % 2 == 0 else (stock, ours):
                    middle.transfer(web, streams, mebibytes)
                    cost, rate = middle.samples[streams][-1]
                    say(f'round {turn + 1}, {streams} stream{"s" * (streams > 1)}, {middle.node.kind}: {cost:.2f} CPU-s/GiB at {rate:.1f} MiB/s')
        for middle in (ours, stock):
            check_path(middle.client, middle.path)
        report(ours, stock)
    web.close()


def report(ours, stock):
    say(f'\n{"middle relay, medians":24}{ours.node.kind:>10}{"stock tor":>12}{"ratio":>8}')
    for streams in STREAMS:
        (cost, rate), (stock_cost, stock_rate) = ours.median(streams), stock.median(streams)
        label = f'{streams} stream' + ('s' if streams > 1 else '')
        say(f'{label + ", CPU-s/GiB":24}{cost:10.2f}{stock_cost:12.2f}{cost / stock_cost:8.2f}')
        say(f'{label + ", MiB/s":24}{rate:10.1f}{stock_rate:12.1f}{rate / stock_rate:8.2f}')
    memory, stock_memory = ours.node.resident_mib(), stock.node.resident_mib()
    say(f'{"resident memory, MiB":24}{memory:10.1f}{stock_memory:12.1f}{memory / stock_memory:8.2f}')


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--mebibytes', type=int, default=128, help='moved in each measurement (default 128)')
    parser.add_argument('--rounds', type=int, default=3, help='how often each measurement is made (default 3)')
    parser.add_argument('--kind', default='mote', choices=('mote', 'tor'), help='what is compared with stock tor; `tor` shows the noise')
    chosen = parser.parse_args()
    interrupt_on_signals()
    measure(chosen.kind, chosen.mebibytes, chosen.rounds)
