#!/usr/bin/env python3
"""Letters on their way out, to servers as they should be and as they should not: `out.py routes|peers|kills` prints figures and exits 0 only if everything held."""
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'Network'))
from network import ROOT, Failure, Ports, end, interrupt_on_signals, say, spawn, wait_for
from doubles import TYPES, Certificates, MailServer, Names, Proxy, WebServer
import peers

LIMIT_SECONDS = 60
NOBODY = bytes([3, 1, 1]) + bytes(32)
ONION = 'abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrstuvwx'


def content(number, body='some words\r\n.\r\n..two dots\r\n'):
    return f'Message-ID: <letter-{number}@example>\r\nFrom: alice@example.com\r\nTo: you@example.org\r\nSubject: letter {number}\r\n\r\n{body}'.encode()


class Driver:
    """`deliverydriver`, fed line by line."""
    made = 0

    def __init__(self, folder, **options):
        built = ROOT / '.build/debug/deliverydriver'
        self.command = [os.environ.get('DELIVERYDRIVER', built), folder / 'spool', *(f'{key.replace("_", "-")}={value}' for key, value in options.items())]
        self.folder, self.lines, self.lock = folder, [], threading.Lock()
        self.start()

    def start(self):
        with self.lock:
            self.lines = [line for line in self.lines if not line.startswith(('ready', 'status'))]
        self.process = spawn(list(map(str, self.command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.read, args=(self.process.stdout,), daemon=True).start()
        wait_for('the driver is ready', LIMIT_SECONDS, lambda: self.told('ready'))

    def read(self, stream):
        for line in stream:
            with self.lock:
                self.lines.append(line.strip())

    def told(self, beginning):
        with self.lock:
            return [line for line in self.lines if line.startswith(beginning)]

    def bring(self, recipients, returning='-', wish='-', text=None, sender='alice@example.com'):
        """Gives it a letter and returns its number."""
        Driver.made += 1
        number = Driver.made
        path = self.folder / f'letter{number}'
        path.write_bytes(text or content(number))
        self.say(f'letter {number:032x} {sender} {recipients} {returning} {wish} {path}')
        return number

    def say(self, line):
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()

    def taken(self, number):
        return wait_for(f'letter {number} is taken', LIMIT_SECONDS, lambda: self.told(f'taken {number:032x}'))

    def report(self, returning):
        """The report that came back with these bytes."""
        line = wait_for(f'a report for {returning}', LIMIT_SECONDS, lambda: self.told(f'report {returning} '))[0]
        return bytes.fromhex(line.split()[2]).decode('latin-1')

    def is_empty(self):
        with self.lock:
            self.lines = [line for line in self.lines if not line.startswith('status')]
        self.say('status')
        return wait_for('a status', LIMIT_SECONDS, lambda: self.told('status'), pause=0.05)[0].split()[1] == '0'

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def close(self):
        end([self.process])


class World:
    """A name server, a port on which all mail servers are, and addresses for them."""

    def __init__(self):
        self.ports = Ports()
        self.scratch = tempfile.TemporaryDirectory(prefix='dustcloud-out-')
        self.folder = Path(self.scratch.name)
        self.mail, self.web, self.name_port = (self.ports.take() for _ in range(3))
        self.certificates = Certificates(self.folder)
        self.names = Names('127.0.0.1', self.name_port)
        self.last = 0
        self.driver = None

    def address(self):
        """A fresh one; two scripts at the same time have other ports."""
        self.last += 1
        return f'127.77.{self.last // 250}.{self.last % 250 + 1}'

    def server(self, domain, preference=10, host=None, signed=False, associations=(), **options):
        """A mail server of the domain, in DNS."""
        host, address = host or f'mx.{domain}', self.address()
        self.names.add(host, 'A', address, signed=signed)
        if associations:
            self.names.add(f'_{self.mail}._tcp.{host}', 'TLSA', *associations, signed=signed)
        key = (domain, 15)
        self.names.records.setdefault(key, []).append(self.names.encode('MX', (preference, host)))
        if signed:
            self.names.signed.add(key)
        return MailServer(address, self.mail, **options)

    def listens(self, address, port):
        try:
            with socket.create_connection((address, port), timeout=5):
                return True
        except OSError:
            return False

    def policy(self, domain, mode, *patterns):
        address, certificate = self.address(), self.certificates.issued(f'mta-sts.{domain}')
        self.names.add(f'_mta-sts.{domain}', 'TXT', 'v=STSv1; id=1;')
        self.names.add(f'mta-sts.{domain}', 'A', address)
        text = f'version: STSv1\r\nmode: {mode}\r\n' + ''.join(f'mx: {pattern}\r\n' for pattern in patterns) + 'max_age: 86400\r\n'
        return WebServer(address, self.web, certificate, text)

    def start(self, name='driver', **options):
        folder = self.folder / name
        folder.mkdir()
        self.driver = Driver(folder, mail_port=self.mail, web_port=self.web, resolver=f'127.0.0.1:{self.name_port}', trust=f'{self.certificates.authority}.pem', **options)
        return self.driver

    def close(self):
        if self.driver:
            self.driver.close()
        self.ports.close()
        self.scratch.cleanup()


def arrived(what, server, number, tls=None):
    """Waits until the server has the letter, and compares it."""
    def found():
        return [letter for letter in server.letters if f'<letter-{number}@example>'.encode() in letter['content']]
    letters = wait_for(f'{what}: letter {number}', LIMIT_SECONDS, found)
    text = letters[0]['content']
    if len(letters) != 1 or not text.endswith(content(number)) or not re.match(rb'Received: by out\.example id [0-9a-z]+; [^\r]*:00:00 \+0000\r\nDate: [^\r]* 00:00:00 \+0000\r\n', text):
        raise Failure(f'{what}: {len(letters)} letters, the first {text!r}')
    if tls is not None and letters[0]['tls'] != tls:
        raise Failure(f'{what}: TLS {letters[0]["tls"]}')
    return letters[0]


def expect(what, condition, shown=''):
    if not condition:
        raise Failure(f'{what} {shown}')


def routes(world):
    """Every way to a domain's servers, and every reason not to use one."""
    own, certificates = {name: world.certificates.own(name) for name in ('mx.tls.example', 'mx.dane.example', 'mx.wrong.example', 'mx.stsbad.example')}, world.certificates
    servers = {
        'busy': world.server('plain.example', 10, 'mx1.plain.example', replies={'RCPT': '451 4.7.1 later'}),
        'plain': world.server('plain.example', 20, 'mx2.plain.example'),
        'tls': world.server('tls.example', tls=own['mx.tls.example']),
        'broken': world.server('broken.example', tls='broken'),
        'injected': world.server('injected.example', tls='injected'),
        'dane': world.server('dane.example', signed=True, associations=[NOBODY, certificates.association(own['mx.dane.example'])], tls=own['mx.dane.example']),
        'wrong': world.server('wrong.example', signed=True, associations=[NOBODY], tls=own['mx.wrong.example']),
        'bare': world.server('bare.example', signed=True, associations=[NOBODY]),
        'sts': world.server('sts.example', tls=certificates.issued('mx.sts.example')),
        'stsbad': world.server('stsbad.example', tls=own['mx.stsbad.example']),
        'stsother': world.server('stsother.example', tls=certificates.issued('mx.stsother.example')),
        'unknown': world.server('unknown.example', replies={'RCPT': '550 5.1.1 nobody of that name'}),
    }
    web = world.policy('sts.example', 'enforce', '*.sts.example')
    world.policy('stsbad.example', 'enforce', 'mx.stsbad.example')
    world.policy('stsother.example', 'enforce', 'another.stsother.example')
    world.names.add('null.example', 'MX', (0, ''))
    address = world.address()
    world.names.add('host.example', 'A', address)
    servers['host'] = MailServer(address, world.mail)
    driver = world.start(routes='direct', retry=2, patience=20)

    sent = {name: driver.bring(f'bob@{name if name != "busy" else "plain"}.example', returning=f'{at + 1:04x}') for at, name in enumerate(servers)}
    second = driver.bring('carol@sts.example')
    refused = {name: driver.bring(f'bob@{name}.example', returning=word) for name, word in (('null', 'aaaa'), ('missing', 'bbbb'))}
    for number in [*sent.values(), second, *refused.values()]:
        driver.taken(number)

    arrived('the first server is busy, the second not', servers['plain'], sent['plain'], tls=False)
    expect('the first was asked first', servers['busy'].connections >= 1 and not servers['busy'].letters)
    arrived('TLS with a certificate of its own', servers['tls'], sent['tls'], tls=True)
    arrived('TLS is broken and nobody promised it', servers['broken'], sent['broken'], tls=False)
    arrived('the key is in DNS', servers['dane'], sent['dane'], tls=True)
    arrived('a policy', servers['sts'], sent['sts'], tls=True)
    wait_for('the second letter under a policy', LIMIT_SECONDS, lambda: len(servers['sts'].letters) == 2)
    arrived('a domain without MX', servers['host'], sent['host'], tls=False)
    for name in ('wrong', 'bare', 'stsbad', 'stsother', 'injected'):
        report = driver.report(f'{list(servers).index(name) + 1:04x}')
        expect(f'{name}: it fails when it is too old', 'Status: 5.4.7' in report, report)
        expect(f'{name}: nothing is said of the letter', not any(line.startswith((b'MAIL', b'RCPT')) for line in servers[name].lines), servers[name].lines)
    for word, status, name in (('aaaa', '5.1.10', 'null'), ('bbbb', '5.1.2', 'missing'), (f'{list(servers).index("unknown") + 1:04x}', '5.1.1', 'unknown')):
        report = driver.report(word)
        expect(f'{name}: a report', f'Status: {status}\r\n' in report and f'Final-Recipient: rfc822; bob@{name}.example' in report and f'<letter-' in report, report)
    wait_for('nothing waits any more', LIMIT_SECONDS, driver.is_empty)
    say(f'{len(sent) + 3} letters by MX: 8 arrived once and intact, 8 failed and were reported, nothing told to the 5 servers that were not the right ones; policy fetched {web.asked} times for 2 letters')
    expect('the policy is kept', web.asked <= 2)
    downgraded(world, driver, servers['sts'])
    driver.close()

    driver = world.start('public', routes='direct', public=1, retry=1, patience=2)
    before = servers['plain'].connections
    driver.bring('bob@plain.example', returning='cc')
    expect('private networks are not reached', 'Status: 5.4.7' in driver.report('cc') and servers['plain'].connections == before)
    driver.close()
    proxied(world)


def downgraded(world, driver, server):
    """Killed, the process has kept the policy, though nobody announces it any more and somebody else answers for the domain."""
    driver.kill()
    del world.names.records['_mta-sts.sts.example', TYPES['TXT']], world.names.records['sts.example', TYPES['MX']]
    false = world.server('sts.example', host='mx.false.example')
    driver.start()
    driver.bring('bob@sts.example', returning='dd')
    report = driver.report('dd')
    expect('a policy outlives the process', 'Status: 5.4.7' in report and not false.lines and len(server.letters) == 2, report)
    say('killed, the process knew the policy that was kept back from it')


def proxied(world):
    """Onion services from a map and from DNS, and everything else through the proxy too."""
    mapped, announced, false = world.address(), world.address(), world.address()
    onions = {name: f'{letter}{ONION[1:]}.onion' for name, letter in (('mapped', 'a'), ('announced', 'b'), ('false', 'c'))}
    servers = {name: MailServer(place, world.mail) for name, place in (('mapped', mapped), ('announced', announced), ('false', false))}
    servers['mapped'].replies['.'] = iter_replies('451 4.3.0 not now', '250 2.0.0 taken')
    servers['direct'] = world.server('mapped.example')
    servers['fallback'] = world.server('false.example')
    places = {onions[name]: (place, world.mail) for name, place in (('mapped', mapped), ('announced', announced), ('false', false))}
    port = world.ports.take()
    proxy = Proxy('127.0.0.1', port, places)
    world.names.add('_onion-mx._tcp.announced.example', 'SRV', (10, 5, 26, onions['announced']), signed=True)
    world.names.add('_onion-mx._tcp.false.example', 'SRV', (10, 5, 25, onions['false']))
    driver = world.start('onions', routes='onion,direct', proxy=f'127.0.0.1:{port}', onions=f'mapped.example={onions["mapped"]}', retry=2, patience=60)
    numbers = [driver.bring('bob@mapped.example'), driver.bring('bob@announced.example'), driver.bring('bob@false.example'), driver.bring(f'bob@{onions["mapped"]}')]
    for number in numbers:
        driver.taken(number)
    wait_for('all four letters', LIMIT_SECONDS, lambda: sum(len(server.letters) for server in servers.values()) == 4)
    arrived('a service that DNS announces, signed', servers['announced'], numbers[1])
    arrived('an announcement without a signature is not believed', servers['fallback'], numbers[2])
    expect('nothing went to the false service', servers['false'].connections == 0)
    expect('a busy service, then the next route', len(servers['direct'].letters) + len(servers['mapped'].letters) == 2)
    expect('each connection has a login of its own', len(set(proxy.logins)) == len(proxy.logins), proxy.logins)
    wait_for('nothing waits any more', LIMIT_SECONDS, driver.is_empty)
    say(f'4 letters to onion services and through a proxy: {len(proxy.logins)} connections, each with a login of its own')


def iter_replies(*replies):
    left = list(replies)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def kills(world, letters=80, rounds=6):
    """The process is killed while it delivers to servers that refuse and lose answers at random."""
    chance = random.Random(int(os.environ.get('DUSTCLOUD_SEED', '7')))
    lost = []

    def isLost(letter):
        isLost = chance.random() < 0.1
        if isLost:
            lost.append(letter)
        return isLost
    server = world.server('busy.example', lost=isLost, replies={'.': lambda: chance.choice(['250 2.0.0 taken', '250 2.0.0 taken', '451 4.3.0 later'])})
    driver = world.start(retry=1, patience=600)
    numbers = []
    for at in range(rounds):
        numbers += [driver.bring(f'user{n}@busy.example') for n in range(letters // rounds)]
        for number in numbers[-3:]:
            driver.taken(number)
        time.sleep(chance.uniform(0, 2.5))
        driver.kill()
        driver.start()
    acknowledged = {int(line.split()[1], 16) for line in driver.told('taken')}
    # What was not acknowledged before a kill is brought again, as the mix would.
    for number in numbers:
        if number not in acknowledged:
            driver.say(f'letter {number:032x} alice@example.com user@busy.example - - {driver.folder / f"letter{number}"}')
    wait_for('every letter', 2 * LIMIT_SECONDS, lambda: {found(letter) for letter in list(server.letters)} >= set(numbers))
    wait_for('nothing waits any more', LIMIT_SECONDS, driver.is_empty)
    doubles = len(server.letters) - len({found(letter) for letter in server.letters})
    expect('no more doubles than last answers that were lost', doubles <= len(lost) + rounds * 16, doubles)
    say(f'{len(numbers)} letters, {len(lost)} last answers lost, killed {rounds} times: all arrived, {doubles} of them again because of that; {len(acknowledged)} were acknowledged at once')


def found(letter):
    return int(re.search(rb'<letter-(\d+)@example>', letter['content'])[1])


def main():
    scenario = {'routes': routes, 'kills': kills, 'peers': lambda world: peers.check(world, arrived, expect, content)}.get(sys.argv[1] if len(sys.argv) == 2 else '')
    if not scenario:
        sys.exit(__doc__)
    interrupt_on_signals()
    began, world = time.monotonic(), World()
    try:
        scenario(world)
    except (Failure, KeyboardInterrupt) as failure:
        say(f'FAILED: {failure}')
        if world.driver:
            say('\n'.join(world.driver.lines[-60:]))
        return 1
    finally:
        world.close()
    say(f'{time.monotonic() - began:.0f} s')
    return 0


if __name__ == '__main__':
    sys.exit(main())
