"""CPU seconds per GiB in every position of a path: guard, middle, exit, client.

A network of one kind has one pinned path; each transfer through it measures the four processes on it at once. Networks of both
kinds stand side by side and take turns, so that whatever else the machine does falls on both alike.
"""
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
        self.moved = 0

    def transfer(self, web, streams, mebibytes):
        before = {p: cpu_seconds(n) for p, n in self.nodes.items()}
        seconds = download(web, self.client.socks_port, mebibytes * MIB // streams, streams, limit=TRANSFER_LIMIT_SECONDS)
        for position, node in self.nodes.items():
            self.cost[position, streams].append((cpu_seconds(node) - before[position]) * 1024 / mebibytes)
        self.rate[streams].append(mebibytes / seconds)
        self.moved += mebibytes

    def median_cost(self, position, streams):
        return statistics.median(self.cost[position, streams])

    def median_rate(self, streams):
        return statistics.median(self.rate[streams])


def take_turns(paths, web, mebibytes, rounds):
    """Every path moves the same amount in every round; the order alternates. One stream alone is slow and moves a third of it."""
    for path in paths:
        download(web, path.client.socks_port, 8 * MIB, 4)
    for turn in range(rounds):
        for streams in STREAMS:
            for path in paths if turn % 2 == 0 else paths[::-1]:
                path.transfer(web, streams, mebibytes if streams > 1 else mebibytes // 3)


# Two paths with one relay in common, so that there are channels to spread over its loops.
COMMON = {
    'middle': ('relay2', (('relay0', 'relay2', 'exit0'), ('relay1', 'relay2', 'exit1'))),
    'guard': ('relay0', (('relay0', 'relay1', 'exit0'), ('relay0', 'relay2', 'exit1'))),
    'exit': ('exit0', (('relay0', 'relay1', 'exit0'), ('relay1', 'relay2', 'exit0'))),
}


def mebibytes_per_busiest_second(web, kind, loops, mebibytes):
    """What a relay with so many loops moves per CPU second of its busiest thread, by position: its throughput if every loop had a core."""
    with Network(relays=(kind,) * 3, exits=(kind,) * 2) as network:
        for node in network.of('relay') + network.of('exit'):
            node.extra += [f'NumCPUs {loops}']
        network.start()
        return {position: busiest(web, network, kind, *common, mebibytes) for position, common in COMMON.items()}


def busiest(web, network, kind, name, paths, mebibytes):
    clients = [network.add_client(kind, path) for path in paths]
    for client in clients:
        download(web, client.socks_port, 4 * MIB, 4)
    before = threads(network[name])
    for client in clients * 2:
        download(web, client.socks_port, mebibytes * MIB // 16, 4, limit=TRANSFER_LIMIT_SECONDS)
    return mebibytes / max(s - before.get(t, 0) for t, s in threads(network[name]).items())


def threads(node):
    """CPU seconds by thread of a process, to the nanosecond: the clock ticks of `stat` are too coarse for short transfers."""
    tasks = Path(f'/proc/{node.process.pid}/task').iterdir()
    return {task.name: int((task / 'schedstat').read_text().split()[0]) / 1e9 for task in tasks}


def cpu_seconds(node):
    return sum(threads(node).values())
