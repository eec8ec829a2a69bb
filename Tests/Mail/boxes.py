#!/usr/bin/env python3
"""Two owners write to each other through a mix of motes: `boxes.py boxes` among stock relays, `boxes.py cloud` in a cloud of `dustcloud up`.

Nobody is told a mote: the client of each has them from the consensus. Alice's letters are handed to `dustcloud mail serve` by an ordinary program and to
`dustcloud mail send`; gateways take them, the mix carries them, and the motes that keep Bob's box have them, sealed to him. Of those one is killed with -9
and one leaves, as rotation has it. Bob's own server collects, and his program reads each letter once by IMAP. The killed one starts again, Bob answers,
and Alice reads it. What a mail server outside refuses comes back into Alice's box. At the end a gateway gets a letter of 5 MB in pieces.
"""
import imaplib
import json
import os
import re
import shutil
import smtplib
import subprocess
import sys
import tempfile
import time
from email.message import EmailMessage
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'Tests/Network'), str(ROOT / 'Tests/Demo')]
from cloud import Cloud  # noqa: E402
from doubles import Certificates, MailServer  # noqa: E402
from network import ANSWER_LIMIT_SECONDS, PATIENCE, Failure, Network, Ports, end, program, say, spawn, wait_for  # noqa: E402
from scenarios import run  # noqa: E402

PROGRAM = os.environ.get('DUSTCLOUD', str(ROOT / '.build/release/dustcloud'))
MOTES, LETTERS, ATTACHMENT_BYTES, LONG_BYTES = 6, 4, 20_000, 3_750_000
LIMIT_SECONDS = 60
MAIL = ['MoteMail 1', 'MoteMailBox 1', 'MoteMailHoldMean 400 msec', 'MoteMailSlotMean 500 msec', 'ShutdownWaitLength 8']
REFUSED, OUTSIDE = 'nobody@example.com', 'somebody@example.com'
USER, PASSWORD = 'a cloud', 'no secret at all'


class Owner:
    """A mailbox, and `dustcloud mail serve` for it."""

    def __init__(self, folder, name, ports, socks_port=None):
        """Without a port the state is that of a cloud which is up."""
        self.folder, self.name, self.way = Path(folder), name, ['--socks', f'127.0.0.1:{socks_port}'] if socks_port else []
        self.imap, self.pop3, self.submission = (ports.take() for _ in range(3))
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.address = self.run('address', name).split()[0]
        self.process = None

    @property
    def log(self):
        return (self.folder / 'serve.log').read_text()

    def call(self, *words, text=''):
        return subprocess.run([PROGRAM, 'mail', words[0], '--state', str(self.folder), *words[1:]], input=text, capture_output=True, text=True,
                              timeout=PATIENCE * ANSWER_LIMIT_SECONDS)

    def run(self, *words, text=''):
        result = self.call(*words, text=text)
        if result.returncode:
            raise Failure(f'mail {words}: {result.stdout}{result.stderr}')
        return result.stdout

    def attempt(self, *words, text=''):
        result = self.call(*words, text=text)
        return result.returncode, result.stdout + result.stderr

    def serve(self):
        with open(self.folder / 'serve.log', 'ab') as log:
            self.process = spawn([PROGRAM, 'mail', 'serve', '--state', str(self.folder), '--imap', f'127.0.0.1:{self.imap}', '--pop3', f'127.0.0.1:{self.pop3}',
                                  '--submission', f'127.0.0.1:{self.submission}', *self.way, '--every', '2s'], stdout=log, stderr=log)
        wait_for(f'{self.name} serves', LIMIT_SECONDS, lambda: 'SMTP on' in self.log)

    def hand_in(self, *messages):
        with smtplib.SMTP('127.0.0.1', self.submission, timeout=PATIENCE * ANSWER_LIMIT_SECONDS) as door:
            for message in messages:
                door.send_message(message)

    def send(self, recipient, subject, text):
        return self.run('send', recipient, *self.way, '--anyway', '--subject', subject, text=text).strip()

    def send_whole(self, recipient, message):
        return self.run('send', recipient, *self.way, '--anyway', text=message.as_string()).strip()

    def fetch(self):
        try:
            self.run('inbox', '--fetch', *self.way)
        except Failure as failure:
            say(failure)
        return json.loads(self.run('inbox', '--json'))

    def waiting(self):
        return sum(line['state'] == 'waiting' for line in json.loads(self.run('outbox', '--json')))

    def inbox(self):
        client = imaplib.IMAP4('127.0.0.1', self.imap, timeout=PATIENCE * ANSWER_LIMIT_SECONDS)
        client.login('dustcloud', (self.folder / 'mail/password').read_text().strip())
        count = int(client.select()[1][0])
        found = [client.fetch(str(n), '(BODY.PEEK[])')[1][0][1] for n in range(1, count + 1)]
        client.logout()
        return found

    def has(self, *marks):
        """Whether a letter with each of these has come."""
        found = self.inbox()
        return all(any(mark.encode() in text for text in found) for mark in marks)


def letter(sender, recipient, subject, attachment=0):
    message = EmailMessage()
    message['From'], message['To'], message['Subject'], message['X-Mailer'] = sender, recipient, subject, 'tells too much'
    message.set_content(f'This is {subject}.\n')
    if attachment:
        message.add_attachment(os.urandom(attachment), maintype='application', subtype='octet-stream', filename='picture.bin')
    return message


def of(mote, key):
    return (mote.status('mail') or {}).get(key, 0)


def settled(motes):
    """How many items there are, once those in boxes lie at three motes and no letter is under way."""
    counts = [n for mote in motes if (n := of(mote, 'boxItems'))]
    return len(counts) == 3 and len(set(counts)) == 1 and counts[0] >= LETTERS + 1 and counts[0]


def check_bounce(alice):
    text = next(text for text in alice.inbox() if b'multipart/report' in text).decode()
    if REFUSED not in text or not re.search(r'Status: 5\.1\.1', text) or alice.address not in text:
        raise Failure('that is no report on a letter that was refused: ' + text)
    told = {line['to'][0]: [(report['outcome'], report['reason'][:5]) for report in line['reports']] for line in json.loads(alice.run('outbox', '--json'))}
    if told.pop(REFUSED) != [('came back', '5.1.1')] or any(told.values()) or 'came back' not in alice.run('outbox'):
        raise Failure(f'the outbox shows no report, or one too many: {told}')


def boxes():
    """Letters between two owners of mailboxes, by their own programs, while a mote is killed and one leaves: each comes once, and a refusal comes back."""
    began = time.monotonic()
    passed = lambda: f'after {time.monotonic() - began:.1f} s'
    keys = Path(f'/dev/shm/dustcloud-test-boxes-{os.getpid()}')
    with Network(relays=('tor', 'tor') + ('mote',) * MOTES) as network, tempfile.TemporaryDirectory() as folder:
        certificates, port, owners = Certificates(Path(folder)), network.ports.take(), []
        server = MailServer('127.0.0.1', port, certificates.issued('localhost'), replies={'RCPT': '550 5.1.1 nobody here'})
        motes = [n for n in network.nodes if n.kind == 'mote']
        for node in motes:
            node.extra += [*MAIL, f'MoteMailKeyFolder {keys}/{node.name}']
        for node in motes[:2]:
            node.extra += ['MoteMailExit relay', f'MoteMailRelay localhost:{port}', f'MoteMailTrust {certificates.authority}.pem']
        try:
            keys.mkdir(mode=0o700)
            network.start()
            client = network.add_client('mote')
            wait_for('every mote knows all', LIMIT_SECONDS, lambda: network.check_alive() and all(of(n, 'motes') == MOTES and of(n, 'exits') == 2 for n in motes))
            owners = alice, bob = [Owner(f'{folder}/{name}', name, network.ports, client.socks_port) for name in ('alice', 'bob')]
            say('all is up', passed())
            alice.serve()
            alice.hand_in(letter(alice.address, REFUSED, 'a letter that is refused'),
                          *(letter(alice.address, bob.address, f'letter {n}', ATTACHMENT_BYTES if n == 0 else 0) for n in range(LETTERS)))
            say(alice.send(bob.address, 'a letter of few words', 'Hello.\n'))
            wait_for('gateways take the letters', LIMIT_SECONDS, lambda: network.check_alive() and not alice.waiting())
            held = wait_for('the letters lie in boxes', LIMIT_SECONDS, lambda: network.check_alive() and settled(motes))
            say(f'{LETTERS + 2} letters taken by gateways, {held} items at each of three motes', passed())
            wait_for('the report comes', LIMIT_SECONDS, lambda: network.check_alive() and alice.has('multipart/report'))
            check_bounce(alice)
            say('Alice has the report on what was refused', passed())
            keepers = [mote for mote in motes if of(mote, 'boxItems')]
            killed, leaver = sorted(keepers, key=lambda mote: mote in motes[:2])[:2]
            killed.process.kill()
            killed.process.wait(PATIENCE * ANSWER_LIMIT_SECONDS)
            leaver.process.terminate()
            wait_for(f'{leaver.name} leaves', LIMIT_SECONDS, lambda: leaver.process.poll() is not None)
            say(f'{killed.name} killed, {leaver.name} has left', passed())
            bob.serve()
            # A mote that is listed and gone would be on every way through so few.
            killed.start()
            wait_for('the letters come', LIMIT_SECONDS, lambda: network.check_alive(but=[leaver.name]) and bob.has('letter of few words', *(f'Subject: letter {n}' for n in range(LETTERS))))
            found = bob.inbox()
            if len(found) != LETTERS + 1 or any(b'tells too much' in text for text in found):
                raise Failure('a letter too many, or one that tells who wrote it')
            say(f'all {len(found)} read by IMAP', passed())
            bob.hand_in(letter(bob.address, alice.address, 'an answer'))
            wait_for('the answer comes', LIMIT_SECONDS, lambda: network.check_alive(but=[leaver.name]) and alice.has('Subject: an answer'))
            say('Alice has the answer', passed())
            # Through this mix, with its few packets, it would be under way for long: here it is only brought.
            long = letter(bob.address, alice.address, 'a long letter', LONG_BYTES)
            said = bob.send_whole(alice.address, long)
            if '1 letter taken' not in said or bob.waiting():
                raise Failure(f'a letter of {len(long.as_bytes())} bytes was not taken: {said}{bob.run("outbox")}')
            wait_for('a gateway has the long letter', LIMIT_SECONDS, lambda: any(of(mote, 'outgoing') for mote in motes if mote.is_alive))
            say(f'a letter of {len(long.as_bytes())} bytes is taken in pieces', passed())
            if sum(b'Subject: an answer' in text for text in alice.inbox()) != 1 or len(bob.inbox()) != len(found) or server.letters:
                raise Failure('letters came twice')
            say(bob.run('status').strip())
            network.check_warnings()
        except Failure:
            for owner in owners:
                say(f'--- {owner.name}\n{owner.log if owner.process else ""}{owner.run("outbox")}{owner.run("status")}{owner.run("inbox")}')
            for mote in motes:
                say(mote.name, json.dumps(mote.status('mail')))
            raise
        finally:
            end([owner.process for owner in owners if owner.process])
            # Asked to stop, all of them would look for others to give their letters to.
            for node in motes:
                if node.is_alive:
                    node.process.kill()
            shutil.rmtree(keys, ignore_errors=True)


def cloud():
    """A cloud that was brought up with one command carries mail: `dustcloud mail` needs no word on where, and a letter outlives two of the motes that kept it. Letters for
    addresses outside are refused with the reason, until `up` is told how they leave: then motes are replaced, and one gets there."""
    began = time.monotonic()
    clock = lambda: f'{time.monotonic() - began:6.1f}'
    ports = Ports()
    with tempfile.TemporaryDirectory() as folder:
        cloud, socks, port = Cloud(f'{folder}/cloud', clock), ports.take(), ports.take()
        certificates, login = Certificates(Path(folder)), Path(folder, 'login')
        login.write_text(f'{USER}\n{PASSWORD}\n')
        login.chmod(0o600)
        server = MailServer('127.0.0.1', port, certificates.issued('localhost'), login=(USER, PASSWORD))
        try:
            cloud.up('--mote', program('mote'), '--motes', '4', '--ttl', '20m', '--mail-hold', '3s', '--socks', f'127.0.0.1:{socks}')
            wait_for('the client is ready', 2 * LIMIT_SECONDS, lambda: cloud.state.joinpath('state.sqlite').exists() and cloud.status()['client']['bootstrapped'] == 100)
            alice, bob = Owner(cloud.state, 'alice', ports), Owner(f'{folder}/bob', 'bob', ports, socks)
            carriers = lambda: [line['mail'] | {'mote': line['mote']} for line in json.loads(alice.run('status', '--json'))['cloud']]
            wait_for('every mote knows all', LIMIT_SECONDS, lambda: len(found := carriers()) == 4 and all(mail['motes'] == 4 for mail in found))
            code, said = alice.attempt('send', REFUSED, '--subject', 'nowhere', text='Hello.\n')
            if code != 69 or 'dustcloud up --mail-exit' not in said or alice.waiting():
                raise Failure(f'a letter that cannot leave: {code} {said}')
            say(clock(), alice.send(bob.address, 'a letter', 'Hello.\n'))
            inBoxes = lambda: {mail['mote'] for mail in carriers() if mail['boxItems']}
            keepers = wait_for('three motes keep the letter', 4 * LIMIT_SECONDS, lambda: len(found := inBoxes()) == 3 and found)
            known = set(cloud.motes()) | keepers
            say(clock(), 'the letter is kept by', ' '.join(mote[:8] for mote in keepers))
            lost = sorted(keepers)[:2]
            for mote in lost:
                cloud.ask('mote', 'terminate', mote)
            wait_for('two that kept it are gone', 4 * LIMIT_SECONDS, lambda: not set(lost) & set(cloud.motes()), pause=1)
            say(clock(), 'two of them are gone')
            found = wait_for('the letter comes', 2 * LIMIT_SECONDS, bob.fetch)
            if [line['subject'] for line in found] != ['a letter']:
                raise Failure(f'other letters came: {found}')
            say(bob.send(alice.address, 'an answer', 'Hello, Alice.\n'))
            wait_for('the answer comes', 4 * LIMIT_SECONDS, alice.fetch, pause=2)
            say(clock(), 'Bob has read it, and Alice his answer')
            end([cloud.coordinator])
            cloud.up('--mote', program('mote'), '--mail-exit', 'relay', '--mail-relay', f'localhost:{port}', '--mail-relay-login', str(login), '--mail-trust', f'{certificates.authority}.pem')
            wait_for('a mote brings letters out', 4 * LIMIT_SECONDS, lambda: any(mail['exits'] for mail in carriers()), pause=1)
            known |= set(cloud.motes())
            say(clock(), alice.send(OUTSIDE, 'a letter to the outside', 'Hello, you all.\n'))
            wait_for('it gets out', 4 * LIMIT_SECONDS, lambda: server.letters)
            if not server.letters[0]['tls'] or OUTSIDE not in ''.join(server.letters[0]['envelope']) or b'Hello, you all.' not in server.letters[0]['content']:
                raise Failure(f'that is another letter: {server.letters}')
            say(clock(), 'a mail server outside has a letter')
            say(alice.run('status').strip())
            known |= set(cloud.motes())
        finally:
            left = cloud.down()
            ports.close()
        if left:
            raise Failure(f'still there: {left}')
        if left := [mote for mote in known if Path(f'/dev/shm/dustcloud-{mote}').exists()]:
            raise Failure(f'keys of motes that are gone: {left}')


SCENARIOS = {'boxes': boxes, 'cloud': cloud}

if __name__ == '__main__':
    if sys.argv[1:] not in [[name] for name in SCENARIOS]:
        sys.exit(__doc__)
    sys.exit(run(SCENARIOS[sys.argv[1]]))
