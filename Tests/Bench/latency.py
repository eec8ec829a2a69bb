#!/usr/bin/env python3
"""What a relay adds to the latency of a small message: round trips to an echo server behind the exit, idle and beside bulk transfers.

Our relay and stock tor are the middles of two paths that share guard and exit; rounds interleave. With `--guard-rate` the guard reads
no faster than that, so that a queue forms in the middle and the order in which it is served decides. Figures only: nothing is gated.
"""
import argparse
import socket
import statistics
import struct
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'Network'))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from content import MIB, Fetch, Web, download
from figures import Report, Target
from network import Failure, Network, interrupt_on_signals, say
from scenarios import check_path

MESSAGE_BYTES = 32
PAUSE_SECONDS = 0.01
ANSWER_LIMIT_SECONDS = 30
NO_SLOWER = Target(most=1)


class Echo:
    """Sends every byte back."""

    def __init__(self):
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    @staticmethod
    def answer(connection):
        with connection:
            try:
                while piece := connection.recv(4096):
                    connection.sendall(piece)
            except OSError:
                pass

    def close(self):
        self.listener.close()


def through_socks(socks_port, port, user):
    """A TCP connection to 127.0.0.1:`port` through a SOCKS port; `user` isolates it on a circuit of its own."""
    connection = socket.create_connection(('127.0.0.1', socks_port), timeout=ANSWER_LIMIT_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    name = user.encode()
    for question, answer in ((b'\5\1\2', b'\5\2'), (b'\1' + bytes([len(name)]) + name + b'\1x', b'\1\0'),
                             (b'\5\1\0\1\x7f\0\0\1' + struct.pack('>H', port), b'\5\0\0\1' + bytes(6))):
        connection.sendall(question)
        got = receive(connection, len(answer))
        if got[:2] != answer[:2]:
            raise Failure(f'SOCKS answer {got.hex()}')
    return connection


def receive(connection, count):
    data = b''
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise Failure('the connection through the network ended')
        data += piece
    return data


def round_trips(connection, seconds):
    """Seconds that each small message took to the echo server and back."""
    samples, deadline = [], time.monotonic() + seconds
    while time.monotonic() < deadline:
        began = time.monotonic()
        connection.sendall(bytes(MESSAGE_BYTES))
        receive(connection, MESSAGE_BYTES)
        samples.append(time.monotonic() - began)
        time.sleep(PAUSE_SECONDS)
    return samples


def beside_bulk(client, web, echo, streams, seconds, user='echo'):
    """Round trips of one quiet circuit while `streams` others download without end, and the bulk's MiB/s."""
    with through_socks(client.socks_port, echo.port, user) as connection:
        round_trips(connection, 0.2)
        fetches = [Fetch(client.socks_port, f'http://127.0.0.1:{web.port}/{1 << 34}', f'bulk{i}') for i in range(streams)]
        try:
            time.sleep(1)
            before, began = sum(f.size for f in fetches), time.monotonic()
            samples = round_trips(connection, seconds)
            rate = (sum(f.size for f in fetches) - before) / MIB / (time.monotonic() - began)
        finally:
            for fetch in fetches:
                fetch.close()
    return samples, rate


def percentiles(samples):
    """(median, p99) in milliseconds."""
    ordered = sorted(samples)
    return statistics.median(ordered) * 1000, ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1000


def added_per_hop(paths, web, streams, seconds):
    """By load and then by path, (median, p99) in milliseconds of what each of a path's three hops adds to a round trip to the echo server."""
    echo, added = Echo(), {}
    with socket.create_connection(('127.0.0.1', echo.port)) as direct:
        direct.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        base = percentiles(round_trips(direct, 1))[0]
    for load in (0, streams):
        samples = [beside_bulk(path.client, web, echo, load, seconds, f'hop{load}')[0] for path in paths]
        added[load] = [tuple((figure - base) / 3 for figure in percentiles(s)) for s in samples]
    echo.close()
    return added


def measure(kind, streams, seconds, rounds, guard_rate, report):
    web, echo = Web(), Echo()
    with Network(relays=('tor', kind, 'tor')) as network:
        if guard_rate:
            network['relay0'].extra += [f'RelayBandwidthRate {guard_rate} KBytes', f'RelayBandwidthBurst {guard_rate} KBytes', 'CountPrivateBandwidth 1']
        network.start()
        paths = {name: ('relay0', name, 'exit0') for name in ('relay1', 'relay2')}
        clients = {name: network.add_client('tor', path) for name, path in paths.items()}
        samples = {(name, load): [] for name in paths for load in (0, streams)}
        rates = {name: [] for name in paths}
        for name in paths:
            download(web, clients[name].socks_port, MIB, streams)
        for turn in range(rounds):
            for name in paths if turn % 2 == 0 else reversed(paths):
                for load in (0, streams):
                    got, rate = beside_bulk(clients[name], web, echo, load, seconds, f'echo{turn}-{load}')
                    samples[name, load] += got
                    if load:
                        rates[name].append(rate)
                    say(f'round {turn + 1}, {network[name].kind}, {load} bulk streams: median %.1f ms, p99 %.1f ms, {len(got)} messages, bulk {rate:.1f} MiB/s'
                        % percentiles(got))
        for name, path in paths.items():
            check_path(clients[name], path)
        report.table('echo through one middle', 'ours', 'stock')
        for load in (0, streams):
            for label, figures in zip(('median', 'p99'), zip(*(percentiles(samples[name, load]) for name in paths))):
                judged = NO_SLOWER if load and label == 'p99' else None
                report.line(f'{load} bulk streams, {label}, ms', *figures, digits=1, target=judged)
        report.line('bulk beside it, MiB/s', *(statistics.median(rates[name]) for name in paths), digits=1)
    echo.close()
    web.close()


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--streams', type=int, default=4, help='bulk downloads beside the quiet circuit (default 4)')
    parser.add_argument('--seconds', type=float, default=6, help='length of each measurement (default 6)')
    parser.add_argument('--rounds', type=int, default=2, help='how often each measurement is made (default 2)')
    parser.add_argument('--guard-rate', type=int, default=0, help='KiB/s that the shared guard carries; 0: as fast as it can (default)')
    parser.add_argument('--kind', default='mote', choices=('mote', 'tor'), help='what is compared with stock tor; `tor` shows the noise')
    chosen = parser.parse_args()
    interrupt_on_signals()
    measure(chosen.kind, chosen.streams, chosen.seconds, chosen.rounds, chosen.guard_rate, Report())
