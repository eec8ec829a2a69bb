#!/usr/bin/env python3
"""Letters through a mix of motes among stock relays: `mix.py NAME` prints figures and exits 0 only if everything held."""
import argparse
import collections
import hashlib
import os
import random
import re
import shutil
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
import time
from email.message import EmailMessage
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'Network'))
from network import ANSWER_LIMIT_SECONDS, PATIENCE, Failure, Network, say, wait_for
from scenarios import run

MOTES = 5
LETTERS, LARGE_BYTES = 20, 200_000
ARRIVE_LIMIT_SECONDS = 150


class Server:
    """A mail server for localhost with STARTTLS, which keeps what it gets."""

    def __init__(self, folder, port):
        self.port, self.letters, self.lock, self.ca = port, [], threading.Lock(), folder / 'ca.pem'
        openssl = lambda *words: subprocess.run(['openssl', *words], check=True, capture_output=True, timeout=PATIENCE * ANSWER_LIMIT_SECONDS)
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', f'{folder}/key.pem', '-out', str(self.ca), '-days', '2',
                '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost')
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(str(self.ca), f'{folder}/key.pem')
        self.listener = socket.create_server(('127.0.0.1', port), backlog=64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.guarded, args=(connection,), daemon=True).start()

    def guarded(self, connection):
        connection.settimeout(60)
        try:
            self.serve(connection)
        except (OSError, ValueError):
            pass

    def serve(self, connection):
        stream, data = connection.makefile('rwb'), b''
        say_to = lambda text: (stream.write(text + b'\r\n'), stream.flush())
        say_to(b'220 localhost ESMTP')
        while line := stream.readline():
            word = line.split()[0].upper() if line.split() else b''
            if word == b'EHLO':
                say_to(b'250-localhost\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 40000000' + (b'' if isinstance(connection, ssl.SSLSocket) else b'\r\n250-STARTTLS')
                       + b'\r\n250 ENHANCEDSTATUSCODES')
            elif word == b'STARTTLS':
                say_to(b'220 go on')
                connection = self.context.wrap_socket(connection, server_side=True)
                stream = connection.makefile('rwb')
            elif word == b'DATA':
                say_to(b'354 go on')
                data = b''
                while (line := stream.readline()) not in (b'.\r\n', b''):
                    data += line[1:] if line.startswith(b'.') else line
                with self.lock:
                    self.letters.append(data)
                say_to(b'250 2.0.0 taken')
            elif word == b'QUIT':
                say_to(b'221 2.0.0 bye')
                return connection.close()
            else:
                say_to(b'250 2.0.0 fine')


def letter(number, size):
    """A message that says what its content's digest is."""
    content = random.Random(number).randbytes(size)
    message = EmailMessage()
    message['From'], message['To'], message['Subject'] = 'alice@example.org', 'bob@example.com', f'letter {number}'
    message.set_content(f'number {number} digest {hashlib.sha256(content).hexdigest()}\n')
    message.add_attachment(content, maintype='application', subtype='octet-stream', filename='content.bin')
    return message


def submit(port, message):
    """Until the mote says 250; whether it did."""
    try:
        with smtplib.SMTP('127.0.0.1', port, timeout=PATIENCE * ANSWER_LIMIT_SECONDS) as server:
            server.send_message(message)
            return True
    except (OSError, smtplib.SMTPException):
        return False


def ask_over_circuit(network, mote):
    """A program of somebody's asks a mote over a circuit of a client how well letters hide there, and hands it what is no letter."""
    client = network.add_client('mote')
    curl = lambda path, *words: subprocess.run(
        ['curl', '-s', '-S', '--max-time', '100', '--socks5-hostname', f'127.0.0.1:{client.socks_port}', '-w', '\n%{http_code}', '--data-binary', 'x' * 40, *words,
         f'http://{mote.fingerprint}.mote.dust.alt/tor/dust/letter/{path}'], capture_output=True, text=True, timeout=PATIENCE * ANSWER_LIMIT_SECONDS).stdout
    answer = wait_for('a mote says how well letters hide', 30, lambda: (a := curl('hiding')).endswith('200') and a)
    if not re.match(r'bits [0-9.]+\ndelay [0-9.]+\npackets [0-9.]+\nmotes [45]\n', answer) or float(answer.split()[1]) < 2:
        raise Failure('that is no word on how well letters hide: ' + answer)
    if not (refusal := curl('send')).endswith('400'):
        raise Failure('what is no letter was taken: ' + refusal)
    say('over a circuit a mote says:', ' '.join(answer.split()[:-1]))


def check(letters):
    """Each once, unchanged; how many."""
    import email
    from email import policy
    seen = collections.Counter()
    for data in letters:
        message = email.message_from_bytes(data, policy=policy.default)
        text = message.get_body(('plain',)).get_content()
        found = re.search(r'number (\d+) digest ([0-9a-f]{64})', text)
        parts = [p.get_content() for p in message.iter_attachments()]
        if not found or len(parts) != 1 or hashlib.sha256(parts[0]).hexdigest() != found[2]:
            raise Failure('a letter arrived that was changed: ' + text[:80])
        seen[int(found[1])] += 1
    double = [n for n, count in seen.items() if count > 1]
    if double:
        raise Failure(f'letters {double} arrived more than once')
    return len(seen)


def mail():
    """Twenty letters from three gateways through three hops each, one mote killed with -9 and back, another one told to end, which gives what it has to its successor:
    all arrive once and unchanged, with headers that tell nobody."""
    began = time.monotonic()
    with Network(relays=('tor', 'tor') + ('mote',) * MOTES) as network:
        motes = [n for n in network.nodes if n.kind == 'mote']
        server = Server(network.folder, network.ports.take())
        keys = Path(f'/dev/shm/dustcloud-test-{os.getpid()}')
        for node in motes:
            node.mail_port = network.ports.take()
            node.extra += ['MoteMail 1', f'MoteMailKeyFolder {keys}/{node.name}', 'MoteMailHoldMean 400 msec', 'MoteMailSlotMean 250 msec',
                           f'MoteSubmissionPort 127.0.0.1:{node.mail_port}', 'MoteSubmissionName mail.test', 'MoteMailBox 1']
            if node == motes[4]:
                node.extra.append('ShutdownWaitLength 300 seconds')
            if node in motes[:2]:
                node.extra += ['MoteMailExit relay', f'MoteMailRelay localhost:{server.port}', f'MoteMailTrust {server.ca}']
        try:
            keys.mkdir(mode=0o700)
            network.start()
            of = lambda node, key: (node.status('mail') or {}).get(key, 0)
            wait_for('every mote knows all', 60, lambda: network.check_alive() and all(of(n, 'motes') == MOTES and of(n, 'exits') == 2 for n in motes))
            say(f'{MOTES} motes know each other after {time.monotonic() - began:.1f} s')
            sent = time.monotonic()
            for number in range(LETTERS):
                message = letter(number, LARGE_BYTES if number == 3 else 500)
                if not submit(motes[2 + number % 3].mail_port, message):
                    raise Failure(f'letter {number} was not taken')
            say(f'{LETTERS} letters taken in {time.monotonic() - sent:.1f} s')
            # Not the exits: what a killed exit has delivered without knowing is delivered again, as SMTP has it.
            victim = motes[3]
            victim.process.kill()
            victim.process.wait(60)
            victim.start()
            leaver = motes[4]
            leaver.process.terminate()
            others = [n for n in motes if n != leaver]
            has = lambda: sum(of(leaver, key) for key in ('held', 'forwarding', 'outgoing', 'arrived'))
            wait_for('a mote that is told to end gives away what it has', 60, lambda: network.check_alive() and of(leaver, 'leaving') and not has() and all(of(n, 'motes') == MOTES - 1 for n in others))
            say(f'{leaver.name} has given all away {time.monotonic() - sent:.1f} s after sending')
            if leaver.stop() != 0:
                raise Failure(f'{leaver.name} ended with {leaver.process.returncode}')
            leaver.process = None
            wait_for('all letters arrive', ARRIVE_LIMIT_SECONDS, lambda: network.check_alive() and len(server.letters) >= LETTERS)
            took = time.monotonic() - sent
            wait_for('gateways hear of it', ARRIVE_LIMIT_SECONDS, lambda: sum(of(n, 'outgoing') for n in others) == 0 and network.check_alive())
            if check(server.letters) != LETTERS:
                raise Failure('letters are missing')
            head = server.letters[0].split(b'\r\n\r\n')[0]
            if b'python' in head.lower() or head.count(b'Received:') != 1 or b'127.0.0.1' in head:
                raise Failure('a header tells more than it should: ' + head.decode()[:400])
            say(f'{LETTERS} letters arrived once and unchanged in {took:.1f} s, one of {LARGE_BYTES} bytes; {victim.name} was killed meanwhile')
            for node in motes[:4]:
                status = node.status('mail')
                say(f"{node.name}: {status['taken']} packets taken, {status['passed']} passed, {status['replayed']} replayed, {status['sentAgain']} letters sent again, "
                    f"{status['loopsReturned']} loops back, {status['loopsLost']} lost, {status['entropyMillibits'] / 1000:.1f} bits")
            ask_over_circuit(network, motes[2])
            network.check_warnings()
        finally:
            shutil.rmtree(keys, ignore_errors=True)


SCENARIOS = {'mail': mail}

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('scenario', choices=SCENARIOS)
    sys.exit(run(SCENARIOS[parser.parse_args().scenario]))
