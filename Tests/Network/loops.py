#!/usr/bin/env python3
"""Scenarios of relays with several loops: `loops.py NAME` prints figures and exits 0 only if everything held."""
import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from content import MIB, Fetch, download
from network import say, wait_for
from scenarios import run, transfer, world

RECOVERY_LIMIT_SECONDS = 30
CROSSING_LIMIT_SECONDS = 30


def crossings(network, web, client):
    """How many circuits went from one loop of a relay to another; one more is made each time, for where it goes is chance."""
    download(web, client.socks_port, 1000, prefix=f'crossing{time.monotonic()}')
    return sum(node.status('circuitsCrossed') for node in network.of('relay', 'exit'))


def two_loops():
    """Stock clients through three relays of ours with two loops each: several circuits at once, 20 MiB both ways, then one relay is killed."""
    with world(relays=('mote', 'mote', 'mote'), exits=('mote',)) as (network, web, _):
        network.start()
        clients = [network.add_client('tor') for _ in range(2)]
        for client in clients:
            transfer(web, client, 20 * MIB)
        seconds = download(web, clients[1].socks_port, MIB, parallel=6, prefix='isolated')
        say(f'6 isolated circuits: 1 MiB each intact in {seconds:.2f} s')
        crossed = wait_for('a circuit crosses from loop to loop', CROSSING_LIMIT_SECONDS, lambda: crossings(network, web, clients[1]), pause=1)
        say(f'{crossed} circuits went from one loop of a relay to the other')
        network['relay1'].process.kill()
        wait_for('a client recovers', RECOVERY_LIMIT_SECONDS,
                 lambda: Fetch(clients[0].socks_port, f'http://127.0.0.1:{web.port}/1000', user='again', limit=20).result()[0] == 0)
        transfer(web, clients[0], MIB)
        network.check_alive(but=('relay1',))


SCENARIOS = {f.__name__: f for f in (two_loops,)}

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('scenario', choices=SCENARIOS)
    sys.exit(run(SCENARIOS[parser.parse_args().scenario]))
