#!/usr/bin/env python3
"""Three owners swap the use of their motes, all in real processes: `owners.py owners` prints figures and exits 0 only if everything held.

The story: a private network, in which each owner has a mote and a client; an exchange with three witnesses; a wallet for each owner, which
reaches the exchange through the owner's own client. Every owner pays for a pack, offers the mote and buys access. The exchange is killed and
goes on; the third mote is killed and stays away. Stock curl through each client goes by a mote of somebody else's, let in by a token; the
witnesses find the motes up, and their owners deposit what they took. The auditor finds nothing in what was published and in the ledger, and
`link.py` none who paid in the exchange's database and all logs. Last, all clocks but the network's are put two days on (Debian's faketime),
and what no mote took is refunded.
"""
import argparse
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'Tests/Network'))
from content import MIB, download
from control import Control
from network import ANSWER_LIMIT_SECONDS, PATIENCE, Failure, end, program, say, spawn, wait_for
from scenarios import run, world

OWNERS = ('alice', 'bob', 'carol')
SLICE_SECONDS = int(os.environ.get('OWNERS_SLICE_SECONDS', 8))
DAY_SLICES = 96
WEEK_SLICES = 7 * DAY_SLICES
FIRST_SLICE = WEEK_SLICES + 52   # no week has the number 0; few keys are needed for this day, and the next is far enough
BUNDLES = 3
TRIAL = ('--least-set', 1, '--least-fleet', 2, '--group-floor', 8, '--work-bits', 8, '--only-small', '--permit-every', 4, '--least-permits', 8)
DONE = 2                         # a wallet's order that was carried out
TRADE_LIMIT_SECONDS = 90
SPEND_BYTES = 496                # of one token that a mote wrote down
REFUND = 16                      # tokens that are refunded at once
FAKETIME = Path(f'/usr/lib/{os.uname().machine}-linux-gnu/faketime/libfaketime.so.1')
SETTLED_LIMIT_SECONDS = 60       # what takes a few slices


def dustcloud():
    path = Path(os.environ.get('DUSTCLOUD', ROOT / '.build/release/dustcloud'))
    if not path.exists():
        raise Failure(f'{path} does not exist; `make build` builds it')
    return str(path)


def market(*words, **options):
    """One `dustcloud market` command that ends by itself; what it printed."""
    done = subprocess.run([dustcloud(), 'market', *map(str, words)], capture_output=True, text=True, timeout=PATIENCE * ANSWER_LIMIT_SECONDS, **options)
    if done.returncode:
        raise Failure(f'market {" ".join(map(str, words[:2]))}: exit {done.returncode}\n{done.stdout}{done.stderr}')
    return done.stdout.strip()


class Daemon:
    """A `dustcloud market` command that runs until it is ended."""

    def __init__(self, site, name, *words):
        self.site, self.name, self.words, self.log, self.process = site, name, [str(w) for w in words], site.folder / f'{name}.log', None

    def start(self):
        command = [dustcloud(), 'market', *self.words]
        with open(self.log, 'a') as output:
            self.process = spawn(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=os.environ | self.site.clock)
        return self

    def stop(self):
        end([self.process])

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE * ANSWER_LIMIT_SECONDS)

    def check(self):
        if self.process.poll() is not None:
            raise Failure(f'{self.name} ended with {self.process.returncode}:\n' + ''.join(self.log.read_text().splitlines(True)[-12:]))
        return True


def pasted(database):
    """Its tables as they are now, in a file of their own."""
    copy = database.with_suffix('.copy')
    with contextlib.closing(sqlite3.connect(f'file:{database}?mode=ro', uri=True, timeout=30)) as source, contextlib.closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


class Site:
    """An exchange, its cashier and its witnesses."""

    def __init__(self, network):
        self.network, self.folder, self.clock = network, network.folder / 'market', {}
        self.folder.mkdir(mode=0o700)
        self.cashier = self.folder / 'cashier'
        cashier = market('cashier', 'key', self.cashier)
        self.port = network.ports.take()
        self.epoch = int(time.time()) - FIRST_SLICE * SLICE_SECONDS
        self.witnesses = [self.witness(n) for n in range(3)]
        first = ['--market', 'dust.test/market', '--cashier', cashier, '--slice-seconds', SLICE_SECONDS, '--epoch', self.epoch]
        first += [w for witness in self.witnesses for w in ('--witness', f'{witness.name},{witness.key},127.0.0.1:{witness.port}')]
        first += [w for n in range(3) for w in ('--bucket', f'{n},region{n},group{n}')]
        self.exchange = Daemon(self, 'exchange', 'serve', '--state', self.folder / 'exchange', '--listen', f'127.0.0.1:{self.port}', *TRIAL, *first)
        self.terms = self.folder / 'exchange' / 'terms'

    def witness(self, number):
        witness = Daemon(self, f'witness{number}')
        state, witness.port = self.folder / witness.name, self.network.ports.take()
        witness.key = market('witness', 'key', '--state', state)
        witness.words = ['witness', 'run', '--state', str(state), '--terms', str(self.folder / 'exchange' / 'terms'), '--listen', f'127.0.0.1:{witness.port}',
                         '--mote', program('mote')]
        return witness

    @property
    def daemons(self):
        return [self.exchange, *self.witnesses]

    def start(self):
        self.exchange.start()
        wait_for('the terms', 20, lambda: self.exchange.check() and self.terms.exists())
        # What the first start was told, later ones must not be.
        self.exchange.words = self.exchange.words[:self.exchange.words.index('--market')]
        for witness in self.witnesses:
            witness.start()
        return self

    @property
    def slice(self):
        return (int(time.time()) - self.epoch) // SLICE_SECONDS

    def receipts(self, count):
        return ''.join(market('cashier', 'receipt', '--key', self.cashier) + '\n' for _ in range(count))


class Owner:
    """Somebody with a mote, a client and a wallet."""

    def __init__(self, site, name, mote):
        self.site, self.name, self.mote, self.folder = site, name, mote, site.folder / name
        self.market = mote.folder / 'market'
        self.wallet('join', site.terms, '--state', self.folder)
        self.agent, self.client = None, None

    def wallet(self, command, *words):
        return market(command, *words, *(() if command == 'join' else ('--state', self.folder)))

    def status(self):
        return json.loads(self.wallet('status', '--json'))

    def orders(self, state='1=1'):
        with contextlib.closing(sqlite3.connect(f'file:{self.folder / "wallet/wallet.sqlite"}?mode=ro', uri=True, timeout=30)) as database:
            return database.execute(f'SELECT id, purpose, state, note FROM market_order WHERE {state}').fetchall()

    def packs(self):
        with contextlib.closing(sqlite3.connect(f'file:{self.folder / "wallet/wallet.sqlite"}?mode=ro', uri=True, timeout=30)) as database:
            return [bytes(receipt).hex() for receipt, in database.execute('SELECT receipt FROM pack')]

    def prepay(self):
        receipts = self.folder / 'receipts'
        receipts.write_text(self.site.receipts(1))
        say(self.name, self.wallet('prepay', receipts))

    def offer(self, bucket):
        say(self.name, self.wallet('offer', self.market, '--address', f'127.0.0.1:{self.mote.or_port}', '--fingerprint', self.mote.fingerprint, '--class', 'small',
                                   '--bucket', bucket, '--trial'))

    def buy(self, bundles):
        self.wallet('buy', '--bundles', bundles, '--urgent', '--yes')

    def has_bought(self):
        return any(row[2] == DONE for row in self.orders("purpose LIKE 'purchase%'"))

    def run(self):
        self.agent = Daemon(self.site, f'wallet-{self.name}', 'run', '--state', self.folder, '--socks', f'127.0.0.1:{self.client.socks_port}', '--hurried', '--work-bits', 8)
        return self.agent.start()


# MARK: the scenario

def everybody_pays(owners):
    """All in one slice, so that nobody is told apart by when."""
    for owner in owners:
        owner.prepay()
        owner.run()
    wait_for('credit', SETTLED_LIMIT_SECONDS, lambda: all(o.agent.check() and o.status()['credit'] == 960 for o in owners))


def offered(site, owners):
    for number, owner in enumerate(owners):
        owner.offer(number)
    wait_for('motes are listed', SETTLED_LIMIT_SECONDS, lambda: all(o.agent.check() for o in owners) and len(listed(owners[0])) == len(owners), pause=1)
    wait_for('motes are on the exchange', 30, lambda: all('On the exchange' in o.mote.log for o in owners))
    say(f'slice {site.slice}: {len(owners)} motes are to be had')


def listed(owner):
    return {line['address'] for line in json.loads(owner.wallet('list', '--json'))}


def bought(site, everybody):
    for owner in everybody:
        owner.buy(BUNDLES)
    wait_for('access is bought', SETTLED_LIMIT_SECONDS, lambda: all(o.agent.check() and o.has_bought() for o in everybody), pause=0.5)
    say(f'slice {site.slice}: access is bought')


def trade(site, web, everybody):
    """Everybody uses what was bought, by stock curl through the own client, until each was let in somewhere for a token, and the owners of the
    two motes that are left were paid. Each of these two can only have gone by the other's."""
    guards = {o.name: set() for o in everybody}

    def step():
        statuses = []
        for owner in everybody:
            if owner.agent.check() and owner.status()['tickets']:
                download(web, owner.client.socks_port, MIB // 4)
                with Control(owner.client) as control:
                    guards[owner.name] |= {path[0] for path in control.paths() if path}
            statuses.append(owner.status())
        used, paid = [s['ticketsUsed'] for s in statuses], [sum(m['deposited'] for m in s['motes']) for s in statuses]
        return (used, paid) if all(used) and all(paid[:2]) else None
    used, paid = wait_for('everybody is let in, and two motes are paid', TRADE_LIMIT_SECONDS, step, pause=0.5)
    say(f'slice {site.slice}: tokens used by {OWNERS}: {used}; of their motes paid for: {paid}')
    say('first hops:', {name: sorted(found) for name, found in guards.items()})
    first, second = everybody[:2]
    if second.mote.name not in guards[first.name] or first.mote.name not in guards[second.name]:
        raise Failure(f"{first.name}'s and {second.name}'s motes did not carry each other's traffic")
    # Motes took no more than was bought, and somebody else's only: a mote's owner never buys there.
    spent = [(o.market / 'spends').stat().st_size // SPEND_BYTES for o in everybody]
    say('tokens that motes wrote down:', spent)
    if any(p > t for p, t in zip(paid, spent)):
        raise Failure('a mote was paid for what it did not take')


def refunded(site, everybody):
    """What nobody took comes back from the second day after it on: everybody's clock is put there."""
    if not FAKETIME.exists():
        raise Failure(f'{FAKETIME} does not exist; it is of the Debian package faketime')
    unused = [o.status()['unused'] for o in everybody]
    say('tokens that no mote took:', unused)
    if not all(u >= REFUND for u in unused):
        raise Failure('there is nothing to refund')
    for daemon in site.daemons:
        daemon.stop()
    day = (site.slice // DAY_SLICES + 2) * DAY_SLICES
    site.clock = {'LD_PRELOAD': str(FAKETIME), 'FAKETIME': f'+{(day + 4 - site.slice) * SLICE_SECONDS}s', 'DONT_FAKE_MONOTONIC': '1'}
    for daemon in site.daemons:
        daemon.start()
    for owner in everybody:
        owner.wallet('refund')
        owner.run()
    done = lambda: [sum(row[2] == DONE for row in o.orders("purpose LIKE 'refund%'")) for o in everybody]
    wait_for('refunds', SETTLED_LIMIT_SECONDS, lambda: all(d.check() for d in [*site.daemons, *(o.agent for o in everybody)])
             and all(d >= u // REFUND for d, u in zip(done(), unused)), pause=0.5)
    say(f'two days later each was refunded {REFUND} tokens so often: {done()}')


def audited(site):
    """Everything that was published, calculated again, and held against the ledger."""
    copy = pasted(site.folder / 'exchange/market.sqlite')
    say(market('audit', '--terms', site.terms, '--database', copy))


def linked(site, everybody):
    """What an insider finds with all that the exchange and the witnesses have, and the cashier's list of who paid."""
    truth = site.folder / 'truth.json'
    owners = {bytes(row[0]).hex(): o.name for o in everybody for row in o.orders()}
    truth.write_text(json.dumps({'payers': {r: o.name for o in everybody for r in o.packs()}, 'owners': owners, 'names': list(OWNERS)}))
    logs = [d.log for d in site.daemons]
    found = subprocess.run([sys.executable, str(ROOT / 'Tests/Market/link.py'), '--database', str(site.folder / 'exchange/market.sqlite'), '--truth', str(truth), '--ages', '1',
                            '--log', *map(str, logs)], capture_output=True, text=True, timeout=PATIENCE * ANSWER_LIMIT_SECONDS)
    say(found.stdout.strip())
    if found.returncode:
        raise Failure('an insider links: ' + found.stdout + found.stderr)


def owners():
    """Three owners use each other's motes and are paid for it, though the exchange is killed; what was not used is refunded; nobody is linked."""
    with world(relays=('mote',) * 3, exits=('mote',)) as (network, web, _):
        with contextlib.ExitStack() as stack:
            site = Site(network)
            stack.callback(lambda: end([d.process for d in site.daemons if d.process]))
            site.start()
            everybody = [Owner(site, name, node) for name, node in zip(OWNERS, network.of('relay'))]
            for owner in everybody:
                owner.mote.extra += [f'MoteMarket {owner.market}']
            network.start()
            for owner in everybody:
                owner.client = network.add_client('mote', extra=[f'MoteTickets {owner.folder}/wallet/tickets'])
            stack.callback(lambda: end([o.agent.process for o in everybody if o.agent]))
            everybody_pays(everybody)
            offered(site, everybody)
            bought(site, everybody)
            # Killed between two orders or in the middle of one, it goes on where it was.
            site.exchange.kill()
            site.exchange.start()
            carol = everybody[-1]
            carol.mote.process.send_signal(signal.SIGKILL)
            carol.mote.process.wait(PATIENCE * ANSWER_LIMIT_SECONDS)
            say(f"slice {site.slice}: the exchange was killed and started again; {carol.name}'s mote was killed")
            trade(site, web, everybody)
            for daemon in site.daemons:
                daemon.check()
            wait_for('what was bought is over', SETTLED_LIMIT_SECONDS, lambda: not any(o.status()['tickets'] for o in everybody), pause=0.5)
            end([o.agent.process for o in everybody])
            audited(site)
            linked(site, everybody)
            refunded(site, everybody)


SCENARIOS = {f.__name__: f for f in (owners,)}

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('scenario', choices=SCENARIOS)
    sys.exit(run(SCENARIOS[parser.parse_args().scenario]))
