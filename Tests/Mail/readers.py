#!/usr/bin/env python3
"""Ordinary mail programs read an owner's letters from `dustcloud mail serve`: `readers.py readers`.

Python's imaplib and poplib, curl, fetchmail and (where it could be installed) IMAPClient lay letters, find, read, flag, move and delete them, and are
told of each other's changes; smtplib hands one in to be sent. Then the server is killed with -9, and everything that was acknowledged is there.
"""
import email
import email.policy
import imaplib
import json
import os
import poplib
import signal
import smtplib
import subprocess
import sys
import tempfile
import time
from email.message import EmailMessage
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'Tests/Network'))
from network import Failure, Ports, end, interrupt_on_signals, say, spawn, wait_for  # noqa: E402

for packages in (ROOT / '.build/peers/lib').glob('python3*/site-packages'):
    sys.path.append(str(packages))

USER = 'dustcloud'
PROGRAM = os.environ.get('DUSTCLOUD', str(ROOT / '.build/release/dustcloud'))
LARGE_BYTES = 5_000_000


def check(fact, words):
    if not fact:
        raise Failure(words)


class Server:
    def __init__(self, folder, ports):
        self.folder, self.imap, self.pop3, self.submission = Path(folder), ports.take(), ports.take(), ports.take()
        self.start()

    def start(self):
        self.log = open(self.folder / 'serve.log', 'ab')
        self.process = spawn(
            [PROGRAM, 'mail', 'serve', '--offline', '--state', str(self.folder), '--imap', f'127.0.0.1:{self.imap}', '--pop3', f'127.0.0.1:{self.pop3}',
             '--submission', f'127.0.0.1:{self.submission}'],
            stdout=self.log, stderr=subprocess.STDOUT)
        wait_for('the mail server', 20, lambda: b'IMAP on' in (self.folder / 'serve.log').read_bytes() and self.answers())
        self.password = (self.folder / 'mail/password').read_text().strip()

    def answers(self):
        try:
            imaplib.IMAP4('127.0.0.1', self.imap, timeout=5).logout()
            return True
        except OSError:
            return False

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)
        self.start()

    def client(self, folder='INBOX'):
        client = imaplib.IMAP4('127.0.0.1', self.imap, timeout=60)
        client.login(USER, self.password)
        client.select(folder)
        return client


def letter(number, attachment=0):
    message = EmailMessage()
    message['From'], message['To'], message['Subject'] = f'Alice {number} <alice@example.org>', 'me@example.net', f'Grüße {number}'
    message['Message-ID'] = f'<{number}@example.org>'
    message.set_content(f'Hello, this is letter {number}.\n.a line with a dot\n')
    if attachment:
        message.add_attachment(os.urandom(attachment), maintype='application', subtype='octet-stream', filename='some file.bin')
    return message.as_bytes(policy=email.policy.SMTP)


def with_imaplib(server, letters):
    client = server.client()
    for content in letters:
        status, answer = client.append('INBOX', None, None, content)
        check(status == 'OK' and b'APPENDUID' in answer[0], f'APPEND: {answer}')
    check(client.select()[1] == [str(len(letters)).encode()], 'SELECT counts wrongly')
    for number, content in enumerate(letters, 1):
        got = client.fetch(str(number), '(BODY.PEEK[])')[1][0][1]
        check(got == content, f'letter {number} came back changed')
    check(client.search(None, 'UNSEEN')[1][0].split() == [str(n).encode() for n in range(1, len(letters) + 1)], 'peeking marked a letter as read')
    check(client.search(None, 'SUBJECT', '"3"')[1][0] == b'3', 'SEARCH SUBJECT')
    client.literal = 'grüße 2'.encode()
    check(client.uid('SEARCH', 'CHARSET', 'UTF-8', 'SUBJECT')[1][0] == b'2', 'SEARCH of an encoded word')
    client.store('1', '+FLAGS', '(\\Flagged work)')
    check(imaplib.ParseFlags(client.fetch('1', '(FLAGS)')[1][0]) == (b'\\Flagged', b'work'), 'STORE')
    structure = client.fetch(str(len(letters)), '(BODYSTRUCTURE)')[1][0]
    check(b'"some file.bin"' in structure and b'"mixed"' in structure, f'BODYSTRUCTURE: {structure}')
    client.copy('2', 'Archive')
    client.uid('MOVE', '3', 'Trash')
    check(client.select()[1] == [str(len(letters) - 1).encode()], 'MOVE left the letter')
    client.logout()


def with_poplib(server, letters):
    client = poplib.POP3('127.0.0.1', server.pop3, timeout=60)
    client.user(USER)
    client.pass_(server.password)
    count, _ = client.stat()
    check(count == len(letters) - 1, f'POP3 counts {count}')
    check(len({line.split()[1] for line in client.uidl()[1]}) == count, 'UIDL repeats itself')
    got = b'\r\n'.join(client.retr(1)[1]) + b'\r\n'
    check(got == letters[0], 'RETR changed the letter')
    check(len(client.top(1, 1)[1]) < len(client.retr(1)[1]), 'TOP gives all')
    client.dele(2)
    client.quit()


def with_curl(server, letters):
    def curl(*words):
        result = subprocess.run(['curl', '--silent', '--show-error', '--max-time', '60', '--user', f'{USER}:{server.password}', *words], capture_output=True, timeout=90)
        check(result.returncode == 0, f'curl {words}: {result.stderr.decode()}')
        return result.stdout
    check(curl(f'imap://127.0.0.1:{server.imap}/INBOX;UID=1') == letters[0], 'curl reads another letter by IMAP')
    check(b'Archive' in curl(f'imap://127.0.0.1:{server.imap}/'), 'curl lists no folders')
    check(curl(f'pop3://127.0.0.1:{server.pop3}/1') == letters[0], 'curl reads another letter by POP3')
    check(b' 1' in curl(f'imap://127.0.0.1:{server.imap}/INBOX', '-X', 'SEARCH FLAGGED'), 'curl finds no flagged letter')


def with_imapclient(server):
    try:
        from imapclient import IMAPClient
    except ImportError:
        return 'not installed: not tried'
    with IMAPClient('127.0.0.1', port=server.imap, ssl=False, timeout=60) as client, IMAPClient('127.0.0.1', port=server.imap, ssl=False, timeout=60) as other:
        for one in (client, other):
            one.login(USER, server.password)
            one.select_folder('INBOX')
        check(client.has_capability('IDLE') and client.has_capability('MOVE'), 'capabilities')
        check({b'\\Sent', b'\\Trash'} <= {flag for flags, _, _ in client.list_folders() for flag in flags}, 'special folders')
        envelope = client.fetch([1], ['ENVELOPE', 'INTERNALDATE', 'BODYSTRUCTURE'])[1][b'ENVELOPE']
        check(envelope.from_[0].mailbox == b'alice' and envelope.message_id == b'<1@example.org>', f'ENVELOPE: {envelope}')
        client.idle()
        other.append('INBOX', letter(99))
        news = wait_for('news of a letter', 10, lambda: [line for line in client.idle_check(timeout=2) if line[1] == b'EXISTS'])
        client.idle_done()
        uid = client.search(['SUBJECT', '99'])[0]
        client.create_folder('Projects/a')
        client.rename_folder('Projects/a', 'Projects/b')
        client.move([uid], 'Projects/b')
        check(client.folder_status('Projects/b')[b'MESSAGES'] == 1, 'the letter was not moved')
        client.select_folder('Projects/b')
        client.delete_messages(client.search('ALL'))
        client.expunge()
        client.unselect_folder()
        client.delete_folder('Projects/b')
        return f'told while idle: {news[0]}'


def with_fetchmail(server, folder):
    """By POP3, as a program that takes everything away."""
    for protocol, port in (('pop3', server.pop3), ('imap', server.imap)):
        rc, out = folder / f'{protocol}.rc', folder / f'{protocol}.out'
        rc.write_text(f'poll 127.0.0.1 protocol {protocol} port {port} user "{USER}" password "{server.password}" sslproto "" keep fetchall mda "cat >> {out}"\n')
        rc.chmod(0o600)
        result = subprocess.run(['fetchmail', '--nodetach', '--nosyslog', '--fetchmailrc', rc, '--pidfile', folder / 'fetchmail.pid', '--idfile', folder / 'ids'],
                                capture_output=True, timeout=240, env={**os.environ, 'HOME': str(folder)})
        check(result.returncode == 0, f'fetchmail by {protocol}: {result.stdout.decode()} {result.stderr.decode()}')
        check(out.read_bytes().count(b'this is letter 1.') == 1, f'fetchmail by {protocol} did not get the letters')


def with_smtplib(server):
    with smtplib.SMTP('127.0.0.1', server.submission, timeout=60) as door:
        door.send_message(email.message_from_bytes(letter(7), policy=email.policy.SMTP), 'me@example.net', ['you@example.org'])


def check_alone(folder, ports):
    """Of two that serve the same mailbox, the second is told."""
    words = [word for name in ('--imap', '--pop3', '--submission') for word in (name, f'127.0.0.1:{ports.take()}')]
    result = subprocess.run([PROGRAM, 'mail', 'serve', '--offline', '--state', folder, *words], capture_output=True, timeout=60)
    check(result.returncode == 75 and b'already' in result.stderr, f'two serve one mailbox: {result.returncode} {result.stdout} {result.stderr}')


def outbox(folder):
    return json.loads(subprocess.run([PROGRAM, 'mail', 'outbox', '--json', '--state', folder], capture_output=True, timeout=60, check=True).stdout)


def main():
    interrupt_on_signals()
    ports, letters = Ports(), [letter(n, attachment=LARGE_BYTES if n == 5 else 0) for n in range(1, 6)]
    with tempfile.TemporaryDirectory() as folder:
        address = subprocess.run([PROGRAM, 'mail', 'address', '--state', folder], capture_output=True, timeout=60, check=True).stdout.split()[0]
        check(address.endswith(b'.dust.alt'), f'no address: {address}')
        server = Server(folder, ports)
        try:
            began = time.monotonic()
            check_alone(folder, ports)
            with_imaplib(server, letters)
            with_poplib(server, letters)
            with_smtplib(server)
            server.kill()
            with_curl(server, letters)
            news = with_imapclient(server)
            with_fetchmail(server, Path(folder))
            left = server.client()
            check(left.search(None, 'ALL')[1][0].split() == [b'1', b'2', b'3'], f'left: {left.search(None, "ALL")}')
            check(left.uid('SEARCH', 'ALL')[1][0].split()[0] == b'1', 'numbers changed')
            inbox = subprocess.run([PROGRAM, 'mail', 'inbox', '--state', folder], capture_output=True, timeout=60, check=True).stdout.decode()
            check('Grüße 1' in inbox, f'mail inbox: {inbox}')
            check([line['to'] for line in outbox(folder)] == [['you@example.org']], f'the letter that was handed in is lost: {outbox(folder)}')
            wrong = subprocess.run(['curl', '--silent', '--max-time', '60', '--user', f'{USER}:wrong', f'imap://127.0.0.1:{server.imap}/'], capture_output=True, timeout=90)
            check(wrong.returncode == 67, 'a wrong password is taken')
            say(f'imaplib, smtplib, poplib, curl, fetchmail and IMAPClient ({news}) agree on 5 letters, one of {LARGE_BYTES:,} bytes, across kill -9: {time.monotonic() - began:.1f} s')
        finally:
            end([server.process])


if __name__ == '__main__':
    if sys.argv[1:] != ['readers']:
        sys.exit(__doc__)
    try:
        main()
    except Failure as failure:
        sys.exit(f'failed: {failure}')
