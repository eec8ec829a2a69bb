#!/usr/bin/env python3
"""A relay that is asked for too much: `limits.py NAME` prints figures and exits 0 only if everything held."""
import argparse
import os
import ssl
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from content import MIB, Fetch, download
from hostile import listens
from link import CREATE_FAST, CREATED_FAST, DESTROY, Circuit, Closed, Link, fixed
from network import Failure, Network, say, wait_for
from scenarios import check_path, run, world

FLOODER, OTHER = '127.0.0.3', '127.0.0.2'
RESOURCE_LIMIT = 5
RATE, MEASURE_SECONDS, WINDOWS = MIB, 5, 12
ALIKE = 0.9, 1.25   # ours to stock's payload under one rate


def limited(network, *lines):
    """One relay of ours with these options, and nobody else about."""
    node = network.of('relay')[0]
    node.extra += lines
    node.start()
    wait_for('the relay listens', 15, lambda: network.check_alive() and listens(node.or_port), pause=0.02)
    return node


def link(node, source):
    """A finished link, or None if the relay does not take one."""
    try:
        made = Link(node.or_port, source)
        made.handshake()
        return made
    except (Closed, OSError, ssl.SSLError):
        return None


def floods():
    """A flood of connections from one address is refused from the bound on, one of circuits gets DESTROY, and another address is served meanwhile."""
    with Network(relays=('mote',), exits=()) as network:
        node = limited(network, 'DoSConnectionEnabled 1', 'DoSConnectionMaxConcurrentCount 10', 'DoSConnectionConnectRate 20', 'DoSConnectionConnectBurst 40',
                       'DoSCircuitCreationEnabled 1', 'DoSCircuitCreationMinConnections 2', 'DoSCircuitCreationBurst 30', 'DoSCircuitCreationRate 3')
        links = [made for made in (link(node, FLOODER) for _ in range(25)) if made]
        say(f'{len(links)} of 25 links from {FLOODER} stand')
        if len(links) != 10:
            raise Failure('the bound is 10')
        other = link(node, OTHER) or fail(f'no link from {OTHER} beside the flood')
        began, made = time.monotonic(), 0
        while create(links[0], made) == CREATED_FAST:
            made += 1
        most = 30 + 3 * (time.monotonic() - began + 1)
        answers = [create(links[0], made + 1 + number) for number in range(20)]
        say(f'{made} circuits from {FLOODER} were made, then {answers.count((DESTROY, RESOURCE_LIMIT))} of 20 refused')
        if not 30 <= made <= most or set(answers) != {(DESTROY, RESOURCE_LIMIT)}:
            raise Failure('the burst is 30, at 3 more a second')
        if create(links[1], 1) != (DESTROY, RESOURCE_LIMIT):
            raise Failure('the address is not marked as a whole')
        for number in range(10):
            if create(other, number) != CREATED_FAST:
                raise Failure(f'{OTHER} is not served')
        for made in links:
            made.close()
        again = [link(node, FLOODER) for _ in range(45)]
        say(f'{sum(l is not None for l in again)} of 45 further links from {FLOODER} in a moment')
        if again[-1] or not link(node, OTHER):
            raise Failure('the flood goes on, or the other address pays for it')
        network.check_alive()


def fail(why):
    raise Failure(why)


def create(to, number):
    """The answer to one CREATE_FAST: its command, with the reason if it is DESTROY."""
    circuit = 0x80000001 + number
    to.send(fixed(circuit, CREATE_FAST, os.urandom(20)))
    command, body = to.answer(circuit)
    return (command, body[0]) if command == DESTROY else command


def payload(fetches):
    return sum(f.size for f in fetches)


def rate():
    """Stock clients get through our rate-limited middle what they get through stock's under the same rate beside it, and never more than the rate."""
    with world(relays=('tor', 'mote', 'tor')) as (network, web, _):
        middles = ('relay1', 'relay2')
        for middle in middles:
            network[middle].extra += [f'RelayBandwidthRate {RATE}', f'RelayBandwidthBurst {RATE}', 'CountPrivateBandwidth 1']
        network.start()
        paths = [('relay0', middle, 'exit0') for middle in middles]
        clients = [network.add_client('tor', path) for path in paths]
        began = time.monotonic()
        fetches = [[Fetch(client.socks_port, f'http://127.0.0.1:{web.port}/{1 << 30}', f'rate{number}') for number in range(2)] for client in clients]
        try:
            wait_for('data through both', 30, lambda: all(payload(f) > 2 * RATE for f in fetches))
            compare_rates(fetches, began)
        finally:
            for fetch in fetches[0] + fetches[1]:
                fetch.close()
        for client, path in zip(clients, paths):
            download(web, client.socks_port, MIB, prefix='after')
            check_path(client, path)
        network.check_alive()
        network.check_warnings()


def compare_rates(fetches, start):
    """A busy machine may starve either for a while, so some windows are looked at, and what has waited between us and the relay comes in
    a burst; since the start nobody can have got more than the rate gives."""
    for _ in range(WINDOWS):
        before, began = [payload(f) for f in fetches], time.monotonic()
        time.sleep(MEASURE_SECONDS)
        seconds = time.monotonic() - began
        ours, stock = (payload(f) - b for f, b in zip(fetches, before))
        say(f'payload, of the rate: ours {ours / seconds / RATE:.3f}, stock {stock / seconds / RATE:.3f}')
        if payload(fetches[0]) > RATE * (time.monotonic() - start + 1):
            raise Failure('above the rate and the burst of a second')
        if stock and ALIKE[0] <= ours / stock <= ALIKE[1]:
            return
    raise Failure(f'not within {ALIKE} of what stock lets through')


SCENARIOS = {f.__name__: f for f in (floods, rate)}

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('scenario', choices=SCENARIOS)
    sys.exit(run(SCENARIOS[parser.parse_args().scenario]))
