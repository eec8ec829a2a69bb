#!/usr/bin/env python3
"""A mote that is sold on the exchange, among stock nodes: `market.py NAME` prints figures and exits 0 only if everything held."""
import argparse
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from content import MIB, Fetch, download
from network import ANSWER_LIMIT_SECONDS, PATIENCE, Failure, program, say, wait_for
from scenarios import check_listed, run, world

SLICE_SECONDS = 900
FREE_BYTES = 8 * MIB    # of one address in a slice, both directions of the link
BOUGHT_BYTES = 20 * MIB


def key():
    """A fresh Ed25519 key: its seed and its public key."""
    seed = os.urandom(32)
    made = subprocess.run(['openssl', 'pkey', '-inform', 'DER', '-pubout', '-outform', 'DER'], input=bytes.fromhex('302e020100300506032b657004220420') + seed,
                          capture_output=True, check=True, timeout=PATIENCE * ANSWER_LIMIT_SECONDS)
    return seed, made.stdout[-32:]


def terms():
    """An exchange that nobody needs here: owners are let in without it."""
    witnesses = ''.join(f'Witness w{n} {key()[1].hex()} 127.0.0.1:{9001 + n}\n' for n in range(3))
    return (f'Market test.test/market\nAddress 127.0.0.1:9000\nLogKey {key()[1].hex()}\nSealKey {os.urandom(32).hex()}\nCashierKey {key()[1].hex()}\n'
            f'Epoch 0\nSliceSeconds {SLICE_SECONDS}\n{witnesses}Bucket 0 eu a\n')


def sell(node):
    """Puts a mote on the exchange; its key there and its owner's seed."""
    folder = node.folder / 'market'
    (folder / 'keys').mkdir(parents=True, mode=0o700)
    (seed, public), (owner_seed, owner) = key(), key()
    now = int(time.time()) // SLICE_SECONDS
    (folder / 'key').write_bytes(seed)
    (folder / 'key').chmod(0o600)
    (folder / 'terms').write_text(terms())
    (folder / 'owners').write_text(owner.hex() + '\n')
    (folder / 'offer').write_text(f'Class small\nBucket 0\nFirst {now}\nLast {now + 8}\n')
    node.extra += [f'MoteMarket {folder}']
    return public, owner_seed


def ticket(folder, node, mote, seed):
    """An owner's ticket, as a wallet writes it."""
    now = int(time.time()) // SLICE_SECONDS
    (folder / 'draft').write_bytes(b'dust-ticket-1\0' + struct.pack('>BQIQQ', 2, 0, SLICE_SECONDS, now, now + 8) + mote + bytes.fromhex(node.fingerprint) + seed)
    (folder / 'draft').rename(folder / 'own.ticket')


def probe(node, *words, fingerprint=None):
    """What a witness finds: exit status and line."""
    found = subprocess.run([program('mote'), '--probe', f'127.0.0.1:{node.or_port}', '--fingerprint', fingerprint or node.fingerprint, *words],
                           capture_output=True, text=True, timeout=PATIENCE * ANSWER_LIMIT_SECONDS)
    say(f'probe of {node.name} ({node.kind}):', found.stdout.strip()[:90])
    return found.returncode, found.stdout


def check_probes(network, mote, stock):
    for words in (), ('--market', mote.public.hex()):
        status, line = probe(mote, *words)
        if status or not line.startswith('up room ') or mote.public.hex() not in line:
            raise Failure('a mote that is up is not found so')
    for node, words, fingerprint in (mote, ('--market', '00' * 32), None), (mote, (), '01' * 20), (stock, (), None):
        status, line = probe(node, *words, fingerprint=fingerprint)
        if status != 1 or not line.startswith('down '):
            raise Failure('what is no such mote is found up')
    if f'dust-market {mote.public.hex()}' not in (network.document(f'/tor/server/fp/{mote.fingerprint}') or ''):
        raise Failure('the descriptor says nothing of the exchange')


def sold():
    """A stock client has a little for nothing at a mote that is sold, the mote's owner all, stock relays notice nothing, and probes tell who is up."""
    with world(relays=('mote', 'tor', 'tor')) as (network, web, _):
        mote = network['relay0']
        mote.public, seed = sell(mote)
        network.start()
        check_probes(network, mote, network['relay1'])
        folder, log = network.folder / 'tickets', network.folder / 'owner-log'
        folder.mkdir(mode=0o700)
        ticket(folder, mote, mote.public, seed)
        owner = network.add_client('mote', extra=[f'MoteTickets {folder}', f'Log info file {log}'])
        wait_for('the owner is let in', 30, lambda: network.check_alive() and 'Let in by a mote' in log.read_text())
        stock = network.add_client('tor', ('relay0', 'relay1', 'exit0'))
        download(web, stock.socks_port, MIB)
        with_nothing(web, stock)
        # From the same address, which has nothing left.
        before = mote.status('bytesWritten')
        seconds = download(web, owner.socks_port, BOUGHT_BYTES)
        say(f'owner: {BOUGHT_BYTES / MIB:.0f} MiB in {seconds:.1f} s')
        wait_for('the status file', 10, lambda: mote.status('bytesWritten') - before > BOUGHT_BYTES)
        check_listed(network, 'mote')
        network.check_alive()
        network.check_warnings()


def with_nothing(web, client):
    """A long download ends when the free bytes are used up."""
    fetch = Fetch(client.socks_port, f'http://127.0.0.1:{web.port}/{1 << 30}', 'free')
    try:
        wait_for('the free bytes are used up', 60, lambda: fetch.is_over)
        say(f'stock client: {fetch.size / MIB:.1f} MiB for nothing')
        # Once, or twice if another slice began meanwhile.
        if not MIB / 2 < fetch.size <= 2 * FREE_BYTES:
            raise Failure(f'{FREE_BYTES / MIB:.0f} MiB are free')
    finally:
        fetch.close()


SCENARIOS = {f.__name__: f for f in (sold,)}

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('scenario', choices=SCENARIOS)
    sys.exit(run(SCENARIOS[parser.parse_args().scenario]))
