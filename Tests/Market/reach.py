#!/usr/bin/env python3
"""An exchange asked with curl through stock tor: `reach.py NAME` prints figures and exits 0 only if everything held."""
import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'Network'))
from content import curl
from network import Failure, end, program, say, spawn, wait_for
from scenarios import run, world
from services import reachable

REACH_LIMIT_SECONDS = 60
FETCH_SECONDS = 30
ORDER_BYTES = 16 + 48 + (8 << 10)     # the shortest letter there is
RECEIPT_BYTES, ANSWER_BYTES = 9, 9 + (64 << 10)


class Exchange:
    """`dustcloud market serve`, with witnesses that nobody runs: nothing is settled, and everything is answered."""

    def __init__(self, network):
        self.port = network.ports.take()
        self.program = Path(program('mote')).parent / 'dustcloud'
        self.folder = network.folder / 'exchange'
        self.key = network.folder / 'cashier'
        self.out = network.folder / 'exchange.log'
        keys = [self.made(network.folder / f'key{n}') for n in range(4)]
        self.command = [self.program, 'market', 'serve', '--state', self.folder, '--listen', f'127.0.0.1:{self.port}']
        first = ['--market', 'trial.example/market', '--cashier', keys[3], '--bucket', '0,eu,a', '--slice-seconds', '3', '--only-small', '--permit-every', '96']
        for n in range(3):
            first += ['--witness', f'w{n},{keys[n]},127.0.0.1:{1 + n}']
        self.start(first)

    def made(self, path):
        """The public half of a new key."""
        return subprocess.run([self.program, 'market', 'cashier', 'key', path], capture_output=True, text=True, check=True, timeout=60).stdout.strip()

    def start(self, more=()):
        with open(self.out, 'ab') as log:
            self.process = spawn([*map(str, self.command), *map(str, more)], stdout=log, stderr=log)
        wait_for('the exchange answers', REACH_LIMIT_SECONDS, lambda: 'answers at' in self.out.read_text())

    def kill(self):
        self.process.kill()
        self.process.wait(10)
        self.out.unlink()

    def close(self):
        end([self.process])


def ask(client, address, path, body=None, user='user'):
    """Status and body of an answer; asked again while the way there does not stand."""
    words = [] if body is None else ['--data-binary', '@-', '-H', 'Content-Type: application/octet-stream']
    command = [w for w in curl(client.socks_port, *words, '-w', '%{stderr}%{http_code}', f'http://{address}{path}', user=user, limit=FETCH_SECONDS) if w != '-f']

    def attempt():
        found = subprocess.run(command, input=body or b'', capture_output=True, timeout=FETCH_SECONDS + 10)
        return (int(found.stderr[-3:]), found.stdout) if found.returncode == 0 else None
    return wait_for(f'an answer to {path}', REACH_LIMIT_SECONDS, attempt, pause=0.5)


def check(client, exchange, address, name):
    """All that can be asked without a wallet."""
    began = time.monotonic()
    status, terms = ask(client, address, '/terms', user=f'{name}0')
    if status != 200 or terms != (exchange.folder / 'terms').read_bytes():
        raise Failure(f'{name}: terms {status} {terms[:80]}')
    first = time.monotonic() - began
    for at, body in enumerate((os.urandom(ORDER_BYTES), os.urandom(100), b'x')):
        status, receipt = ask(client, address, '/order', body, user=f'{name}order{at}')
        if (status, receipt) != (200, b'\2' + bytes(8)):
            raise Failure(f'{name}: an order that is none got {status} {receipt[:40]}')
    status, answer = ask(client, address, '/answer', os.urandom(32), user=f'{name}answer')
    if status != 200 or len(answer) != ANSWER_BYTES:
        raise Failure(f'{name}: an answer has {len(answer)} bytes, not {ANSWER_BYTES}')
    for path, body, expected in (('/report/1', None, 404), ('/nothing', None, 404), ('/terms', b'x', 405), ('/order', os.urandom(200_000), 413), ('/listings/672', None, 200)):
        status, _ = ask(client, address, path, body, user=f'{name}{path.strip("/")}{body is None}')
        if status != expected:
            raise Failure(f'{name}: {path} got {status}, not {expected}')
    say(f'{name}: first answer after {first:.1f} s, refusals of {RECEIPT_BYTES} bytes, an answer of {len(answer)}')


def onion():
    """As an onion service of a stock tor and through an exit, by a stock client; killed and started again, it is the same exchange."""
    with world(authorities=('mote',), relays=('mote',) * 3, exits=('mote',)) as (network, _, names):
        network.start()
        exchange = Exchange(network)
        try:
            _, client, host = reachable(network, exchange)
            check(client, exchange, f'{host}:{exchange.port}', 'onion service')
            exchange.kill()
            exchange.start()
            check(client, exchange, f'127.0.0.1:{exchange.port}', 'exit')
            told = exchange.out.read_text()
            if host in told or any(f'127.0.0.1:{node.or_port}' in told for node in network.nodes if getattr(node, 'or_port', None)):
                raise Failure(f'the exchange tells who asked:\n{told}')
        finally:
            exchange.close()
        network.check_alive()


SCENARIOS = {f.__name__: f for f in (onion,)}

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('scenario', choices=SCENARIOS)
    sys.exit(run(SCENARIOS[parser.parse_args().scenario]))
