#!/usr/bin/env python3
"""Three owners swap the use of their motes, all in real processes: `owners.py owners` prints figures and exits 0 only if everything held.

The story: a private network, in which each owner has a mote and a client; an exchange with three witnesses; a wallet for each owner, which
reaches the exchange through the owner's own client. Every owner pays for a pack, offers the mote and buys access; the first two swap their
motes besides. The exchange is killed and goes on; the third mote is killed and stays away. Stock curl through each client goes by a mote of
somebody else's, let in by a token, slice by slice; the witnesses find the motes up, and their owners deposit what they took, to the last
token. The auditor finds nothing in what was published and in the ledger, and `link.py` none who paid in the exchange's database and all logs.
Last, all clocks but the network's are put two days on (Debian's faketime), what no mote took is refunded, and the auditor looks again.

`owners.py crowd` is the same with guests, who have a wallet and a client and no mote: so the motes take enough for whole bundles, and those who
look for links have more to look at.
"""
import argparse
import contextlib
import json
import math
import os
import signal
import sqlite3
import struct
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

import orders as market_orders

OWNERS = ('alice', 'bob', 'carol')
GUESTS = tuple(f'guest{n}' for n in range(6))   # a network has 64 ports
SHORTEST_SECONDS, LONGEST_SECONDS = 4, 12   # of a slice
DAY_SLICES = 96
WEEK_SLICES = 7 * DAY_SLICES
FIRST_SLICE = WEEK_SLICES + 56   # no week has the number 0; few keys are needed for this day, and the next is far enough
BUNDLES = 3
TRIAL = ('--least-set', 1, '--least-fleet', 1, '--group-floor', 8, '--work-bits', 8, '--only-small', '--permit-every', 4, '--least-permits', 8)
DONE = 2                         # a wallet's order that was carried out
TRADE_LIMIT_SECONDS = 120
LOTS = 20                        # permits that a mote has at most, one after another
SPEND_BYTES = 496                # of one token that a mote wrote down, its slice in the eight from the third on
BUNDLE = 16                      # tokens that are deposited, or refunded, at once
FAKETIME = Path(f'/usr/lib/{os.uname().machine}-linux-gnu/faketime/libfaketime.so.1')
SETTLED_LIMIT_SECONDS = 60       # what takes a few slices


def pace():
    """Seconds of a slice: what a machine can do that has nothing else to do, so many times longer as this one is busier."""
    began, used, work = time.monotonic(), time.process_time(), 0.5
    while time.process_time() - used < work:
        pass
    busy = (time.monotonic() - began) / work
    return int(os.environ.get('OWNERS_SLICE_SECONDS', min(LONGEST_SECONDS, math.ceil(SHORTEST_SECONDS * busy - 0.2))))


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
        self.slice_seconds = pace()
        self.epoch = int(time.time()) - FIRST_SLICE * self.slice_seconds
        self.witnesses = [self.witness(n) for n in range(3)]
        first = ['--market', 'dust.test/market', '--cashier', cashier, '--slice-seconds', self.slice_seconds, '--epoch', self.epoch]
        first += [w for witness in self.witnesses for w in ('--witness', f'{witness.name},{witness.key},127.0.0.1:{witness.port}')]
        first += [w for n in range(3) for w in ('--bucket', f'{n},region{n},group{n}')]
        self.exchange = Daemon(self, 'exchange', 'serve', '--state', self.folder / 'exchange', '--listen', f'127.0.0.1:{self.port}', *TRIAL, *first)
        self.terms, self.database = self.folder / 'exchange' / 'terms', self.folder / 'exchange' / 'market.sqlite'

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
        return (int(time.time()) - self.epoch) // self.slice_seconds

    def receipts(self, count):
        return ''.join(market('cashier', 'receipt', '--key', self.cashier) + '\n' for _ in range(count))


class Owner:
    """Somebody with a wallet, a client, and perhaps a mote."""

    def __init__(self, site, name, mote=None):
        self.site, self.name, self.mote, self.folder = site, name, mote, site.folder / name
        self.wallet('join', site.terms, '--state', self.folder)
        self.agent, self.client, self.guards, self.downloads = None, None, set(), 0
        if mote:
            self.market = mote.folder / 'market'
            mote.extra += [f'MoteMarket {self.market}']

    def wallet(self, command, *words):
        return market(command, *words, *(() if command == 'join' else ('--state', self.folder)))

    def status(self):
        return json.loads(self.wallet('status', '--json'))

    def read(self, statement):
        with contextlib.closing(sqlite3.connect(f'file:{self.folder / "wallet/wallet.sqlite"}?mode=ro', uri=True, timeout=30)) as database:
            return database.execute(statement).fetchall()

    def done(self, purpose):
        """How many of its orders for that were carried out."""
        return self.read(f"SELECT count(*) FROM market_order WHERE purpose LIKE '{purpose}%' AND state = {DONE}")[0][0]

    def prepay(self):
        receipts = self.folder / 'receipts'
        receipts.write_text(self.site.receipts(1))
        self.wallet('prepay', receipts)

    def offer(self, bucket, folder=None):
        return self.wallet('offer', folder or self.market, '--address', f'127.0.0.1:{self.mote.or_port}', '--fingerprint', self.mote.fingerprint, '--class', 'small',
                           '--bucket', bucket, '--trial')

    def buy(self):
        self.wallet('buy', '--bundles', BUNDLES, '--urgent', '--yes')

    def spends(self):
        """The slices of the tokens that its mote wrote down."""
        path = self.market / 'spends'
        kept = path.read_bytes() if path.exists() else b''
        return [struct.unpack_from('>Q', kept, at + 2)[0] for at in range(0, len(kept) - SPEND_BYTES + 1, SPEND_BYTES)]

    def run(self):
        self.agent = Daemon(self.site, f'wallet-{self.name}', 'run', '--state', self.folder, '--socks', f'127.0.0.1:{self.client.socks_port}', '--hurried')
        return self.agent.start()


# MARK: the scenario

def pay(somebody, seconds=SETTLED_LIMIT_SECONDS):
    """All in one slice, so that nobody is told apart by when."""
    for one in somebody:
        one.prepay()
        one.run()
    wait_for('credit', seconds, lambda: all(o.agent.check() and o.status()['credit'] == 960 for o in somebody))


def offered(site, owners):
    for number, owner in enumerate(owners):
        say(owner.name, owner.offer(number))
    for again in owners[0].market, owners[0].market / '.':
        try:
            owners[0].offer(0, again)
        except Failure as failure:
            if 'waits for its permit' in str(failure):
                continue
        raise Failure('a mote was offered twice at the same time')
    for owner, other in (owners[:2], owners[1::-1]):
        say(owner.name, owner.wallet('swap', owner.market, '--for', owners.index(other)))
    for owner in owners:
        owner.offers = 1


def bought(site, everybody):
    for one in everybody:
        one.buy()
    wait_for('access is bought', SETTLED_LIMIT_SECONDS, lambda: all(o.agent.check() and o.done('purchase') for o in everybody), pause=0.5)
    say(f'slice {site.slice}: access is bought')


class Trade:
    """Everybody uses what was bought, by stock curl through the own client, until all that is to be shown was seen. Motes whose slices end are
    offered again, and access is bought for those."""

    def __init__(self, site, web, everybody, owners, is_crowd):
        self.site, self.web, self.everybody, self.owners, self.is_crowd = site, web, everybody, owners, is_crowd
        self.unseen = []

    def step(self):
        statuses = {}
        for one in self.everybody:
            if one.agent.check() and one.status()['tickets']:
                self.fetch(one)
            statuses[one.name] = one.status()
        self.unseen = self.missing(statuses)
        # What was deposited is paid later, whatever comes then.
        if any(not fact.endswith('is paid') for fact in self.unseen):
            self.go_on(statuses)
        return not self.unseen

    def fetch(self, one):
        try:
            download(self.web, one.client.socks_port, MIB // 4)
            one.downloads += 1
        except Failure as failure:
            # Its circuit went through a mote that was killed just then, or whose slice was over.
            return say(f'{one.name}: {str(failure).splitlines()[0]}')
        with Control(one.client) as control:
            one.guards |= {path[0] for path in control.paths() if path}

    def missing(self, statuses):
        """What is still to be seen."""
        first, second = self.owners[:2]
        facts = {f'{name} is let in for a token': status['ticketsUsed'] > 0 for name, status in statuses.items()}
        facts |= {f'{one.name} downloads something': one.downloads > 0 for one in self.everybody}
        for owner, other in ((first, second), (second, first)):
            facts |= {f"{owner.name}'s client goes by {other.name}'s mote": other.mote.name in owner.guards,
                      f"{owner.name}'s mote serves in several slices": len(set(owner.spends())) > 1,
                      f'{owner.name} is paid': any(m['deposited'] for m in statuses[owner.name]['motes']),
                      f'{owner.name} earns a right by a swap': owner.done('right') > 0, f'a right becomes access for {owner.name}': owner.done('barter') > 0}
        if self.is_crowd:
            facts['a whole bundle is deposited'] = self.bundles() > 0
        return [fact for fact, is_seen in facts.items() if not is_seen]

    def bundles(self):
        with contextlib.closing(sqlite3.connect(f'file:{self.site.database}?mode=ro', uri=True, timeout=30)) as database:
            kept = [bytes(body) for body, in database.execute('SELECT body FROM intake WHERE answer IS NOT NULL')]
        deposits = [o for o in (market_orders.parse(body, 0, 0) for body in kept) if o.shape == 'deposit']
        return sum(len(o.inputs) == BUNDLE for o in deposits)

    def go_on(self, statuses):
        for number, owner in enumerate(self.owners[:2]):
            lots = statuses[owner.name]['motes']
            if len(lots) == owner.offers < LOTS and lots[-1]['state'] in ('permitted', 'listed', 'over') and self.site.slice >= int(lots[-1]['slices'].split('-')[0]):
                say(owner.name, owner.offer(number))
                owner.wallet('swap', owner.market, '--for', 1 - number)
                owner.offers += 1
        # All equally often: who buys most is no secret.
        if not any(s['purchasesWaiting'] for s in statuses.values()) and any(not s['tickets'] and not s['ordersUnderWay'] for s in statuses.values()):
            for one in self.everybody:
                one.buy()

    def run(self):
        try:
            wait_for('all that is to be seen', TRADE_LIMIT_SECONDS * (2 if self.is_crowd else 1), self.step, pause=0.3)
        except Failure as failure:
            raise Failure(f'{failure}: not ' + '; not '.join(self.unseen)) from None
        used = {one.name: one.status()['ticketsUsed'] for one in self.everybody}
        say(f'slice {self.site.slice}: tokens used: {used}')
        say('first hops:', {one.name: sorted(one.guards) for one in self.everybody})
        for owner in self.owners[:2]:
            say(f"{owner.name}'s mote was swapped for {owner.status()['motes'][0].get('swap')}: {owner.done('right')} slices earned rights, {owner.done('barter')} of them became access")
        if self.is_crowd:
            say('whole bundles deposited:', self.bundles())

    def certified(self, owner):
        """Slices in which the witnesses found its mote up."""
        keys = [bytes(key) for key, in owner.read('SELECT permit FROM lot WHERE permit IS NOT NULL')]
        with contextlib.closing(sqlite3.connect(f'file:{self.site.database}?mode=ro', uri=True, timeout=30)) as database:
            return {at for key in keys for at, in database.execute('SELECT slice FROM cert WHERE mote = ? AND up = 1', (key,))}

    def settled(self):
        """What motes took in slices in which they were found up is paid to the last token, and nothing else."""
        def rest(owner):
            owner.agent.check()
            due = self.certified(owner)
            return sum(at in due for at in owner.spends()) - sum(m['deposited'] for m in owner.status()['motes'])
        wait_for('what was bought is over', SETTLED_LIMIT_SECONDS, lambda: not any(o.status()['tickets'] for o in self.everybody), pause=0.5)
        wait_for('all that motes took is paid', SETTLED_LIMIT_SECONDS, lambda: not any(rest(o) for o in self.owners[:2]), pause=0.5)
        for owner in self.owners:
            taken = owner.spends()
            say(f"{owner.name}'s mote wrote down {len(taken)} tokens of {len(set(taken))} slices, was found up in {len(self.certified(owner))}, "
                f"and was paid for {sum(m['deposited'] for m in owner.status()['motes'])}")


def refunded(site, everybody):
    """What nobody took comes back from the second day after it on: everybody's clock is put there."""
    unused = [o.status()['unused'] for o in everybody]
    say('tokens that no mote took:', unused)
    if not all(u >= BUNDLE for u in unused):
        raise Failure('there is nothing to refund')
    for daemon in site.daemons:
        daemon.stop()
    day = (site.slice // DAY_SLICES + 2) * DAY_SLICES
    site.clock = {'LD_PRELOAD': str(FAKETIME), 'FAKETIME': f'+{(day + 4 - site.slice) * site.slice_seconds}s', 'DONT_FAKE_MONOTONIC': '1'}
    for daemon in site.daemons:
        daemon.start()
    for owner in everybody:
        owner.wallet('refund')
        owner.run()
    done = lambda: [o.done('refund') for o in everybody]
    wait_for('refunds', SETTLED_LIMIT_SECONDS, lambda: all(d.check() for d in [*site.daemons, *(o.agent for o in everybody)])
             and all(d >= max(1, u // BUNDLE - 1) for d, u in zip(done(), unused)), pause=0.3)   # a token in doubt may be left over
    say(f'two days later each was refunded {BUNDLE} tokens so often: {done()}')
    end([o.agent.process for o in everybody])


def audited(site):
    """Everything that was published, calculated again, and held against the ledger."""
    copy = pasted(site.database)
    say(market('audit', '--terms', site.terms, '--database', copy))


def linked(site, everybody):
    """What an insider finds with all that the exchange and the witnesses have, and the cashier's list of who paid."""
    truth = site.folder / 'truth.json'
    owners = {bytes(row[0]).hex(): o.name for o in everybody for row in o.read('SELECT id FROM market_order')}
    payers = {bytes(receipt).hex(): o.name for o in everybody for receipt, in o.read('SELECT receipt FROM pack')}
    truth.write_text(json.dumps({'payers': payers, 'owners': owners, 'names': [o.name for o in everybody]}))
    logs = [d.log for d in site.daemons]
    found = subprocess.run([sys.executable, str(ROOT / 'Tests/Market/link.py'), '--database', str(site.database), '--truth', str(truth), '--ages', '1',
                            '--log', *map(str, logs)], capture_output=True, text=True, timeout=PATIENCE * ANSWER_LIMIT_SECONDS)
    say(found.stdout.strip())
    if found.returncode:
        raise Failure('an insider links: ' + found.stdout + found.stderr)


def owners(guests=()):
    """Three owners use each other's motes and are paid for it, though the exchange is killed; what was not used is refunded; nobody is linked."""
    if not FAKETIME.exists():
        raise Failure(f'{FAKETIME} does not exist; it is of the Debian package faketime, which `make deps` installs')
    with world(relays=('mote',) * 3, exits=('mote',)) as (network, web, _):
        with contextlib.ExitStack() as stack:
            site = Site(network)
            stack.callback(lambda: end([d.process for d in site.daemons if d.process]))
            site.start()
            say(f'slices of {site.slice_seconds} s')
            three = [Owner(site, name, node) for name, node in zip(OWNERS, network.of('relay'))]
            everybody = three + [Owner(site, name) for name in guests]
            network.start()
            for one in everybody:
                one.client = network.add_client('mote', extra=[f'MoteTickets {one.folder}/wallet/tickets'])
            stack.callback(lambda: end([o.agent.process for o in everybody if o.agent]))
            play(site, web, three, everybody)


def play(site, web, three, everybody):
    carol = three[-1]
    offered(site, three)
    pay(three)
    if everybody != three:
        # Later: who came when would tell something, if wallets told when they came.
        pay(everybody[len(three):])
    bought(site, everybody)
    # Killed between two orders or in the middle of one, it goes on where it was.
    site.exchange.kill()
    site.exchange.start()
    carol.mote.process.send_signal(signal.SIGKILL)
    carol.mote.process.wait(PATIENCE * ANSWER_LIMIT_SECONDS)
    say(f"slice {site.slice}: the exchange was killed and started again; {carol.name}'s mote was killed")
    trade = Trade(site, web, everybody, three, everybody != three)
    trade.run()
    trade.settled()
    for daemon in site.daemons:
        daemon.check()
    end([o.agent.process for o in everybody])
    audited(site)
    linked(site, everybody)
    refunded(site, everybody)
    audited(site)


def crowd():
    """The same with guests: motes deposit whole bundles."""
    owners(GUESTS)


SCENARIOS = {f.__name__: f for f in (owners, crowd)}

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('scenario', choices=SCENARIOS)
    sys.exit(run(SCENARIOS[parser.parse_args().scenario]))
