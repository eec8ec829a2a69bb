#!/usr/bin/env python3
"""Scenarios of directory authorities: `authorities.py NAME` prints figures and exits 0 only if everything held."""
import argparse
import random
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from network import VOTING_SECONDS, Failure, Network, say, wait_for
from scenarios import run

ROUND_LIMIT_SECONDS = 60


def signed_part(text):
    return text.split('\ndirectory-signature ')[0]


def signatures(text):
    return len(re.findall(r'^directory-signature ', text, re.M))


def agreement():
    """Two stock authorities and ours sign the same bytes of both flavours, round after round, and a stock client believes them."""
    with Network(authorities=('tor', 'tor', 'mote'), relays=('tor', 'mote'), exits=('tor',)) as network:
        network.start()
        names = [node.name for node in network.of('authority')]
        for number in range(3):
            for flavour in ('', '-microdesc'):
                wait_for('three signatures on the same bytes', ROUND_LIMIT_SECONDS, lambda: agree(network, names, flavour), pause=0.5)
            say(f'round {number}: three authorities, same bytes, three signatures on each, in both flavours')
            before = network.consensus()
            wait_for('the next consensus', ROUND_LIMIT_SECONDS, lambda: network.consensus() not in ('', before), pause=0.5)
        network.add_client('tor')
        network.check_alive()


def agree(network, names, flavour):
    texts = [network.document(f'/tor/status-vote/current/consensus{flavour}', name) or '' for name in names]
    return all(texts) and len({signed_part(t) for t in texts}) == 1 and all(signatures(t) == len(names) for t in texts)


def crash():
    """Our authority is killed at random moments: it comes back with everything it ever acknowledged and goes on publishing."""
    seed = random.randrange(1 << 30)
    say('seed', seed)
    moments = random.Random(seed)
    with Network(authorities=('mote',), relays=('tor', 'tor'), exits=('mote',)) as network:
        network.start()
        authority = network['authority0']
        expected = {node.name for node in network.of('relay', 'exit', 'authority')}
        for number in range(6):
            time.sleep(moments.uniform(0, 6))
            authority.process.kill()
            authority.process.wait()
            began = time.monotonic()
            authority.start()
            wait_for('the descriptors it had acknowledged', ROUND_LIMIT_SECONDS, lambda: served(network) >= expected, pause=0.1)
            back = time.monotonic() - began
            check_every_consensus(network, expected - {authority.name})
            say(f'kill {number}: all {len(expected)} descriptors served {back:.1f} s after the restart, all relays listed in the next consensus')
        network.add_client('tor')


def check_every_consensus(network, relays):
    """Waits for the next consensus; neither the one before nor that one may miss a relay."""
    before = wait_for('a consensus', ROUND_LIMIT_SECONDS, network.consensus)
    for text in (before, wait_for('the next consensus', ROUND_LIMIT_SECONDS, lambda: newer(network, before), pause=0.2)):
        missing = relays - set(re.findall(r'^r (\S+) ', text, re.M))
        if missing:
            raise Failure(f'a consensus without {" ".join(sorted(missing))}')


def newer(network, before):
    text = network.consensus()
    return text if text not in ('', before) else None


def served(network):
    return set(re.findall(r'^router (\S+) ', network.document('/tor/server/all') or '', re.M))


def shared_random():
    """Two stock authorities and ours commit, reveal and agree on a shared random value of three reveals, in the same bytes of both flavours."""
    slots, slot = 24, lambda: int(time.time()) // VOTING_SECONDS % 24
    # A run is 24 rounds by the clock, and the first twelve take commitments: come late in those, so as not to wait for two runs.
    wait_for('the end of the time for commitments comes near', slots * VOTING_SECONDS, lambda: slot() in (3, 4, 5), pause=1)
    with Network(authorities=('tor', 'tor', 'mote'), relays=('tor', 'mote'), exits=('tor',)) as network:
        network.start()
        say('the network is up in round', slot())
        names = [node.name for node in network.of('authority')]
        value = r'^shared-rand-current-value (\d+) (\S+)$'
        wait_for('a shared random value of three reveals', slots * VOTING_SECONDS, lambda: network.check_alive() and re.search(value.replace('\\d+', '3'), network.consensus(), re.M), pause=1)
        for flavour in ('', '-microdesc'):
            wait_for('three signatures on the same bytes', ROUND_LIMIT_SECONDS, lambda: agree(network, names, flavour), pause=0.5)
            say(f'consensus{flavour}: three signatures, {re.search(value, network.consensus(flavour), re.M)[0]}')
        network.check_alive()


shared_random.limit_seconds = 900

SCENARIOS = {f.__name__: f for f in (agreement, crash, shared_random)}

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('scenario', choices=SCENARIOS)
    sys.exit(run(SCENARIOS[parser.parse_args().scenario]))
