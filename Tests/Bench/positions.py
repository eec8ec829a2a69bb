"""CPU seconds per GiB in every position of a path: guard, middle, exit, client.

A network of one kind has one pinned path; each transfer through it measures the four processes on it at once. Networks of both
kinds stand side by side and take turns, so that whatever else the machine does falls on both alike.
"""
import os
import statistics
from pathlib import Path

from content import MIB, download
from network import Network

TRANSFER_LIMIT_SECONDS = 600
STREAMS = (4, 1)
POSITIONS = ('guard', 'middle', 'exit', 'client')


class Path3:
    """A client whose circuits take one path, and the processes along it."""

    def __init__(self, network, client_kind, names):
        self.network, self.names = network, names
        self.client = network.add_client(client_kind, names)
        self.nodes = dict(zip(POSITIONS, [network[n] for n in names] + [self.client]))
        self.cost = {(p, s): [] for p in POSITIONS for s in STREAMS}
        self.rate = {s: [] for s in STREAMS}

    def transfer(self, web, streams, mebibytes):
        before = {p: n.cpu_seconds() for p, n in self.nodes.items()}
        seconds = download(web, self.client.socks_port, mebibytes * MIB // streams, streams, limit=TRANSFER_LIMIT_SECONDS)
        for position, node in self.nodes.items():
            self.cost[position, streams].append((node.cpu_seconds() - before[position]) * 1024 / mebibytes)
        self.rate[streams].append(mebibytes / seconds)

    def median_cost(self, position, streams):
        return statistics.median(self.cost[position, streams])

    def median_rate(self, streams):
        return statistics.median(self.rate[streams])


def take_turns(paths, web, mebibytes, rounds):
    """Every path moves the same amount in every round; the order alternates."""
    for path in paths:
        download(web, path.client.socks_port, 8 * MIB, 4)
    for turn in range(rounds):
        for streams in STREAMS:
            for path in paths if turn % 2 == 0 else paths[::-1]:
                path.transfer(web, streams, mebibytes)


def mebibytes_per_busiest_second(web, kind, loops, mebibytes):
    """What a middle with so many loops moves per CPU second of its busiest thread: its throughput if every loop had a core.

    Two clients come through two guards and leave by two exits, so that there are channels to spread.
    """
    with Network(relays=(kind,) * 3, exits=(kind,) * 2) as network:
        middle = network['relay2']
        middle.extra += [f'NumCPUs {loops}']
        network.start()
        clients = [network.add_client(kind, (f'relay{i}', 'relay2', f'exit{i}')) for i in range(2)]
        for client in clients:
            download(web, client.socks_port, 4 * MIB, 4)
        before = threads(middle)
        for client in clients * 2:
            download(web, client.socks_port, mebibytes * MIB // 16, 4, limit=TRANSFER_LIMIT_SECONDS)
        return mebibytes / max(s - before.get(t, 0) for t, s in threads(middle).items())


def threads(node):
    """CPU seconds by thread of a process."""
    def seconds(task):
        fields = (task / 'stat').read_text().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
    return {task.name: seconds(task) for task in Path(f'/proc/{node.process.pid}/task').iterdir()}
