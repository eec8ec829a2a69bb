#!/usr/bin/env python3
"""Thousands of letters through five motes, each of which ends and is replaced, twice: `letters.py --help`. Prints figures and exits 0 only if all arrived once, intact."""
import argparse
import base64
import collections
import email
import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from email import policy
from email.message import EmailMessage
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'Network'))
import adversary
from network import ANSWER_LIMIT_SECONDS, PATIENCE, Failure, Network, Ports, end, say, spawn, wait_for
from scenarios import run

PLACES, EXITS = 5, 4            # motes at a time, and those of them where letters leave
READY_SECONDS = 60              # a successor is started so long before its predecessor drains
DRAIN_SECONDS = 150
SUBMITTERS = 3
LARGE, MEDIUM = 20_000_000, (100_000, 1_000_000)
LEFT_SECONDS = 900              # for what is under way when the last letter is taken


def certificate(folder):
    """For localhost; where it is, without `.pem` and `.key`."""
    path = folder / 'localhost'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', f'{path}.key', '-out', f'{path}.pem', '-days', '2',
                    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'], check=True, capture_output=True, timeout=PATIENCE * ANSWER_LIMIT_SECONDS)
    return path


class Server:
    """Debian's aiosmtpd as the relay where letters leave, which asks for TLS and a login; letters are checked and forgotten as they come."""

    def __init__(self, network):
        self.port, self.folder = network.ports.take(), network.folder / 'arrived'
        self.folder.mkdir()
        self.certificate = certificate(network.folder)
        self.login = network.folder / 'login'
        self.login.write_text('me\nsecret\n')
        script = Path(__file__).resolve().parent / 'relay.py'
        self.process = spawn(['/usr/bin/python3', script, '127.0.0.1', str(self.port), f'{self.certificate}.pem', f'{self.certificate}.key', self.folder])
        wait_for('the relay is ready', 20, (self.folder / 'ready').exists)
        self.seen, self.ids, self.octets = collections.Counter(), collections.defaultdict(set), 0

    def options(self):
        return ['MoteMailExit relay', f'MoteMailRelay localhost:{self.port}', f'MoteMailRelayLogin {self.login}', f'MoteMailTrust {self.certificate}.pem']

    def read(self):
        """Takes in what has come; how many different letters there are."""
        for path in self.folder.glob('letter*'):
            message = email.message_from_bytes(path.read_bytes(), policy=policy.default)
            text = message.get_body(('plain',)).get_content()
            found, parts = re.search(r'number (\d+) digest ([0-9a-f]{64})', text), [p.get_content() for p in message.iter_attachments()]
            if not found or len(parts) != 1 or hashlib.sha256(parts[0]).hexdigest() != found[2]:
                raise Failure('a letter arrived that was changed: ' + text[:80])
            self.seen[int(found[1])] += 1
            self.ids[int(found[1])].add(message['Message-ID'])
            self.octets += len(parts[0])
            path.unlink()
        return len(self.seen)

    def doubles(self):
        return {number: (count, len(self.ids[number])) for number, count in self.seen.items() if count > 1}


class Letters:
    """What is sent, by programs that others wrote; each until a mote says that it has it."""

    def __init__(self, folder, count, large, medium, ports):
        self.folder, self.count, self.ports, self.config = folder, count, ports, folder / 'msmtprc'
        self.config.write_text('account default\nhost 127.0.0.1\nfrom alice@example.org\ntls off\nauth off\n')
        self.config.chmod(0o600)
        self.sizes = self.draw(count, large, medium)
        self.next, self.taken, self.again, self.lock, self.failed = 0, 0, set(), threading.Lock(), None

    @staticmethod
    def draw(count, large, medium):
        dice = random.Random(count)
        sizes = [LARGE] * large + [int(dice.uniform(*MEDIUM)) for _ in range(medium)]
        sizes += [int(10 ** dice.uniform(0, 4)) for _ in range(count - len(sizes))]
        dice.shuffle(sizes)
        return sizes

    def message(self, number):
        content = random.Random(number).randbytes(self.sizes[number])
        message = EmailMessage()
        message['From'], message['To'], message['Subject'] = 'alice@example.org', 'bob@example.com', f'letter {number}'
        message.set_content(f'number {number} digest {hashlib.sha256(content).hexdigest()}\n')
        message.add_attachment(content, maintype='application', subtype='octet-stream', filename='content.bin')
        return message.as_bytes()

    def submit(self, number, path, port):
        """Whether the mote said 250."""
        sender, to = 'alice@example.org', 'bob@example.com'
        if number % 25 == 0:
            command = ['swaks', '--server', f'127.0.0.1:{port}', '--from', sender, '--to', to, '--data', f'@{path}', '--hide-all']
        elif number % 25 == 1:
            command = ['msmtp', '-C', str(self.config), f'--port={port}', to]
        else:
            command = ['smtp-source', '-f', sender, '-t', to, '-F', path, f'127.0.0.1:{port}']
        with open(path, 'rb') as content:
            return subprocess.run(command, stdin=content, capture_output=True, timeout=PATIENCE * 120).returncode == 0

    def work(self, began, seconds):
        """One of some threads."""
        try:
            while True:
                with self.lock:
                    number, self.next = self.next, self.next + 1
                if number >= self.count:
                    return
                time.sleep(max(0, began + seconds * number / self.count - time.monotonic()))
                path = self.folder / f'letter{number}'
                path.write_bytes(self.message(number))
                tries = 0
                while not self.submit(number, path, random.choice(self.ports())):
                    tries += 1
                    self.again.add(number)
                    if tries > 600:
                        raise Failure(f'no mote takes letter {number}')
                    time.sleep(0.5)
                path.unlink()
                with self.lock:
                    self.taken += 1
        except Exception as failure:
            self.failed = failure

    def start(self, seconds):
        began = time.monotonic()
        for _ in range(SUBMITTERS):
            threading.Thread(target=self.work, args=(began, seconds), daemon=True).start()


class Place:
    """One mote after another: each ends by the time that it published, and its successor is there before."""

    def __init__(self, world, index):
        self.world, self.index, self.motes = world, index, []

    def add(self, lifetime):
        """The next mote, which is to be started now."""
        world = self.world
        if world.ports_used + 6 > 60:
            world.kept.append(world.network.ports)
            world.network.ports, world.ports_used = Ports(), 0
        world.ports_used += 5
        lines = [f'MoteLifetime {int(lifetime)} seconds', f'MoteDrainWindow {DRAIN_SECONDS} seconds'] if lifetime else []
        mote = world.network.add('relay', 'mote', lines)
        mote.mail_port = world.network.ports.take()
        mote.extra += ['MoteMail 1', f'MoteMailKeyFolder {world.keys}/{mote.name}', f'MoteMailHoldMean {world.options.hold} msec',
                       f'MoteMailSlotMean {world.options.slot} msec', f'MoteSubmissionPort 127.0.0.1:{mote.mail_port}', 'MoteSubmissionName mail.test', 'MoteMailBox 1']
        if world.options.watched:
            mote.extra.append(f'Log debug file {mote.folder}/debug')
        if self.index < EXITS:
            mote.extra += world.server.options()
        mote.ends, mote.last, mote.cpu, mote.kills, mote.down = time.monotonic() + lifetime if lifetime else None, {}, 0, 0, None
        mote.previous_cpu = 0
        self.motes.append(mote)
        return mote

    def is_due(self):
        newest = self.motes[-1]
        return newest.ends and time.monotonic() > newest.ends - DRAIN_SECONDS - READY_SECONDS and len(self.motes) <= self.world.options.rotations


class World:
    def __init__(self, options, network):
        self.options, self.network, self.kept, self.ports_used = options, network, [], 4 * len(network.nodes)
        self.server = Server(network)
        self.keys = Path(f'/dev/shm/dustcloud-test-{os.getpid()}')
        self.keys.mkdir(mode=0o700)
        self.places = [Place(self, index) for index in range(PLACES)]
        self.ended = 0

    def motes(self):
        return [mote for place in self.places for mote in place.motes]

    def ports(self):
        """Of motes that know others and do not drain."""
        fit = [m.mail_port for m in self.motes() if m.is_alive and not m.last.get('leaving') and m.last.get('motes', 0) >= 3 and m.last.get('exits', 0) >= 1]
        return fit or [m.mail_port for m in self.motes() if m.is_alive]

    def look(self):
        """Once a second or so: takes statuses, starts successors, kills, and lets motes that were killed come back."""
        for mote in self.motes():
            if mote.down and time.monotonic() > mote.down:
                mote.down = None
                mote.start()
            elif mote.is_alive:
                mote.last = mote.status('mail') or mote.last
                try:
                    mote.cpu = mote.previous_cpu + mote.cpu_seconds()
                except OSError:
                    pass
            elif not mote.down and not getattr(mote, 'is_over', False):
                if mote.process.returncode != 0 or not mote.ends:
                    raise Failure(f'{mote.name} ended with {mote.process.returncode}')
                mote.is_over = True
                self.ended += 1
                left = {key: mote.last.get(key) for key in ('held', 'forwarding', 'outgoing', 'arrived', 'delivering')}
                say(f'{time.monotonic() - self.began:.0f} s: {mote.name} is over; it last had {left}, {mote.kills} kills')
                if any(left.values()):
                    say('WARNING: that is not nothing')
        for place in self.places:
            if place.is_due():
                mote = place.add(self.options.life if len(place.motes) < self.options.rotations else 0).start()
                say(f'{time.monotonic() - self.began:.0f} s: {mote.name} follows {place.motes[-2].name}')
        if self.options.kills and time.monotonic() > self.next_kill:
            self.kill()

    def kill(self):
        able = [m for m in self.motes() if m.is_alive and not m.down and m.last.get('motes', 0) >= 3 and (self.options.exits or m not in [x for p in self.places[:EXITS] for x in p.motes])]
        self.next_kill = time.monotonic() + random.expovariate(1 / self.options.kill_every)
        if able:
            mote = random.choice(able)
            mote.previous_cpu = mote.cpu
            mote.process.kill()
            mote.process.wait(60)
            mote.kills, mote.down = mote.kills + 1, time.monotonic() + 1
            self.killed += 1

    def run(self):
        network, options = self.network, self.options
        self.began, self.killed = time.monotonic(), 0
        for place in self.places:
            place.add(options.life * (place.index + 1) / PLACES + 2 * READY_SECONDS if options.rotations else 0)
        network.start()
        wait_for('every mote knows all', 60, lambda: network.check_alive() and all((m.status('mail') or {}).get('motes') == PLACES for m in self.motes()))
        self.next_kill = time.monotonic() + options.kill_every
        letters = Letters(network.folder, options.letters, options.large, options.medium, self.ports)
        self.look()
        sent, reported = time.monotonic(), 0
        letters.start(options.seconds)
        deadline = sent + options.seconds + PATIENCE * LEFT_SECONDS
        while not (letters.taken == options.letters and self.server.read() >= options.letters and self.ended >= PLACES * options.rotations):
            self.look()
            if letters.failed:
                raise Failure(f'letters could not be handed in: {letters.failed}')
            if time.monotonic() - reported > 20:
                reported = time.monotonic()
                now = [m for m in self.motes() if m.is_alive]
                total = lambda key: sum(m.last.get(key, 0) for m in now)
                say(f'{reported - self.began:.0f} s: {letters.taken} taken, {self.server.read()} arrived, {len(self.server.doubles())} twice, {len(now)} motes, held {total("held")}, '
                    f'forwarding {total("forwarding")}, outgoing {total("outgoing")}, waiting {total("waiting")}, again {sum(m.last.get("sentAgain", 0) for m in self.motes())}, '
                    f'{self.killed} kills, calls unanswered {sum(m.last.get("unanswered", 0) for m in self.motes())}, CPU {sum(m.cpu for m in self.motes()):.0f} s')
            if time.monotonic() > deadline:
                missing = [n for n in range(options.letters) if n not in self.server.seen]
                raise Failure(f'{len(missing)} letters did not arrive: {missing[:20]}')
            time.sleep(0.5)
        took = time.monotonic() - sent
        deadline = time.monotonic() + PATIENCE * 120
        while sum(m.last.get('outgoing', 0) for m in self.motes() if m.is_alive) and time.monotonic() < deadline:
            self.look()
            time.sleep(0.5)
        self.server.read()
        self.conclude(letters, took)

    def conclude(self, letters, took):
        doubles, motes = self.server.doubles(), self.motes()
        total = lambda key: sum(m.last.get(key, 0) for m in motes)
        say(f'{self.options.letters} letters, {self.server.octets / 1e6:.1f} MB in them, arrived in {took:.0f} s, {self.options.letters / took:.2f} a second; '
            f'{len(motes)} motes one after another in {PLACES} places, {self.ended} of them replaced at their end; {self.killed} killed')
        say(f'{total("taken")} packets taken, {total("passed")} passed, {total("replayed")} replayed, {total("lost")} lost, {total("sentAgain")} letters sent again, '
            f'{total("loopsReturned")} loops back, {total("loopsLost")} lost; {sum(m.cpu for m in motes):.0f} s of CPU of motes')
        say(f'{len(letters.again)} letters were handed in again; twice: {len(doubles)} {dict(list(doubles.items())[:10])}')
        if self.options.watched:
            self.watch()
        # Whoever hands a letter in twice has it sent twice, and of a killed exit SMTP lets come again what it had not heard of; then it is the same letter.
        wrong = {n: d for n, d in doubles.items() if n not in letters.again and not (self.options.exits and d[1] == 1)}
        if wrong:
            raise Failure(f'letters arrived more than once: {wrong}')

    def watch(self):
        """What somebody would know who sees when packets go from mote to mote, beside what motes say, and beside a network that keeps the law exactly."""
        name = lambda mote: base64.b64decode((mote.folder / 'fingerprint-ed25519').read_text().split()[1] + '=').hex()
        events = adversary.trace({name(m): (m.folder / 'debug').read_text(errors='replace') for m in self.motes()})
        mean, rate = self.options.hold / 1000, 1000 / self.options.slot
        bits, guess, count = adversary.measure(events, mean, rate)
        ideal, _, _ = adversary.measure(adversary.network(rate, mean, (events[-1][0] - events[0][0]) / 1000, PLACES), mean, rate)
        said = [m.last['entropyMillibits'] / 1000 for m in self.motes() if m.last.get('entropyMillibits')]
        say(f'{count} packets followed among {len(events)}: {bits:.2f} bits, best guess {guess:.2f}; {ideal:.2f} where the law is kept exactly; motes say {min(said):.2f} to {max(said):.2f}, '
            f'the formula {adversary.formula(rate * PLACES, mean):.2f}')
        if abs(bits - ideal) > 0.3 or bits < max(said) - 0.3:
            raise Failure('letters hide less well than is said')


def letters(options):
    with Network(relays=('tor', 'tor')) as network:
        world = None
        try:
            world = World(options, network)
            world.run()
            network.check_warnings()
        finally:
            if world:
                end([world.server.process])
                shutil.rmtree(world.keys, ignore_errors=True)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--letters', type=int, default=10_000)
    parser.add_argument('--large', type=int, default=6, help='of them with 20 MB')
    parser.add_argument('--medium', type=int, default=300, help='of them with 100 KB to 1 MB')
    parser.add_argument('--seconds', type=float, default=1_200, help='over which letters are handed in')
    parser.add_argument('--rotations', type=int, default=2, help='how often every mote is replaced')
    parser.add_argument('--life', type=float, default=600, help='seconds that a mote lives')
    parser.add_argument('--hold', type=int, default=3_000, help='milliseconds that a mote holds a packet on average')
    parser.add_argument('--watched', action='store_true', help='measure how well letters hide from somebody who sees all links; without rotations')
    parser.add_argument('--slot', type=int, default=80, help='milliseconds between two packets of a gateway')
    parser.add_argument('--kills', action='store_true', help='with -9, at random instants, of motes where no letters leave')
    parser.add_argument('--exits', action='store_true', help='kill those, too')
    parser.add_argument('--kill-every', type=float, default=20)
    options = parser.parse_args()
    scenario = lambda: letters(options)
    scenario.limit_seconds = 4 * 3600
    sys.exit(run(scenario))
