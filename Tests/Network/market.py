#!/usr/bin/env python3
"""A mote that is sold on the exchange, among stock nodes: `market.py NAME` prints figures and exits 0 only if everything held."""
import argparse
import base64
import hashlib
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from content import MIB, Fetch, download
from network import ANSWER_LIMIT_SECONDS, PATIENCE, Failure, program, say, wait_for
from scenarios import check_listed, run, world

SLICE_SECONDS = 900
FREE_BYTES = 8 * MIB    # of one address in a slice, both directions of the link
BOUGHT_BYTES = 20 * MIB
SERVED, REFUSED = 1, 3
SPEND_BYTES = 496


class Key:
    """A fresh Ed25519 key; what it does is OpenSSL's."""

    def __init__(self):
        self.seed = os.urandom(32)
        self.der = bytes.fromhex('302e020100300506032b657004220420') + self.seed
        self.public = openssl('pkey', '-inform', 'DER', '-pubout', '-outform', 'DER', data=self.der)[-32:]

    def sign(self, message):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / 'key').write_bytes(self.der)
            (Path(folder) / 'message').write_bytes(message)
            return openssl('pkeyutl', '-sign', '-rawin', '-inkey', f'{folder}/key', '-keyform', 'DER', '-in', f'{folder}/message')


def openssl(*words, data=b''):
    return subprocess.run(['openssl', *words], input=data, capture_output=True, check=True, timeout=PATIENCE * ANSWER_LIMIT_SECONDS).stdout


def is_signed(public, message, signature):
    with tempfile.TemporaryDirectory() as folder:
        for name, content in ('key', bytes.fromhex('302a300506032b6570032100') + public), ('message', message), ('signature', signature):
            (Path(folder) / name).write_bytes(content)
        found = subprocess.run(['openssl', 'pkeyutl', '-verify', '-rawin', '-pubin', '-inkey', f'{folder}/key', '-keyform', 'DER', '-in', f'{folder}/message',
                                '-sigfile', f'{folder}/signature'], capture_output=True, timeout=PATIENCE * ANSWER_LIMIT_SECONDS)
        return found.returncode == 0


class Exchange:
    """What an exchange publishes and signs, as far as motes and tickets need it, written down again from the formats' description."""
    ORIGIN, DAY = 'test.test/market', 1
    PSS = bytes.fromhex('303d06092a864886f70d01010a3030a00d300b0609608648016503040202a11a301806092a864886f70d010108300b0609608648016503040202a203020130')

    def __init__(self, folder):
        # Its slice 100 began a minute ago, so that none ends while this runs.
        self.slice, self.epoch = 100, int(time.time()) - 100 * SLICE_SECONDS - 60
        self.log, self.witnesses, self.rsa = Key(), [Key() for _ in range(3)], folder / 'access.pem'
        openssl('genrsa', '-out', str(self.rsa), '2048')
        public = openssl('rsa', '-in', str(self.rsa), '-RSAPublicKey_out', '-outform', 'DER')
        self.public = self.element(0x30, self.PSS + self.element(3, b'\0' + public))
        self.role = struct.pack('>BHQ', 3, 0, self.DAY)
        windows = [96 * (self.DAY + day) for day in (-1, 1, 0, 2, 2, 9)]
        self.key_id = sha256(b'dust-key-1' + struct.pack('>HH', 2, len(self.public)) + self.public + self.role + struct.pack('>6Q', *windows))

    @staticmethod
    def element(tag, content):
        return struct.pack('>BBH', tag, 0x82, len(content)) + content

    def terms(self):
        return (f'Market {self.ORIGIN}\nAddress 127.0.0.1:9000\nLogKey {self.log.public.hex()}\nSealKey {os.urandom(32).hex()}\nCashierKey {Key().public.hex()}\n'
                f'Epoch {self.epoch}\nSliceSeconds {SLICE_SECONDS}\n'
                + ''.join(f'Witness w{n} {w.public.hex()} 127.0.0.1:{9001 + n}\n' for n, w in enumerate(self.witnesses)) + 'Bucket 0 eu a\n')

    def keys(self):
        """The day's table of keys, alone in the log, as two witnesses saw it ten slices ago."""
        body = f'dust-keys-1\nday {self.DAY}\n'.encode() + struct.pack('>H', 1) + self.role + self.public
        leaf = f'dust-leaf 1\nmarket {self.ORIGIN}\nday {self.DAY}\n{sha256(body).hex()}\n'.encode()
        said = f'{self.ORIGIN}\n1\n{base64.b64encode(sha256(bytes(1) + leaf)).decode()}\n'
        then = self.epoch + 90 * SLICE_SECONDS
        lines = [self.line(self.ORIGIN, 1, self.log.public, self.log.sign(said.encode()))]
        for number, witness in list(enumerate(self.witnesses))[:2]:
            signature = witness.sign(f'cosignature/v1\ntime {then}\n{said}'.encode())
            lines.append(self.line(f'w{number}', 4, witness.public, struct.pack('>Q', then) + signature))
        note = (said + '\n' + ''.join(lines)).encode()
        return f'dust-logged-1\nday {self.DAY} 0\n'.encode() + struct.pack('>I', len(note)) + note + b'\0' + struct.pack('>I', len(body)) + body

    @staticmethod
    def line(name, kind, key, signature):
        return f'— {name} {base64.b64encode(sha256(name.encode() + bytes([10, kind]) + key)[:4] + signature).decode()}\n'

    def token(self, mote, salt, nonce):
        context = sha256(b'dust-t' + mote + struct.pack('>Q', self.slice) + salt)
        challenge = struct.pack('>HH', 2, 18) + b'dustcloud-exchange' + bytes([32]) + context + struct.pack('>H', 4) + b'mote'
        signed = struct.pack('>H', 2) + nonce + sha256(challenge) + self.key_id
        return signed + openssl('dgst', '-sha384', '-sign', str(self.rsa), '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:48', data=signed)

    def sell(self, node):
        """Puts a mote on the exchange, with an owner."""
        folder = node.folder / 'market'
        (folder / 'keys').mkdir(parents=True, mode=0o700)
        node.key, node.owner = Key(), Key()
        (folder / 'key').write_bytes(node.key.seed)
        (folder / 'key').chmod(0o600)
        (folder / 'terms').write_text(self.terms())
        (folder / 'keys' / 'day-1').write_bytes(self.keys())
        (folder / 'owners').write_text(node.owner.public.hex() + '\n')
        (folder / 'offer').write_text(f'Class small\nBucket 0\nFirst {self.slice}\nLast {self.slice + 8}\n')
        node.extra += [f'MoteMarket {folder}']

    def ticket(self, node, key, bought=b''):
        """As a wallet writes it: an owner's, or of a token."""
        last = self.slice + (0 if bought else 8)
        return (b'dust-ticket-1\0' + struct.pack('>BQIQQ', 1 if bought else 2, self.epoch, SLICE_SECONDS, self.slice, last) + node.key.public
                + bytes.fromhex(node.fingerprint) + key.seed + bought)


def sha256(data):
    return hashlib.sha256(data).digest()


def put(folder, name, content):
    """Whole at once."""
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / 'draft').write_bytes(content)
    (folder / 'draft').rename(folder / name)


def probe(node, *words, fingerprint=None):
    """What a witness finds: exit status and line."""
    found = subprocess.run([program('mote'), '--probe', f'127.0.0.1:{node.or_port}', '--fingerprint', fingerprint or node.fingerprint, *words],
                           capture_output=True, text=True, timeout=PATIENCE * ANSWER_LIMIT_SECONDS)
    say(f'probe of {node.name} ({node.kind}):', found.stdout.strip()[:90])
    return found.returncode, found.stdout


def check_probes(network, mote, stock):
    for words in (), ('--market', mote.key.public.hex()):
        status, line = probe(mote, *words)
        if status or not line.startswith('up room ') or mote.key.public.hex() not in line:
            raise Failure('a mote that is up is not found so')
    for node, words, fingerprint in (mote, ('--market', '00' * 32), None), (mote, (), '01' * 20), (stock, (), None):
        status, line = probe(node, *words, fingerprint=fingerprint)
        if status != 1 or not line.startswith('down '):
            raise Failure('what is no such mote is found up')
    if f'dust-market {mote.key.public.hex()}' not in (network.document(f'/tor/server/fp/{mote.fingerprint}') or ''):
        raise Failure('the descriptor says nothing of the exchange')


def sold():
    """A stock client has a little for nothing at a mote that is sold, the mote's owner all, stock relays notice nothing, and probes tell who is up."""
    with world(relays=('mote', 'tor', 'tor')) as (network, web, _):
        mote = network['relay0']
        exchange = Exchange(network.folder)
        exchange.sell(mote)
        network.start()
        check_probes(network, mote, network['relay1'])
        folder, log = network.folder / 'tickets', network.folder / 'owner-log'
        put(folder, 'own.ticket', exchange.ticket(mote, mote.owner))
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
        # The mote looks when it hears from the client; what is on its way then has a window's size.
        if not MIB / 2 < fetch.size <= FREE_BYTES + 2 * MIB:
            raise Failure(f'{FREE_BYTES / MIB:.0f} MiB are free')
    finally:
        fetch.close()


def bought():
    """A token buys a client's way into a mote, once: not with another client, nor after kill -9; what the mote keeps is what a deposit needs."""
    with world(relays=('mote', 'tor', 'tor')) as (network, web, _):
        mote, exchange = network['relay0'], Exchange(network.folder)
        exchange.sell(mote)
        network.start()
        key, salt = Key(), os.urandom(32)
        ticket = exchange.ticket(mote, key, exchange.token(mote.key.public, salt, key.public) + salt)
        folders = [network.folder / 'tickets0', network.folder / 'tickets1']
        for folder in folders:
            put(folder, 'one.ticket', ticket)
        client = network.add_client('mote', extra=[f'MoteTickets {folders[0]}'])
        check_receipt(network, mote, key, folders[0], 'one', SERVED)
        check_spend(mote, key, exchange, folders[0])
        before = mote.status('bytesWritten')
        download(web, client.socks_port, BOUGHT_BYTES)
        wait_for('the traffic is seen at the mote', 10, lambda: mote.status('bytesWritten') - before > BOUGHT_BYTES)
        network.add_client('mote', extra=[f'MoteTickets {folders[1]}'])
        check_receipt(network, mote, key, folders[1], 'one', REFUSED)
        mote.process.kill()
        mote.process.wait(ANSWER_LIMIT_SECONDS)
        mote.start()
        wait_for('the mote is back', 30, lambda: mote.log.count('On the exchange') == 2)
        put(folders[0], 'again.ticket', ticket)
        check_receipt(network, mote, key, folders[0], 'again', REFUSED)
        if len((mote.folder / 'market' / 'spends').read_bytes()) != SPEND_BYTES:
            raise Failure('the mote keeps more than one spend')
        network.check_alive()


def check_receipt(network, mote, key, folder, name, outcome):
    """What the mote signed, and that the ticket is not there any more."""
    path = folder / f'{name}.receipt'
    wait_for(f'{folder.name}/{path.name}', 60, lambda: network.check_alive() and path.exists())
    receipt = path.read_bytes()
    said, message = receipt[0], {SERVED: b'dust-served', REFUSED: b'dust-refused'}.get(receipt[0], b'') + key.public + receipt[1:9]
    say(f'{folder.name}/{path.name}: {said}')
    if said != outcome or receipt[9:41] != key.public or not is_signed(mote.key.public, message, receipt[41:]):
        raise Failure('that is not what the mote should say')
    if (folder / f'{name}.ticket').exists() or not list(folder.glob(f'{name}.*.spent')):
        raise Failure('the ticket is not marked as spent')


def check_spend(mote, key, exchange, folder):
    """The record with which the owner's wallet deposits."""
    kept, exporter = (mote.folder / 'market' / 'spends').read_bytes(), bytes.fromhex(next(folder.glob('one.*.spent')).name.split('.')[1])
    # Another value for each token of a session, so that deposits have nothing in common.
    session = hashlib.sha256(b'dust-session' + exporter + key.public).digest()
    message = b'dust-spend' + mote.key.public + struct.pack('>Q', exchange.slice) + session
    if len(kept) != SPEND_BYTES or kept[12:44] != key.public or kept[396:428] != session or not is_signed(key.public, message, kept[428:492]):
        raise Failure('what the mote keeps is no evidence')
    say('the mote keeps the evidence of one spend, signed for the TLS session that the client names')


SCENARIOS = {f.__name__: f for f in (sold, bought)}

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('scenario', choices=SCENARIOS)
    sys.exit(run(SCENARIOS[parser.parse_args().scenario]))
