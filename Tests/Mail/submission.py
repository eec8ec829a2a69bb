#!/usr/bin/env python3
"""Letters handed in by real mail programs to a submission service of its own, which is also killed, fed nonsense and measured beside Postfix.

peers    smtplib, curl, swaks, msmtp and Postfix's smtp-source hand letters in, up to 20 MB, in the clear and under TLS, with and without a password
kills    kill -9 at random instants while many hand in: what was answered 250 is there, each letter once (DUSTCLOUD_KILLS: how often)
hostile  endless lines and letters, silence, and hundreds of sessions at once: the right codes, memory bounded, the service goes on
bench    acknowledged letters per second beside Postfix on the same disk, and syncs per letter; wants a release build in POSTROOM
"""
import argparse
import base64
import email
import email.message
import email.policy
import hashlib
import os
import pathlib
import random
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'Tests/Network'))
from network import interrupt_on_signals, spawn  # noqa: E402

POSTROOM = os.environ.get('POSTROOM', str(ROOT / '.build/debug/postroom'))
PATIENCE = 120
USER, PASSWORD = 'ann', 'correct horse'


class Failure(Exception):
    pass


def must(condition, words):
    if not condition:
        raise Failure(words)


def call(words, **more):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE, **more)
    must(done.returncode == 0, f'{words[0]} ended with {done.returncode}:\n{done.stdout.decode(errors="replace")[-2000:]}')
    return done.stdout.decode(errors='replace')


class Service:
    """A postroom in a folder that outlives it."""

    def __init__(self, folder, tls=False, users=False):
        self.folder, self.words = folder, []
        if tls:
            self.certificate, key = folder / 'certificate.pem', folder / 'key.pem'
            call(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1',
                  '-days', '2', '-keyout', str(key), '-out', str(self.certificate)])
            self.words = ['0', str(self.certificate), str(key)]
        if users:
            (folder / 'users').write_text(f'{USER}:{call([POSTROOM, "hash", PASSWORD])}')
            self.words.append(str(folder / 'users'))

    def start(self):
        self.process = spawn([POSTROOM, 'serve', str(self.folder / 'room'), *self.words], stdout=subprocess.PIPE)
        line = self.process.stdout.readline().split()
        must(len(line) == 2, 'the service did not start')
        self.port, self.secure = map(int, line)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        told = self.process.communicate(timeout=PATIENCE)[0].decode()
        must(self.process.returncode == 0, f'the service ended with {self.process.returncode}')
        return told.strip()

    def memory(self):
        return int(re.search(r'VmRSS:\s+(\d+)', pathlib.Path(f'/proc/{self.process.pid}/status').read_text())[1]) << 10

    def letters(self):
        """Subjects of what is in the spool, and bytes."""
        lines = call([POSTROOM, 'list', str(self.folder / 'room')]).splitlines()
        return [(line.split('Subject: ', 1)[1] if 'Subject: ' in line else '', int(line.split()[1])) for line in lines]

    def messages(self):
        """Every message, as bytes."""
        out = self.folder / 'messages'
        out.mkdir()
        call([POSTROOM, 'list', str(self.folder / 'room'), str(out)])
        return [path.read_bytes() for path in out.iterdir()]


def message(subject, attachment=b''):
    letter = email.message.EmailMessage()
    letter['From'], letter['To'], letter['Subject'] = 'Ann <ann@example.org>', 'bob@example.net', subject
    letter['Message-ID'] = f'<{hashlib.sha256(subject.encode()).hexdigest()[:20]}@laptop.example.org>'
    letter['X-Mailer'] = 'something telling'
    letter.set_content(f'This is {subject}.\n.\nThat was a dot on a line of its own.\n')
    if attachment:
        letter.add_attachment(attachment, maintype='application', subtype='pdf', filename='Ann’s secret plan.pdf')
        # Handed in again, it is the same to the byte.
        letter.set_boundary('laptop' + hashlib.sha256(subject.encode()).hexdigest()[:20])
    return letter


# Real programs

def by_smtplib(service, context):
    with smtplib.SMTP('127.0.0.1', service.port, timeout=PATIENCE) as client:
        client.starttls(context=context)
        client.ehlo('laptop')
        must(client.has_extn('chunking') and client.has_extn('smtputf8') and client.has_extn('dsn'), 'EHLO says too little')
        try:
            client.login(USER, 'wrong')
            raise Failure('a wrong password was taken')
        except smtplib.SMTPAuthenticationError as refusal:
            must(refusal.smtp_code == 535, f'a wrong password was answered {refusal.smtp_code}')
        client.login(USER, PASSWORD)
        client.send_message(message('smtplib one'))
    with smtplib.SMTP_SSL('localhost', service.secure, timeout=PATIENCE, context=context) as client:
        client.login(USER, PASSWORD)
        client.sendmail('ann@example.org', [f'user{i}@example.net' for i in range(100)], message('smtplib many').as_bytes(policy=email.policy.SMTP), mail_options=['BODY=8BITMIME', 'RET=HDRS', 'ENVID=tell'], rcpt_options=['NOTIFY=SUCCESS,FAILURE'])
        letter = message('smtplib international')
        letter.replace_header('To', 'jürgen@exämple.org')
        client.send_message(letter, to_addrs=['jürgen@exämple.org'])


def large(attachment):
    """As a mail program writes it, without the minute that Python's email package takes."""
    text = base64.encodebytes(attachment).replace(b'\n', b'\r\n')
    return (b'From: ann@example.org\r\nSubject: large\r\nUser-Agent: telling\r\nContent-Type: multipart/mixed; boundary=laptop\r\n\r\n--laptop\r\n\r\nhere it is\r\n--laptop\r\n'
            b'Content-Type: application/pdf; name="secret plan.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\n' + text + b'--laptop--\r\n')


def by_programs(service, attachment):
    folder, here = service.folder, '127.0.0.1'
    (folder / 'large').write_bytes(large(attachment))
    call(['curl', '-sS', '-k', '--ssl-reqd', '--user', f'{USER}:{PASSWORD}', '--mail-from', 'ann@example.org', '--mail-rcpt', 'bob@example.net', '--upload-file', str(folder / 'large'), f'smtps://localhost:{service.secure}'])
    (folder / 'letter').write_bytes(message('curl').as_bytes(policy=email.policy.SMTP))
    call(['curl', '-sS', '--cacert', str(service.certificate), '--ssl-reqd', '--user', f'{USER}:{PASSWORD}', '--mail-from', 'ann@example.org', '--mail-rcpt', 'bob@example.net', '--mail-rcpt', 'cy@example.net', '--upload-file', str(folder / 'letter'), f'smtp://localhost:{service.port}'])
    call(['swaks', '--server', here, '--port', str(service.port), '--tls', '--auth', 'LOGIN', '--auth-user', USER, '--auth-password', PASSWORD, '--from', 'ann@example.org', '--to', 'bob@example.net,cy@example.net', '--header', 'Subject: swaks', '--pipeline', '--ehlo', 'laptop', '--timeout', str(PATIENCE)])
    call(['swaks', '--server', here, '--port', str(service.secure), '--tls-on-connect', '--auth', 'PLAIN', '--auth-user', USER, '--auth-password', PASSWORD, '--from', 'ann@example.org', '--to', 'bob@example.net', '--header', 'Subject: swaks secure', '--attach', '@' + str(folder / 'letter'), '--ehlo', 'laptop', '--timeout', str(PATIENCE)])
    config = folder / 'msmtprc'
    config.write_text(f'account default\nhost localhost\nport {service.port}\nfrom ann@example.org\nauth on\nuser {USER}\npassword {PASSWORD}\ntls on\ntls_trust_file {service.certificate}\n')
    config.chmod(0o600)
    call(['msmtp', '-C', str(config), 'bob@example.net'], input=message('msmtp').as_bytes())


THUNDERBIRD = """Message-ID: <{id}@example.org>\r
Date: Sun, 22 Nov 2026 09:00:00 +0100\r
MIME-Version: 1.0\r
User-Agent: Mozilla Thunderbird\r
Content-Language: en-US\r
To: bob@example.net\r
From: Ann Example <ann@example.org>\r
Autocrypt: addr=ann@example.org; keydata=\r
 xsDNBF+telling\r
Subject: {subject}\r
X-Identity-Key: id1\r
"""


def by_thunderbird(service, context):
    """As Thunderbird goes about it: EHLO with an address in brackets before and after STARTTLS, AUTH PLAIN in one line, BODY=8BITMIME and SIZE, its header, text that
    flows, and then text and HTML with a picture."""
    plain = THUNDERBIRD.format(id='11111111-2222-3333-4444-555555555555', subject='thunderbird flowed') + (
        'Content-Type: text/plain; charset=UTF-8; format=flowed\r\nContent-Transfer-Encoding: 8bit\r\n\r\n'
        'A paragraph that was wrapped while it was \r\nwritten and flows. \u00e9\u00e8\r\n From space-stuffed\r\n> quoted\r\n-- \r\nAnn\r\n')
    rich = THUNDERBIRD.format(id='66666666-2222-3333-4444-555555555555', subject='thunderbird rich') + (
        'Content-Type: multipart/alternative;\r\n boundary="------------0abcTELLINGdef0123456789ABC"\r\n\r\nThis is a multi-part message in MIME format.\r\n'
        '--------------0abcTELLINGdef0123456789ABC\r\nContent-Type: text/plain; charset=UTF-8; format=flowed\r\nContent-Transfer-Encoding: 7bit\r\n\r\n*bold* words\r\n\r\n'
        '--------------0abcTELLINGdef0123456789ABC\r\nContent-Type: multipart/related;\r\n boundary="------------1abcTELLINGdef0123456789ABC"\r\n\r\n'
        '--------------1abcTELLINGdef0123456789ABC\r\nContent-Type: text/html; charset=UTF-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n'
        '<!DOCTYPE html>\r\n<html><body><p><b>bold</b> words <img src="cid:part1.abc@example.org"></p></body></html>\r\n'
        '--------------1abcTELLINGdef0123456789ABC\r\nContent-Type: image/png; name="dot.png"\r\nContent-Disposition: inline; filename="dot.png"\r\n'
        'Content-Id: <part1.abc@example.org>\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgoAAAANSUhEUg==\r\n\r\n'
        '--------------1abcTELLINGdef0123456789ABC--\r\n\r\n--------------0abcTELLINGdef0123456789ABC--\r\n')
    for text in (plain, rich):
        with socket.create_connection(('127.0.0.1', service.port), timeout=PATIENCE) as connection:
            connection = exchange(connection, b'EHLO [127.0.0.1]\r\n', b'STARTTLS\r\n')
            connection = context.wrap_socket(connection, server_hostname='localhost')
            login = base64.b64encode(f'\0{USER}\0{PASSWORD}'.encode())
            letter = text.encode()
            exchange(connection, b'EHLO [127.0.0.1]\r\n', b'AUTH PLAIN ' + login + b'\r\n', b'MAIL FROM:<ann@example.org> BODY=8BITMIME SIZE=%d\r\n' % len(letter),
                     b'RCPT TO:<bob@example.net>\r\n', b'DATA\r\n', letter.replace(b'\r\n.', b'\r\n..') + b'.\r\n', b'QUIT\r\n', greets=False)


def exchange(connection, *says, greets=True):
    """Each line after the whole answer to the one before, all of them good."""
    def answer():
        found = b''
        while not re.search(rb'(^|\n)\d{3} [^\n]*\n$', found):
            more = connection.recv(4096)
            must(more, f'the service went away after {found!r}')
            found += more
        must(found[:1] in b'23', f'refused: {found!r}')
    if greets:
        answer()
    for line in says:
        connection.sendall(line)
        answer()
    return connection


def peers():
    with tempfile.TemporaryDirectory() as folder:
        service = Service(pathlib.Path(folder), tls=True, users=True).start()
        context = ssl.create_default_context(cafile=str(service.certificate))
        context.check_hostname = False
        by_smtplib(service, context)
        by_thunderbird(service, context)
        attachment = os.urandom(20 << 20)
        by_programs(service, attachment)
        service.stop()
        wanted = ['curl', 'large', 'msmtp', 'smtplib international', 'smtplib many', 'smtplib one', 'swaks', 'swaks secure', 'thunderbird flowed', 'thunderbird rich']
        raw = service.messages()
        found = [email.message_from_bytes(bytes, policy=email.policy.default) for bytes in raw if len(bytes) < 1 << 20]
        subjects = sorted([one['Subject'] for one in found] + ['large'] * (len(raw) - len(found)))
        must(subjects == wanted, f'handed in: {wanted}; found: {subjects}')
        for one in found:
            must(not set(one.keys()) - {'From', 'To', 'Cc', 'Subject', 'Message-ID', 'MIME-Version', 'Content-Type', 'Content-Transfer-Encoding'}, f'a header tells: {one.keys()}')
        for bytes in raw:
            must(not any(word in bytes for word in (b'laptop', b'telling', b'TELLING', b'secret plan')), 'a letter tells what wrote it')
        flowed, rich = (next(one for one in found if one['Subject'] == f'thunderbird {kind}') for kind in ('flowed', 'rich'))
        must(flowed.get_content_type() == 'text/plain' and flowed.get_content().splitlines() == ['A paragraph that was wrapped while it was written and flows. éè', 'From space-stuffed', '> quoted', '-- ', 'Ann'],
             f'text that flows is not put together: {flowed.get_content()!r}')
        # Of what says the same twice the text is kept, as any program would have sent it, and the picture as an attachment.
        must([part.get_content_type() for part in rich.walk()] == ['multipart/mixed', 'text/plain', 'image/png'], f'parts are changed: {rich}')
        must(rich.get_body().get_content().strip() == '*bold* words' and list(rich.iter_attachments())[0].get_content() == base64.b64decode('iVBORw0KGgoAAAANSUhEUg=='), f'text or picture is changed: {rich}')
        whole = next(bytes for bytes in raw if len(bytes) > 1 << 20)
        must(base64.b64decode(whole[whole.rindex(b'\r\n\r\n'):whole.rindex(b'--=_')]) == attachment, 'the 20 MB are not whole')
        must('\n.\n' in next(one for one in found if one['Subject'] == 'smtplib one').get_content().replace('\r', ''), 'a dot is lost')
    with tempfile.TemporaryDirectory() as folder:
        service = Service(pathlib.Path(folder)).start()
        call(['smtp-source', '-s', '20', '-m', '400', '-l', '4096', '-f', 'ann@example.org', '-t', 'bob@example.net', f'inet:127.0.0.1:{service.port}'])
        call(['smtp-source', '-d', '-s', '5', '-m', '50', '-r', '20', '-f', 'ann@example.org', '-t', 'bob@example.net', f'inet:127.0.0.1:{service.port}'])
        told = service.stop()
        must(len(service.letters()) == 450, f'smtp-source handed 450 letters in, {len(service.letters())} are there')
    print(f'smtplib, curl, swaks, msmtp and what Thunderbird says: {len(wanted)} letters under TLS, one with 20 MB; smtp-source: {told}')


# Killed

def hand_in(service, names, acknowledged):
    """Each letter until it is answered or the service is gone."""
    try:
        client = smtplib.SMTP('127.0.0.1', service.port, timeout=PATIENCE)
        client.ehlo('me')
        for name in names:
            client.send_message(message(name, random.Random(name).randbytes(50_000) if name.endswith('7') else b''))
            acknowledged.append(name)
    except (OSError, smtplib.SMTPException):
        pass


def kill_round(service, number, known, unanswered, source):
    service.start()
    acknowledged, threads = [], []
    for client in range(6):
        names = [f'letter {number} {client} {i}' for i in range(40)]
        if client == 0:
            names = sorted(unanswered)[:20] + names
        threads.append(threading.Thread(target=hand_in, args=(service, names, acknowledged)))
        unanswered.update(names)
    for thread in threads:
        thread.start()
    time.sleep(source.uniform(0.02, 0.4))
    service.kill()
    for thread in threads:
        thread.join(PATIENCE)
    known.update(acknowledged)
    unanswered.difference_update(acknowledged)


def kills():
    soak = int(os.environ.get('DUSTCLOUD_ROUNDS', '1')) > 1
    rounds, source = int(os.environ.get('DUSTCLOUD_KILLS', '300' if soak else '12')), random.Random(int(os.environ.get('SEED', '1')))
    with tempfile.TemporaryDirectory() as folder:
        service, known, unanswered = Service(pathlib.Path(folder)), set(), set()
        for number in range(rounds):
            kill_round(service, number, known, unanswered, source)
            if number % 25 == 24 or number == rounds - 1:
                found = [subject for subject, _ in service.letters()]
                must(len(found) == len(set(found)), f'round {number}: letters are there twice')
                must(known <= set(found), f'round {number}: {len(known - set(found))} acknowledged letters are gone: {sorted(known - set(found))[:5]}')
                must(set(found) <= known | unanswered, f'round {number}: letters that nobody sent')
                # So that the thousandth round lists no more than the first.
                shutil.rmtree(pathlib.Path(folder) / 'room')
                print(f'killed {number + 1} times: {len(known)} acknowledged letters there, {len(set(found) - known)} more whose 250 was lost', flush=True)
                known.clear()
                unanswered.clear()


# Nonsense

class Raw:
    def __init__(self, port):
        self.socket = socket.create_connection(('127.0.0.1', port), timeout=PATIENCE)
        self.file = self.socket.makefile('rb')
        self.reply()

    def reply(self):
        while True:
            line = self.file.readline()
            if line[3:4] != b'-':
                return line[:3].decode()

    def say(self, text):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode())
        return self.reply()

    def ready(self):
        must([self.say('EHLO me\r\n'), self.say('MAIL FROM:<a@b.c>\r\n'), self.say('RCPT TO:<d@e.f>\r\n')] == ['250'] * 3, 'no transaction')
        return self

    def pour(self, chunk, count):
        """The reply that comes meanwhile or after."""
        try:
            for _ in range(count):
                self.socket.sendall(chunk)
        except OSError:
            pass
        return self.reply()


def hostile():
    with tempfile.TemporaryDirectory() as folder:
        service = Service(pathlib.Path(folder)).start()
        before = service.memory()
        crowd = [Raw(service.port) for _ in range(400)]
        for one in crowd[:200]:
            one.ready()
        endless = Raw(service.port).ready()
        must(endless.say('DATA\r\n') == '354', 'no 354')
        must(endless.pour(b'x' * (1 << 20), 300) == '552', 'a line without end was not refused')
        large = Raw(service.port).ready()
        must(large.say('DATA\r\n') == '354', 'no 354')
        must(large.pour((b'y' * 76 + b'\r\n') * 13_000, 300) == '552', 'a letter without end was not refused')
        must(Raw(service.port).pour(b'z' * 65536, 20) == '500', 'a command without end was not refused')
        must(Raw(service.port).pour(os.urandom(1 << 16).replace(b'\n', b''), 4) in ('500', '554'), 'garbage was not refused')
        for end in [b'\n.\n', b'\n.\r', b'\r.\n', b'\r.\r', b'\n.\r\n', b'\r.\r\n', b'\r\n.\n', b'\r\n.\r', b'\r\n.\r\r\n', b'\r\r\n.\r\r\n', b'\r\n\0.\r\n', b'\r\n.\0\r\n']:
            smuggler = Raw(service.port).ready()
            must(smuggler.say('DATA\r\n') == '354', 'no 354')
            must(smuggler.say(b'Subject: a\r\n\r\nx' + end + b'MAIL FROM:<evil@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\nSubject: smuggled\r\n\r\n.\r\n') == '554', f'{end!r} was not refused')
            must(smuggler.file.read() == b'', f'{end!r} was followed by more than its refusal')
        grown = service.memory() - before
        must(grown < 400 << 20, f'memory grew by {grown >> 20} MiB')
        crowd[0].socket.sendall(b'DATA\r\n')
        must(crowd[0].reply() == '354' and crowd[0].say('From: a@b.c\r\nSubject: after all\r\n\r\nhi\r\n.\r\n') == '250', 'the service does not go on')
        told = service.stop()
        must([subject for subject, _ in service.letters()] == ['after all'], 'something was kept that should not have been')
        print(f'memory grew by {grown >> 20} MiB with 400 sessions and 600 MB of nonsense; {told}')


# Measured

def postfix(folder):
    """A Postfix of its own that takes everything and throws it away once it has acknowledged it."""
    config, queue, data = folder / 'postfix', folder / 'queue', folder / 'data'
    for place in (config, queue, data):
        place.mkdir()
    shutil.chown(data, 'postfix')
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    master = pathlib.Path('/usr/share/postfix/master.cf.dist').read_text() if pathlib.Path('/usr/share/postfix/master.cf.dist').exists() else pathlib.Path('/etc/postfix/master.cf').read_text()
    lines = [line for line in master.splitlines() if not line.startswith('smtp      inet') and not re.match(r'(maildrop|uucp|ifmail|bsmtp|scalemail|mailman|postlog)', line) and not line.startswith('  ')]
    lines = [re.sub(r'^(\w+\s+\w+\s+\S+\s+\S+\s+)[y-](\s)', r'\1n\2', line) for line in lines]
    (config / 'master.cf').write_text(f'127.0.0.1:{port} inet n - n - 200 smtpd\npostlog unix-dgram n - n - 1 postlogd\n' + '\n'.join(lines) + '\n')
    (config / 'main.cf').write_text(
        f'compatibility_level = 3.6\nqueue_directory = {queue}\ndata_directory = {data}\nmyhostname = mail.test\ninet_interfaces = 127.0.0.1\nmynetworks = 127.0.0.0/8\n'
        f'default_process_limit = 200\nsmtpd_client_connection_count_limit = 0\nsmtpd_client_connection_rate_limit = 0\nmydestination =\nrelay_transport = discard\ndefault_transport = discard\n'
        f'smtpd_relay_restrictions = permit_mynetworks, reject\nmaillog_file = {folder}/maillog\nmaillog_file_prefixes = {folder}\nalias_maps =\nlocal_recipient_maps =\nsmtpd_peername_lookup = no\n')
    folder.chmod(0o755)
    call(['postfix', '-c', str(config), 'start'])
    return config, port


def rate(port, sessions, count):
    began = time.monotonic()
    call(['smtp-source', '-s', str(sessions), '-m', str(count), '-l', '4096', '-f', 'ann@example.org', '-t', 'bob@example.net', f'inet:127.0.0.1:{port}'])
    return count / (time.monotonic() - began)


def bench():
    disk = pathlib.Path(os.environ.get('BENCH_DISK', ROOT / '.build'))
    with tempfile.TemporaryDirectory(dir=disk) as folder:
        folder = pathlib.Path(folder)
        os.chmod(folder, 0o755)
        config, theirs = postfix(folder)
        try:
            print('letters of 4 KiB acknowledged per second, smtp-source; three runs each, taken in turn')
            print('sessions  ours  Postfix  ratio  syncs per letter')
            for sessions in (1, 10, 50, 100):
                count, ours, other = (1_000 if sessions == 1 else 2_000), [], []
                for _ in range(3):
                    service = Service(folder).start()
                    ours.append(rate(service.port, sessions, count))
                    letters, syncs = map(int, re.findall(r'\d+', service.stop()))
                    shutil.rmtree(folder / 'room')
                    other.append(rate(theirs, sessions, count))
                mine, other = sorted(ours)[1], sorted(other)[1]
                print(f'{sessions:8}  {mine:5.0f}  {other:6.0f}  {mine / other:5.2f}  {syncs / letters:6.3f}', flush=True)
        finally:
            subprocess.run(['postfix', '-c', str(config), 'stop'], timeout=PATIENCE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


SCENARIOS = {f.__name__: f for f in (peers, kills, hostile, bench)}

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('scenario', choices=SCENARIOS)
    interrupt_on_signals()
    try:
        SCENARIOS[parser.parse_args().scenario]()
    except Failure as failure:
        sys.exit(f'failed: {failure}')
