#!/usr/bin/env python3
"""Scenarios of a relay's keys: `keys.py NAME` prints figures and exits 0 only if everything held."""
import argparse
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from content import MIB
from network import Failure, program, say, wait_for
from scenarios import PATH, check_path, run, transfer, world


def keygen(kind, *arguments, cwd=None):
    command = [program(kind), *arguments, '-f', '/nonexistent', '--ignore-missing-torrc', '--quiet']
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise Failure(f'{" ".join(command)}: {done.stdout}{done.stderr}')


def offline_family():
    """Our relay without its master key, in a family by key: the stock authority lists it and puts the family into the microdescriptor."""
    with world(relays=('mote', 'tor', 'tor'), exits=('tor',)) as (network, web, _):
        relay, stock = network['relay0'], network['relay1']
        home = network.folder / 'home'
        keygen('mote', '--keygen', '--DataDirectory', str(home))
        for name in ('ed25519_master_id_public_key', 'ed25519_signing_secret_key', 'ed25519_signing_cert'):
            (relay.folder / 'keys' / name).write_bytes((home / 'keys' / name).read_bytes())
        keygen('mote', '--keygen-family', str(relay.folder / 'keys' / 'kin'))
        kin = (relay.folder / 'keys' / 'kin.public_family_id').read_text().strip()
        relay.extra += ['OfflineMasterKey 1', f'FamilyId {kin}']
        # Stock takes the key that we made, and so is of the same family.
        (stock.folder / 'keys' / 'kin.secret_family_key').write_bytes((relay.folder / 'keys' / 'kin.secret_family_key').read_bytes())
        stock.extra += ['FamilyId *', f'MyFamily {"A" * 40}']   # without MyFamily stock warns
        network.start()
        if (relay.folder / 'keys' / 'ed25519_master_id_secret_key').exists():
            raise Failure('a master key was made')
        for node in (relay, stock):
            wait_for(f'the microdescriptor of {node.name} names the family', 30, lambda: f'family-ids ed25519:{kin}' in microdescriptor(network, node))
        say(f'the microdescriptors of {relay.name} (mote) and {stock.name} (tor) have family-ids ed25519:{kin}')
        path = (PATH[0], 'relay2', PATH[2])
        client = network.add_client('tor', path)
        transfer(web, client, MIB)
        check_path(client, path)
        network.check_alive()
        network.check_warnings()


def microdescriptor(network, node):
    """What the authority gives clients of one relay."""
    entry = re.search(rf'^r {node.name} .*\n(?:a .*\n)*m (\S+)', network.consensus('-microdesc'), re.M)
    return entry and network.document(f'/tor/micro/d/{entry[1]}') or ''


SCENARIOS = {f.__name__: f for f in (offline_family,)}

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('scenario', choices=SCENARIOS)
    sys.exit(run(SCENARIOS[parser.parse_args().scenario]))
