"""Mail servers that others wrote, unmodified, as letters' destination: Postfix, its smtp-sink with its misbehaviours, OpenSMTPD, aiosmtpd as a relay that asks for a
login."""
import os
import pwd
import subprocess
import time
from pathlib import Path

from network import ROOT, end, say, spawn, wait_for

LIMIT_SECONDS = 60
LARGE_BYTES = 20 << 20
SERVICES = '''{address} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
virtual unix - n n - - virtual
postlog unix-dgram n - n - 1 postlogd
'''


class Postfix:
    """A whole Postfix of its own that takes letters for bob@postfix.example, with TLS only."""

    def __init__(self, folder, address, certificate):
        self.folder, self.config = folder, folder / 'config'
        owner, nobody = pwd.getpwnam('postfix'), pwd.getpwnam('nobody')
        for name, uid in (('config', 0), ('queue', 0), ('data', owner.pw_uid), ('mail', nobody.pw_uid)):
            (folder / name).mkdir(parents=True)
            os.chown(folder / name, uid, -1)
        chain = folder / 'chain.pem'
        chain.write_text(Path(f'{certificate}.key').read_text() + Path(f'{certificate}.pem').read_text())
        self.log = folder / 'log'
        settings = {
            'compatibility_level': '3.7', 'queue_directory': folder / 'queue', 'data_directory': folder / 'data', 'command_directory': '/usr/sbin',
            'daemon_directory': '/usr/lib/postfix/sbin', 'mail_owner': 'postfix', 'setgid_group': 'postdrop', 'myhostname': 'mx.postfix.example', 'mydestination': '',
            'inet_protocols': 'ipv4', 'inet_interfaces': 'all', 'virtual_mailbox_domains': 'postfix.example', 'virtual_mailbox_base': folder / 'mail',
            'virtual_mailbox_maps': 'inline:{{bob@postfix.example=bob/}}', 'virtual_uid_maps': f'static:{nobody.pw_uid}', 'virtual_gid_maps': f'static:{nobody.pw_gid}',
            'virtual_minimum_uid': '1', 'smtpd_tls_security_level': 'encrypt', 'smtpd_tls_chain_files': chain, 'smtpd_tls_loglevel': '1', 'message_size_limit': '60000000',
            'virtual_mailbox_limit': '0', 'mailbox_size_limit': '0', 'smtpd_forbid_bare_newline': 'yes', 'smtpd_peername_lookup': 'no', 'maillog_file': self.log,
            'maillog_file_prefixes': folder, 'smtpd_recipient_restrictions': 'reject_unauth_destination', 'alias_maps': '', 'alias_database': '',
        }
        (self.config / 'main.cf').write_text(''.join(f'{key} = {value}\n' for key, value in settings.items()))
        (self.config / 'master.cf').write_text(SERVICES.format(address=address))
        self.run('start')

    def run(self, word):
        done = subprocess.run(['postfix', '-c', self.config, word], capture_output=True, text=True, timeout=60)
        if done.returncode:
            say(done.stderr, self.log.read_text() if self.log.exists() else '')
        return done.returncode == 0

    def letters(self):
        return [path.read_bytes() for path in (self.folder / 'mail/bob/new').glob('*')]


def sink(address, port, *options):
    user = ['-u', 'nobody'] if os.getuid() == 0 else []
    return spawn(['/usr/sbin/smtp-sink', *user, *options, f'{address}:{port}', '64'], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)


OPENSMTPD = ROOT / '.build/peers/opensmtpd'
# It insists on users of its own and on paths of the system's: it gets a view of the files in which those are there.
OPENSMTPD_START = r'''set -e
cp /etc/passwd passwd; cp /etc/group group
printf 'opensmtpd:x:9001:9001::/var/lib/opensmtpd/empty:/bin/false\nopensmtpq:x:9002:9002::/var/lib/opensmtpd/empty:/bin/false\nbob:x:9003:9003::/var/mail:/bin/false\n' >> passwd
printf 'opensmtpd:x:9001:\nopensmtpq:x:9002:\nbob:x:9003:\n' >> group
mkdir mail; chown 9003:9003 mail
mount --bind passwd /etc/passwd; mount --bind group /etc/group; mount --bind mail /var/mail
for folder in /usr/libexec /var/spool /var/lib /run; do mount -t tmpfs tmpfs $folder; done
cp -a "$0/usr/libexec/." /usr/libexec/
mkdir -p /var/lib/opensmtpd/empty /var/spool/smtpd; chmod 711 /var/spool/smtpd
exec "$0/usr/sbin/smtpd" -d -f smtpd.conf
'''
OPENSMTPD_SETTINGS = '''pki own cert "{certificate}.pem"
pki own key "{certificate}.key"
table people {{ "bob@opensmtpd.example" = "bob" }}
smtp max-message-size "60M"
listen on {address} port {port} tls pki own hostname mx.opensmtpd.example
action keep maildir "/var/mail/%{{user.username}}" virtual <people>
match from any for domain "opensmtpd.example" action keep
'''


def relay(world, name, certificate, port, folder, *options):
    """aiosmtpd with TLS and a login, in Debian's own Python."""
    folder.mkdir()
    address = world.address()
    world.names.add(name, 'A', address)
    script = Path(__file__).resolve().parent / 'relay.py'
    return spawn(['/usr/bin/python3', script, address, str(port), f'{certificate}.pem', f'{certificate}.key', folder, *options])


def check(world, arrived, expect, content):
    world.folder.chmod(0o711)
    processes, postfix = [], None
    try:
        if os.getuid() == 0:
            postfix = to_postfix(world, expect, content)
            if (OPENSMTPD / 'usr/sbin/smtpd').exists():
                processes += to_opensmtpd(world, expect, content)
            else:
                say('OpenSMTPD is not there (make peers): left out')
        else:
            say('Postfix and OpenSMTPD start only as root: left out')
        processes += to_sinks(world, expect)
        processes += to_relays(world, expect, content)
    finally:
        end(processes)
        if postfix:
            postfix.run('stop')


def to_postfix(world, expect, content):
    address, certificate = world.address(), world.certificates.issued('mx.postfix.example')
    world.names.add('postfix.example', 'MX', (5, 'mx.postfix.example'), signed=True)
    world.names.add('mx.postfix.example', 'A', address, signed=True)
    world.names.add(f'_{world.mail}._tcp.mx.postfix.example', 'TLSA', world.certificates.association(certificate), signed=True)
    postfix = Postfix(world.folder / 'postfix', f'{address}:{world.mail}', certificate)
    driver = world.start('to-postfix', routes='direct', retry=2, patience=30)
    small = driver.bring('bob@postfix.example')
    body = ''.join(f'.{"x" * 74}\r\n' for _ in range(LARGE_BYTES // 77))
    began = time.monotonic()
    large = driver.bring('bob@postfix.example', text=content('large', body))
    driver.taken(large)
    unknown = driver.bring('carol@postfix.example', returning='dd')
    driver.taken(unknown)
    letters = wait_for('both letters', LIMIT_SECONDS, lambda: len(found := postfix.letters()) == 2 and found)
    took = time.monotonic() - began
    for number, text in ((small, content(small)), ('large', content('large', body))):
        whole = [letter for letter in letters if letter.endswith(text.replace(b'\r\n', b'\n'))]
        expect(f'letter {number} is in the mailbox, intact', len(whole) == 1 and b'\nReceived: by out.example id ' in whole[0], letters[0][:2000])
    report = driver.report('dd')
    expect('who is not there', 'Status: 5.1.1\r\n' in report, report)
    log = postfix.log.read_text()
    expect('over TLS', log.count('TLS connection established') >= 3, log[-2000:])
    wait_for('nothing waits any more', LIMIT_SECONDS, driver.is_empty)
    driver.close()
    say(f'Postfix: 2 letters, one of {LARGE_BYTES >> 20} MiB with a dot before each line, over TLS checked by DANE, intact in its mailbox after {took:.1f} s; 550 for another became a report')
    return postfix


def to_opensmtpd(world, expect, content):
    folder, address = world.folder / 'opensmtpd', world.address()
    folder.mkdir(mode=0o711)
    certificate = world.certificates.own('mx.opensmtpd.example')
    Path(f'{certificate}.key').chmod(0o600)
    world.names.add('opensmtpd.example', 'MX', (5, 'mx.opensmtpd.example'))
    world.names.add('mx.opensmtpd.example', 'A', address)
    (folder / 'smtpd.conf').write_text(OPENSMTPD_SETTINGS.format(certificate=certificate, address=address, port=world.mail))
    (folder / 'smtpd.conf').chmod(0o600)
    log = open(folder / 'log', 'wb')
    process = spawn(['unshare', '--mount', 'bash', '-c', OPENSMTPD_START, OPENSMTPD], cwd=folder, stdout=log, stderr=log)
    wait_for('OpenSMTPD listens', LIMIT_SECONDS, lambda: world.listens(address, world.mail))
    driver = world.start('to-opensmtpd', routes='direct', retry=2, patience=30)
    body = ''.join(f'.{"y" * 70}\r\n' for _ in range(30_000))
    numbers = [driver.bring('bob@opensmtpd.example'), driver.bring('bob@opensmtpd.example', text=content('wide', body)), driver.bring('carol@opensmtpd.example', returning='dd')]
    for number in numbers:
        driver.taken(number)
    letters = wait_for('both letters', LIMIT_SECONDS, lambda: len(found := [path.read_bytes() for path in (folder / 'mail').glob('bob/new/*')]) == 2 and found)
    for text in (content(numbers[0]), content('wide', body)):
        expect('the letter is in the mailbox, intact', sum(letter.endswith(text.replace(b'\r\n', b'\n')) for letter in letters) == 1, letters[0][:2000])
    report = driver.report('dd')
    expect('who is not there', 'Action: failed' in report and 'Status: 5.' in report, report)
    wait_for('nothing waits any more', LIMIT_SECONDS, driver.is_empty)
    driver.close()
    secured = 'tls' in (folder / 'log').read_text().replace('smtpd.conf', '').split('smtp connected', 1)[1]
    say(f'OpenSMTPD: 2 letters, one of 2 MB, intact in its mailbox{", over TLS" if secured else "; its own TLS is broken (Debian 12), so in the clear after STARTTLS failed"}')
    return [process]


def to_sinks(world, expect):
    """One after the other of a domain's servers misbehaves in a way of its own; the last one, which knows no EHLO, takes the letter."""
    folder = world.folder / 'sink'
    folder.mkdir()
    folder.chmod(0o777)
    ways = (('-q', 'data'), ('-Q', 'mail'), ('-r', 'rcpt'), ('-q', 'ehlo'), ('-Q', 'connect'), ('-e', '-p', '-D', f'{folder}/letter.'))
    processes = []
    for at, words in enumerate(ways):
        address = world.address()
        world.names.add(f'mx{at}.sink.example', 'A', address)
        processes.append(sink(address, world.mail, *words))
    world.names.add('sink.example', 'MX', *((at, f'mx{at}.sink.example') for at in range(len(ways))))
    hard = world.address()
    processes.append(sink(hard, world.mail, '-f', 'rcpt'))
    world.names.add('hard.example', 'A', hard)
    time.sleep(0.5)
    driver = world.start('to-sinks', routes='direct', retry=2, patience=40)
    number = driver.bring('bob@sink.example')
    driver.taken(number)
    driver.bring('bob@hard.example', returning='ee')
    letters = wait_for('the last sink has the letter', LIMIT_SECONDS, lambda: list(folder.glob('letter.*')))
    expect('refused for ever', 'Action: failed' in driver.report('ee'))
    wait_for('nothing waits any more', LIMIT_SECONDS, driver.is_empty)
    expect('once', len(list(folder.glob('letter.*'))) == 1 and f'<letter-{number}@example>' in letters[0].read_text(), letters)
    driver.close()
    say(f'smtp-sink: past {len(ways) - 1} that hang up, answer 421 or 4xx, a letter reached the one that knows no EHLO, once')
    return processes


def to_relays(world, expect, content):
    port, folder = world.ports.take(), world.folder / 'relay'
    processes = [relay(world, 'relay.example', world.certificates.issued('relay.example'), port, folder)]
    processes.append(relay(world, 'false.example', world.certificates.own('false.example'), port, world.folder / 'false'))
    wait_for('both relays listen', LIMIT_SECONDS, lambda: all((world.folder / name / 'ready').exists() for name in ('relay', 'false')))
    driver = world.start('to-relay', routes='relay', relay=f'relay.example:{port}', login='me:secret', retry=2, patience=30)
    number = driver.bring('bob@anywhere.example,carol@elsewhere.example')
    driver.taken(number)
    letters = wait_for('the relay has the letter for both', LIMIT_SECONDS, lambda: len(found := list(folder.glob('letter*'))) == 2 and found)
    expect('intact', all(path.read_bytes().endswith(content(number)) for path in letters))
    wait_for('nothing waits any more', LIMIT_SECONDS, driver.is_empty)
    driver.close()
    processes.append(relay(world, 'implicit.example', world.certificates.issued('implicit.example'), port, world.folder / 'implicit', 'implicit'))
    wait_for('the relay with TLS from the start listens', LIMIT_SECONDS, lambda: (world.folder / 'implicit/ready').exists())
    driver = world.start('to-implicit', routes='relay', relay=f'implicit.example:{port}', implicit=1, login='me:secret', retry=2, patience=30)
    number = driver.bring('bob@anywhere.example')
    driver.taken(number)
    path = wait_for('the relay has the letter', LIMIT_SECONDS, lambda: list((world.folder / 'implicit').glob('letter*')))[0]
    expect('intact, after a login', path.read_bytes().endswith(content(number)) and (world.folder / 'implicit/login').exists())
    wait_for('nothing waits any more', LIMIT_SECONDS, driver.is_empty)
    driver.close()
    for name, relay_name, login in (('an impostor', 'false.example', 'me:secret'), ('a wrong password', 'relay.example', 'me:wrong')):
        driver = world.start(name.replace(' ', '-'), routes='relay', relay=f'{relay_name}:{port}', login=login, retry=1, patience=3)
        driver.bring('bob@anywhere.example', returning='ff')
        expect(name, 'Status: 5.4.7' in driver.report('ff'))
        driver.close()
    expect('the impostor heard no password', not (world.folder / 'false/login').exists() and (folder / 'login').exists())
    say('aiosmtpd as a relay: by STARTTLS and with TLS from the start, certificate checked, login, one letter for two; an impostor was told no password')
    return processes
