#!/usr/bin/env python3
"""An exchange's log and its witnesses, held against C2SP's texts by `tlog.py`, which shares no code with them: `c2sp.py log`.

An exchange begins with one of our witnesses and one that is `tlog.py`'s, so that there is no log unless it and the stranger understand each
other. With a second one of ours its slices are settled, and what it publishes is checked byte by byte. Last, one of our witnesses is asked by a
log of Python's.
"""
import argparse
import contextlib
import os
import re
import struct
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

DEBIAN = '/usr/bin/python3'
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'Tests/Network'))
if Path(DEBIAN).exists() and not Path(DEBIAN).samefile(sys.executable):   # whose `cryptography` another Python cannot load
    os.execv(DEBIAN, [DEBIAN, *sys.argv])
import tlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from network import ANSWER_LIMIT_SECONDS, PATIENCE, Failure, Ports, end, program, say, spawn, wait_for
from scenarios import run

ORIGIN = 'dust.test/market'
GROWN_SECONDS = 60      # until some slices of three seconds are settled


def dustcloud():
    return str(Path(program('mote')).parent / 'dustcloud')


def market(*words):
    done = subprocess.run([dustcloud(), 'market', *map(str, words)], capture_output=True, text=True, timeout=PATIENCE * ANSWER_LIMIT_SECONDS)
    if done.returncode:
        raise Failure(f'market {words}: {done.stderr}')
    return done.stdout.strip()


def get(address, path, body=None):
    """Status, kind of content and content."""
    try:
        with urllib.request.urlopen(urllib.request.Request(f'http://{address}{path}', data=body), timeout=PATIENCE * ANSWER_LIMIT_SECONDS) as answer:
            return answer.status, answer.headers.get('Content-Type', ''), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get('Content-Type', ''), error.read()


class Site:
    """The exchange, two witnesses of ours (w0, w1), and a stranger (w2)."""

    def __init__(self, folder, ports):
        self.folder, self.processes = folder, {}
        self.address = f'127.0.0.1:{ports.take()}'
        self.stranger = tlog.Witness('w2', ports.take())
        self.witnesses = {f'w{n}': (f'127.0.0.1:{ports.take()}', bytes.fromhex(market('witness', 'key', '--state', folder / f'w{n}'))) for n in range(2)}
        self.witnesses['w2'] = f'127.0.0.1:{self.stranger.port}', tlog.public(self.stranger.key)
        self.start('exchange', 'serve', '--state', folder / 'exchange', '--listen', self.address, '--market', ORIGIN, '--bucket', '0,eu,first', '--slice-seconds', 3,
                   '--only-small', '--permit-every', 96, '--cashier', market('cashier', 'key', folder / 'cashier'),
                   *(w for name, (address, key) in self.witnesses.items() for w in ('--witness', f'{name},{key.hex()},{address}')))
        self.terms = folder / 'exchange/terms'
        wait_for('the terms', 20, lambda: self.check() and self.terms.exists())
        self.log_key = bytes.fromhex(re.search('^LogKey ([0-9a-f]+)$', self.terms.read_text(), re.M)[1])
        self.stranger.log_key, self.stranger.origin = self.log_key, ORIGIN

    def start(self, name, *words):
        with open(self.folder / f'{name}.log', 'a') as log:
            self.processes[name] = spawn([dustcloud(), 'market', *map(str, words)], stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

    def witness(self, name):
        self.start(name, 'witness', 'run', '--state', self.folder / name, '--terms', self.terms, '--mote', program('mote'))

    def check(self):
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise Failure(f'{name} ended:\n' + (self.folder / f'{name}.log').read_text()[-1500:])
        if self.stranger.trouble:
            raise Failure(f'the witness of Python: {self.stranger.trouble}')
        return True

    def close(self):
        end(list(self.processes.values()))
        self.stranger.close()

    def fetch(self, path):
        status, _, body = get(self.address, path)
        if status != 200:
            raise Failure(f'{path}: {status}')
        return body

    def checkpoint(self, least, names=()):
        """The newest, when it has so many entries and those cosigned it."""
        def probe():
            if self.check() and refuses(self.address):
                return None
            status, kind, body = get(self.address, '/checkpoint')
            if status != 200:
                return None
            found = tlog.Checkpoint(body.decode())
            return found if found.size >= least and all(found.cosigned(n, self.witnesses[n][1]) for n in names) and kind.startswith('text/plain') else None
        return wait_for(f'a checkpoint of {least} entries, cosigned by {names or "anybody"}', GROWN_SECONDS, probe)


def must(what, holds):
    if not holds:
        raise Failure(f'{what} is not as C2SP has it')


def read(site, newest):
    """All entries under a checkpoint; every tile, and the signatures."""
    must('the log\'s signature', newest.origin == ORIGIN and newest.is_signed(ORIGIN, site.log_key))
    signers = [name for name, (_, key) in site.witnesses.items() if newest.cosigned(name, key)]
    must('the number of cosignatures', len(signers) >= 2)
    entries = [e for n, width in tlog.tiles(newest.size) for e in tlog.bundle(site.fetch(tlog.tile_path('entries', n, width)))]
    leaves = [tlog.leaf_hash(e) for e in entries]
    must('the root', len(leaves) == newest.size and tlog.tree_head(leaves) == newest.root)
    for n, width in tlog.tiles(newest.size):
        must('a tile', site.fetch(tlog.tile_path(0, n, width)) == b''.join(leaves[n * tlog.TILE:n * tlog.TILE + width]))
    must('a tile that there is not', get(site.address, tlog.tile_path(0, 5))[0] == 404 and get(site.address, '/tile/0/0')[0] == 404)
    return entries, leaves, signers


def check_documents(site, entries):
    """What lies beside the log has the way up the tree to a checkpoint of its own."""
    count = 0
    for index, entry in enumerate(entries):
        _, market_line, about, digest, _ = entry.decode().split('\n')
        kind, number = about.split(' ')
        path = {'week': f'/keys/{number}', 'day': f'/keys/day/{number}', 'report': f'/report/{number}'}.get(kind)
        if not path:
            continue
        body = site.fetch(path)
        head, place, rest = body.split(b'\n', 2)
        note_bytes, = struct.unpack_from('>I', rest)
        seen = tlog.Checkpoint(rest[4:4 + note_bytes].decode())
        proof_at = 5 + note_bytes
        proof = [rest[proof_at + 32 * n:proof_at + 32 * n + 32] for n in range(rest[proof_at - 1])]
        document = rest[proof_at + 32 * len(proof) + 4:]
        must(f'the proof of {about}', place.decode() == f'{about} {index}' and tlog.sha256(document).hex() == digest
             and seen.is_signed(ORIGIN, site.log_key) and sum(bool(seen.cosigned(n, k)) for n, (_, k) in site.witnesses.items()) >= 2
             and tlog.included(tlog.leaf_hash(entry), index, seen.size, proof, seen.root))
        count += 1
    must('what is published', count >= 3)
    return count


def check_witness(folder, ports):
    """One of our witnesses, asked by a log that is Python's."""
    log, address = Ed25519PrivateKey.generate(), f'127.0.0.1:{ports.take()}'
    keys = [market('witness', 'key', '--state', folder / f'own{n}') for n in range(3)]
    lines = [f'Market {ORIGIN}', 'Address 127.0.0.1:9', f'LogKey {tlog.public(log).hex()}', f'SealKey {os.urandom(32).hex()}', f'CashierKey {keys[0]}', 'Epoch 0', 'SliceSeconds 900']
    lines += [f'Witness own{n} {key} {address if n == 0 else f"127.0.0.1:{1 + n}"}' for n, key in enumerate(keys)] + ['Bucket 0 eu first']
    (folder / 'own-terms').write_text('\n'.join(lines) + '\n')
    process = spawn([dustcloud(), 'market', 'witness', 'run', '--state', str(folder / 'own0'), '--terms', str(folder / 'own-terms'), '--mote', program('mote')],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return ask_witness(address, log, bytes.fromhex(keys[0]))
    finally:
        end([process])


def ask_witness(address, log, key):
    leaves = [tlog.leaf_hash(b'entry %d' % n) for n in range(300)]
    other = [tlog.leaf_hash(b'other %d' % n) for n in range(300)]

    def call(old, size, own=leaves, proof=None, signer=log, origin=ORIGIN):
        note = tlog.checkpoint(origin, signer, own[:size])
        body = tlog.add_checkpoint(old, tlog.consistency(own[:size], old) if proof is None and 0 < old <= size else proof or [], note)
        return note, get(address, '/add-checkpoint', body.encode())

    wait_for('the witness answers', 20, lambda: not refuses(address))
    asked = 0
    for old, size in (0, 1), (1, 2), (2, 7), (7, 8), (8, 255), (255, 257), (257, 300), (300, 300):
        note, (status, _, body) = call(old, size)
        must(f'the answer to {old} to {size}', status == 200 and tlog.Checkpoint(note + body.decode()).cosigned('own0', key))
        asked += 1
    refusals = [('another size', 409, call(200, 300)[1]), ('a size below', 409, call(0, 1)[1]), ('another past', 409, call(300, 300, own=other)[1]),
                ('an old size above', 400, call(300, 299)[1]), ('another log\'s key', 403, call(300, 300, signer=Ed25519PrivateKey.generate())[1]),
                ('another origin', 404, call(300, 300, origin='other.test/log')[1]), ('nothing', 400, get(address, '/add-checkpoint', b'old 300\n'))]
    for what, expected, (status, kind, body) in refusals:
        must(f'the answer to {what} ({status})', status == expected and (what != 'another size' or (kind, body) == ('text/x.tlog.size', b'300\n')))
    grown = leaves + [tlog.leaf_hash(b'more')]
    wrong = tlog.consistency(grown, 300)
    wrong[0] = bytes(32)
    must('the answer to a wrong proof', call(300, 301, own=grown, proof=wrong)[1][0] == 422 and call(300, 301, own=grown)[1][0] == 200)
    return asked, len(refusals) + 1


def refuses(address):
    try:
        get(address, '/checkpoint')
        return False
    except OSError:
        return True


def log():
    """Everything of the log and its witnesses that C2SP has a text for."""
    ports = Ports()
    with contextlib.ExitStack() as stack:
        stack.callback(ports.close)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix='dustcloud-c2sp-')))
        site = Site(folder, ports)
        stack.callback(site.close)
        site.witness('w0')
        early = site.checkpoint(4, ('w0', 'w2'))
        read(site, early)
        site.witness('w1')
        later = site.checkpoint(early.size + 6)
        entries, leaves, signers = read(site, later)
        must('its past', tlog.tree_head(leaves[:early.size]) == early.root)
        must('a proof of its past', tlog.consistent(early.size, later.size, early.root, later.root, tlog.consistency(leaves, early.size)))
        say(f'{later.size} entries, all tiles, {check_documents(site, entries)} proofs of what is published; cosigned by {signers}')
        say(market('audit', '--terms', site.terms))
        steps = wait_for('the last proof for the witness of Python', 20, lambda: site.check() and site.stranger.size >= later.size and site.stranger.steps)
        must('the proofs for the witness of Python', len(steps) > 3)
        say(f'the witness of Python checked {len(steps)} proofs; alone with w0 it cosigned {early.size} entries')
        asked, refused = check_witness(folder, ports)
        say(f'our witness cosigned {asked} steps of a log of Python\'s, and refused {refused} as it must')


SCENARIOS = {f.__name__: f for f in (log,)}

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('scenario', choices=SCENARIOS)
    sys.exit(run(SCENARIOS[parser.parse_args().scenario]))
