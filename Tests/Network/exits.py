#!/usr/bin/env python3
"""Scenarios of exits: `exits.py NAME` prints figures and exits 0 only if everything held."""
import argparse
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from content import Names, curl, download
from network import Failure, say, wait_for
from scenarios import PATH, run, world

HIJACK_LIMIT_SECONDS = 60


def check_memory(web, names, client):
    """A name that two circuits want is asked for once."""
    for user in ('first', 'second'):
        download(web, client.socks_port, 1000, host='name.test', prefix=user)
    if names.asked.count('name.test') != 1:
        raise Failure(f'the name server was asked {names.asked}')
    say('a name is remembered from one circuit to the next')


def check_reentry(network, client):
    """No stream leads back into the network."""
    doors = {'a relay': network['relay0'].or_port, 'the authority': network['authority0'].or_port, "the authority's DirPort": network['authority0'].dir_port}
    for name, port in doors.items():
        answer = subprocess.run(curl(client.socks_port, f'http://127.0.0.1:{port}/tor/status-vote/current/consensus', limit=15), capture_output=True, text=True)
        if answer.returncode == 0 or answer.stdout:
            raise Failure(f'{name} was reached through the exit')
    say('no stream leads to', ', '.join(doors))


def check_hijacking(network, exit):
    """An exit whose name server answers for everything says so and takes its policy back."""
    wait_for('the hijacking is noticed', HIJACK_LIMIT_SECONDS, lambda: 'answers even for well-known sites' in exit.log)
    policy = lambda: (network.document(f'/tor/server/fp/{exit.fingerprint}') or '').count('\nreject *:*\n')
    wait_for('its descriptor is no exit any more', HIJACK_LIMIT_SECONDS, policy)
    if 'names that do not exist' not in exit.log:
        raise Failure('the operator was not told')
    say('an exit behind a hijacking name server is no exit')


def duties():
    """A stock client through our exit: names remembered, no way back into the network; an exit with a lying name server gives up being one."""
    with world(relays=('tor', 'tor', 'tor'), exits=('mote',)) as (network, web, names):
        folder = network.folder / 'liar'
        folder.mkdir()
        liar = Names(folder, is_lying=True)
        hijacked = network.add('exit', 'mote', ['ServerDNSDetectHijacking 1', f'ServerDNSResolvConfFile {liar.resolv_conf}'])
        network.start()
        client = network.add_client('tor', PATH)
        check_memory(web, names, client)
        check_reentry(network, client)
        check_hijacking(network, hijacked)
        network.check_alive()
        liar.close()


SCENARIOS = {f.__name__: f for f in (duties,)}

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('scenario', choices=SCENARIOS)
    sys.exit(run(SCENARIOS[parser.parse_args().scenario]))
