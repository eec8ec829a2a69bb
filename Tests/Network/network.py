"""A throw-away Tor network on loopback, mixing stock tor and our mote.

The story of a run: a Network takes a block of ports and a folder, each Node gets a torrc from its role and kind, authorities and
relays start, the consensus is awaited until it lists every relay, then clients start and are awaited until they say 100%.
Leaving the `with` block ends every child by its pid, whatever happened inside. Every wait has a limit and a name.
"""
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zlib
from pathlib import Path

from control import Control

ROOT = Path(__file__).resolve().parents[2]
VOTING_SECONDS = 10          # one authority alone needs no more than 2 s for each half of the vote
INITIAL_VOTING_SECONDS = 5   # the shortest that stock tor accepts
CONSENSUS_LIMIT_SECONDS = 90
BOOTSTRAP_LIMIT_SECONDS = 60
LISTED = frozenset(('Running', 'Valid'))
# What every relay has once it has been up for a second by its own word. A stock client that comes earlier finds too few guards, and after
# five circuits that could not be built for want of them it tries no more for a long while.
GROWN = LISTED | {'Fast', 'Stable', 'Guard', 'V2Dir'}
SETTLE_SECONDS = 1           # stock compresses a new consensus in the background and serves the last one to clients until then
STOP_LIMIT_SECONDS = 30
ANSWER_LIMIT_SECONDS = 60    # of a program or port that answers at once unless the machine is busy
# A limit is what a machine needs that does little else. One that is slow, or busy with other networks, has so many times as long: whatever
# holds does not wait for it.
PATIENCE = 4
# Below the kernel's own range, so no outgoing connection takes one, and below the range that `dustcloud` draws from, which other tests start.
PORTS_PER_BLOCK, FIRST_PORT, LAST_PORT = 64, 10240, 19904


class Failure(Exception):
    """Something that had to hold did not."""


def say(*words):
    print(*words, flush=True)


def program(kind):
    """The path of `tor` or `mote`; ours is $MOTE or the release build."""
    if kind == 'tor':
        path = shutil.which('tor')
        if not path:
            raise Failure('stock tor is not installed; `make deps` installs it')
        return path
    path = Path(os.environ.get('MOTE', ROOT / '.build/release/mote'))
    if not path.exists():
        raise Failure(f'{path} does not exist; `make build` builds it')
    return str(path)


def stock_with_links_to_4(folder):
    """A copy of the stock program that speaks link protocols 3 and 4 only. No option asks for that, thus the two places that know of 5 are changed."""
    path, text = Path(folder) / 'tor-link4', Path(program('tor')).read_bytes()
    places = (rb'(?<!\x02\0)(\x03\0\x04\0)\x05(?=\0(?!\x06\0))', b'\\g<1>\x04'), (rb'(\x83\xef\x03[^\xc3]{9,20}\x66\x83\xff)\x02(?=\x0f\x96)', b'\\g<1>\x01')
    for pattern, changed in places:   # what VERSIONS says; what is understood of the peer's
        text, count = re.subn(pattern, changed, text)
        if count != 1:
            raise Failure(f'stock tor knows its link protocols at {count} places of this kind')
    path.write_bytes(text)
    path.chmod(0o700)
    return str(path)


def wait_for(what, seconds, probe, pause=0.2):
    """The first truthy answer of `probe`; a Failure naming `what` when PATIENCE times `seconds` have passed without one."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise Failure(f'{what}: not within {seconds * PATIENCE} s')
        time.sleep(pause)


def interrupt_on_signals():
    """Makes SIGTERM unwind the stack as Ctrl-C does, so that children are ended.

    Signals that whoever started us had blocked would stay blocked, for us and for our children, so the mask is cleared.
    """
    def unwind(number, _):
        raise KeyboardInterrupt(f'signal {number}')
    signal.signal(signal.SIGTERM, unwind)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def spawn(command, **options):
    """Starts a child that the kernel kills if this process dies without ending it. Call from the main thread only."""
    return subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', *command], **options)


def end(processes):
    """Asks every process to end, then makes sure that it has."""
    alive = [p for p in processes if p.poll() is None]
    for p in alive:
        p.terminate()
    deadline = time.monotonic() + STOP_LIMIT_SECONDS
    for p in alive:
        try:
            p.wait(max(0.05, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait(STOP_LIMIT_SECONDS)


def is_running(pid):
    """Whether a process still does anything: one that has ended and that its new parent does not collect, does not."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0] not in 'ZX'
    except (FileNotFoundError, ProcessLookupError):
        return False


class Ports:
    """A block of loopback ports that no other network on this machine uses, held by a file lock."""

    def __init__(self):
        folder = Path(tempfile.gettempdir()) / f'dustcloud-ports-{os.getuid()}'
        folder.mkdir(exist_ok=True)
        for first in range(FIRST_PORT, LAST_PORT, PORTS_PER_BLOCK):
            self.lock = open(folder / str(first), 'w')
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self.lock.close()
                continue
            self.left = iter(range(first, first + PORTS_PER_BLOCK))
            return
        raise Failure('no free block of ports')

    def take(self):
        for port in self.left:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(('127.0.0.1', port))
                    return port
                except OSError:
                    continue
        raise Failure('the block of ports is used up')

    def close(self):
        self.lock.close()


class Node:
    """One tor or mote process with its own data directory."""

    def __init__(self, network, name, role, kind, extra=()):
        self.network, self.name, self.role, self.kind, self.extra = network, name, role, kind, list(extra)
        self.folder = network.folder / name
        (self.folder / 'keys').mkdir(parents=True, mode=0o700)
        self.folder.chmod(0o700)
        self.address = '127.0.0.1'
        self.or_port, self.dir_port, self.control_port, self.socks_port = (network.ports.take() for _ in range(4))
        self.ipv6_lines, self.is_silent = None, False
        self.process, self.started, self.wrapper, self.program = None, None, [], program(kind)

    def speak_ipv6(self, only=False):
        """Gives the node an ORPort on ::1 too, or only there although it tells others both."""
        self.ipv6_lines, self.is_silent = [f'ORPort [::1]:{self.or_port}', 'Address [::1]'], only

    def _or_lines(self):
        return (self.ipv6_lines or ['AddressDisableIPv6 1']) + [f'ORPort {self.address}:{self.or_port}' + (' NoListen' if self.is_silent else '')]

    def torrc(self):
        lines = ['TestingTorNetwork 1', f'DataDirectory {self.folder}', f'Nickname {self.name}', f'Address {self.address}',
                 'PathsNeededToBuildCircuits 0.67', 'ShutdownWaitLength 0', f'Log notice file {self.folder}/log']
        lines += [f'ControlPort 127.0.0.1:{self.control_port}', 'CookieAuthentication 1']
        if self.kind == 'tor':
            lines += ['ProtocolWarnings 1', 'SafeLogging 0']
        lines += getattr(self, f'_{self.role}_lines')()
        return lines + self.extra + self.network.authority_lines

    def _relaying_lines(self):
        # Whatever the machine has, circuits of ours cross from loop to loop.
        return ['SocksPort 0', *self._or_lines(), 'AssumeReachable 1', 'VanguardsLiteEnabled 0' if self.kind == 'tor' else 'NumCPUs 2']

    def _authority_lines(self):
        half = VOTING_SECONDS // 5
        return self._relaying_lines() + [
            f'DirPort 127.0.0.1:{self.dir_port}', 'AuthoritativeDirectory 1', 'V3AuthoritativeDirectory 1', 'ContactInfo authority@test.test', 'ExitRelay 0',
            f'TestingV3AuthInitialVotingInterval {INITIAL_VOTING_SECONDS}', 'TestingV3AuthInitialVoteDelay 2', 'TestingV3AuthInitialDistDelay 2',
            f'V3AuthVotingInterval {VOTING_SECONDS}', f'V3AuthVoteDelay {half}', f'V3AuthDistDelay {half}', 'V3AuthNIntervalsValid 3',
            'TestingDirAuthVoteExit *', 'TestingDirAuthVoteGuard *', 'TestingDirAuthVoteHSDir *', 'TestingMinExitFlagThreshold 0',
            # Every relay is Fast and Stable, however young and idle: a client only takes such a relay as guard.
            'AuthDirFastGuarantee 1 bytes', 'AuthDirVoteStableGuaranteeMinUptime 1 second']

    def _relay_lines(self):
        return self._relaying_lines() + ['ExitRelay 0', 'ExitPolicy reject *:*']

    def _bridge_lines(self):
        return self._relaying_lines() + ['ExitRelay 0']

    def _exit_lines(self):
        return self._relaying_lines() + ['ExitRelay 1', 'ExitPolicyRejectPrivate 0', 'ExitPolicy accept *:*', 'ServerDNSDetectHijacking 0',
                                         f'ServerDNSResolvConfFile {self.network.resolv_conf}']

    def _client_lines(self):
        return ['AddressDisableIPv6 1', f'SocksPort 127.0.0.1:{self.socks_port}']

    def start(self):
        (self.folder / 'torrc').write_text('\n'.join(self.torrc()) + '\n')
        self.started = time.monotonic()
        with open(self.folder / 'stdout', 'a') as output:
            self.process = spawn([*self.wrapper, self.program, '-f', str(self.folder / 'torrc')], stdout=output, stderr=subprocess.STDOUT)
        return self

    def stop(self):
        end([self.process])
        return self.process.returncode

    @property
    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    @property
    def log(self):
        return ''.join(f.read_text(errors='replace') for f in (self.folder / 'stdout', self.folder / 'log') if f.exists())

    @property
    def fingerprint(self):
        """The RSA identity as 40 hexadecimal digits, from the file that stock keeps it in."""
        return (self.folder / 'fingerprint').read_text().split()[1]

    def status(self, key, default=0):
        """What our node's status file says, which is replaced every few seconds."""
        try:
            return json.loads((self.folder / 'mote-status').read_text()).get(key, default)
        except (OSError, ValueError):
            return default

    def cpu_seconds(self):
        fields = Path(f'/proc/{self.process.pid}/stat').read_text().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def resident_mib(self):
        status = Path(f'/proc/{self.process.pid}/status').read_text()
        return int(re.search(r'VmRSS:\s+(\d+)', status)[1]) / 1024

    def make_authority(self):
        """Makes the authority's keys as an operator does and returns its DirAuthority line."""
        keys = self.folder / 'keys'
        subprocess.run(['tor-gencert', '--create-identity-key', '-m', '12', '-a', f'127.0.0.1:{self.dir_port}', '--passphrase-fd', '0'],
                       input='x\n', text=True, cwd=keys, check=True, capture_output=True, timeout=PATIENCE * ANSWER_LIMIT_SECONDS)
        identity = re.search(r'^fingerprint (\S+)', (keys / 'authority_certificate').read_text(), re.M)[1]
        listing = subprocess.run([program(self.kind), '--list-fingerprint', '--ORPort', '1', '--DirAuthority', 'x 127.0.0.1:1 ' + 'f' * 40,
                                  '--DataDirectory', str(self.folder), '--Nickname', self.name, '--quiet'], text=True, capture_output=True, timeout=ANSWER_LIMIT_SECONDS)
        if listing.returncode or not listing.stdout.strip():
            raise Failure(f'{self.kind} --list-fingerprint: exit {listing.returncode} {listing.stdout} {listing.stderr}')
        fingerprint = ''.join(listing.stdout.split()[1:])
        return f'DirAuthority {self.name} orport={self.or_port} no-v2 v3ident={identity} 127.0.0.1:{self.dir_port} {fingerprint}'


class Network:
    """Nodes of one private network; use as a context manager."""

    def __init__(self, authorities=('tor',), relays=('tor', 'tor', 'tor'), exits=('tor',), resolv_conf='/etc/resolv.conf'):
        self.folder = Path(tempfile.mkdtemp(prefix='dustcloud-net-'))
        self.ports, self.nodes, self.authority_lines, self.resolv_conf = Ports(), [], [], resolv_conf
        for kind in authorities:
            self.add('authority', kind)
        for kind in relays:
            self.add('relay', kind)
        for kind in exits:
            self.add('exit', kind)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        end([n.process for n in self.nodes if n.process])
        if error is not None:
            self.report()
        self.ports.close()
        if os.environ.get('DUSTCLOUD_KEEP'):
            say('kept:', self.folder)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def report(self):
        """What the nodes said last, for whoever reads a failure: more of ours than of stock."""
        for node in self.nodes:
            if node.process is None:
                continue
            say(f'--- {node.name} ({node.kind}), exit status {node.process.returncode}')
            for line in node.log.splitlines()[-30 if node.kind == 'mote' else -6:]:
                say('    ' + line[:240])

    def add(self, role, kind, extra=()):
        node = Node(self, f'{role}{sum(n.role == role for n in self.nodes)}', role, kind, extra)
        self.nodes.append(node)
        if role == 'authority':
            self.authority_lines.append(node.make_authority())
        return node

    def __getitem__(self, name):
        return next(n for n in self.nodes if n.name == name)

    def of(self, *roles):
        return [n for n in self.nodes if n.role in roles]

    def start(self):
        """Starts every node that is no client and waits until the consensus lists all of them."""
        began = time.monotonic()
        for node in self.of('authority', 'relay', 'exit'):
            node.start()
        # Of authorities only stock ones take the options that make young relays Fast and Stable.
        flags = GROWN if all(n.kind == 'tor' for n in self.of('authority')) else LISTED
        self.wait_listed({n.name for n in self.of('relay', 'exit')}, flags)
        say(f'consensus lists {len(self.of("relay", "exit"))} relays after {time.monotonic() - began:.1f} s')
        self.wait_known()
        return self

    def add_client(self, kind, path=None, extra=(), program=None):
        """Starts a client, if asked with its path pinned to three named relays, and waits until it has bootstrapped."""
        lines = list(extra)
        if path:
            guard, middle, last = (self[name].fingerprint for name in path)
            lines += [f'EntryNodes {guard}', f'MiddleNodes {middle}', f'ExitNodes {last}', 'StrictNodes 1', 'NumEntryGuards 1']
        if kind == 'tor':
            lines += ['ConfluxEnabled 0', 'VanguardsLiteEnabled 0']
        client = self.add('client', kind, lines)
        client.program = program or client.program
        client.start()
        self.wait_bootstrapped(client)
        return client

    def wait_bootstrapped(self, client):
        began = client.started
        wait_for(f'{client.name} ({client.kind}) bootstraps', BOOTSTRAP_LIMIT_SECONDS,
                 lambda: self.check_alive() and 'Bootstrapped 100%' in client.log)
        say(f'{client.name} ({client.kind}) bootstrapped in {time.monotonic() - began:.1f} s')

    def check_alive(self, *, but=()):
        dead = [n for n in self.nodes if n.process is not None and n.process.poll() is not None and n.name not in but]
        if dead:
            raise Failure('died: ' + ', '.join(f'{n.name} ({n.kind}) with {n.process.returncode}' for n in dead))
        return True

    def document(self, path, authority='authority0'):
        """A directory document's text by plain HTTP from an authority's DirPort; None while it has none."""
        try:
            with urllib.request.urlopen(f'http://127.0.0.1:{self[authority].dir_port}{path}', timeout=ANSWER_LIMIT_SECONDS) as answer:
                body = answer.read()
        except (urllib.error.URLError, OSError):
            return None
        return (zlib.decompress(body) if body[:2] in (b'\x78\x9c', b'\x78\xda', b'\x78\x01') else body).decode(errors='replace')

    def consensus(self, flavour=''):
        return self.document('/tor/status-vote/current/consensus' + flavour) or ''

    def flags(self, flavour=''):
        """Flags by nickname in the current consensus."""
        return {m[1]: m[2].split() for m in re.finditer(r'^r (\S+) .*\n(?:[a-z].*\n)*?s(.*)$', self.consensus(flavour), re.M)}

    def wait_listed(self, names, flags=LISTED, seconds=CONSENSUS_LIMIT_SECONDS):
        missing = lambda: sorted(names - {n for n, f in self.flags('-microdesc').items() if flags.issubset(f)})
        try:
            wait_for('consensus', seconds, lambda: self.check_alive() and not missing(), pause=0.4)
        except Failure as failure:
            raise Failure(f'{failure}; not listed: {" ".join(missing())}') from None
        time.sleep(SETTLE_SECONDS)

    def wait_known(self):
        """Waits until every relay goes by a consensus with all relays: an exit closes streams from relays it does not know."""
        names = {node.name for node in self.of('relay', 'exit')}
        for node in self.nodes:
            if node.role != 'client':
                with Control(node) as control:
                    wait_for(f'{node.name} knows all relays', CONSENSUS_LIMIT_SECONDS, lambda: self.check_alive() and names <= control.nicknames())

    def check_warnings(self):
        """Fails if a stock node logged a warning that an all-stock network does not log."""
        found = []
        for node in self.nodes:
            lines = re.sub(USUAL_RUNS, '', node.log).splitlines() if node.kind == 'tor' else []
            found += [f'{node.name}: {l[:240]}' for l in lines if ('[warn]' in l or '[err]' in l) and not USUAL_WARNINGS.search(l)]
        if found:
            raise Failure(f'{len(found)} warnings on stock nodes:\n  ' + '\n  '.join(found[:8]))
        say('no protocol warning on a stock node')


# What stock tor says in a small private network of its own kind, with no mote near.
USUAL_WARNINGS = re.compile('|'.join((
    'TestingTorNetwork', 'DirAuthority or Alter', 'sensitive information', 'as root', 'Fixing permissions', 'ContactInfo', 'only an IP address',
    'Interval is very low', 'We just marked ourself as down', 'http status code 404 .* while fetching consensus directory', 'Failed to choose an exit server', 'No available nodes when trying to choose node',
    'approved-routers', 'sr-state',
)))
USUAL_RUNS = '|'.join((
    # With few relays a stock relay's own circuits now and then turn back, which the hop before refuses in two lines.
    r'.*Client asked me to extend back to the previous hop\.\n(?:.*connection_edge_process_relay_cell \(away from origin\) failed\.\n)?',
    # Tor 0.4.9 looks its AES ciphers up when it needs the first, without a lock: a busy machine's worker thread can find some of them missing.
    r'.*Unhandled OpenSSL errors found at \S+buffers_tls\.c:\d+: *\n(?:.*TLS error: no cipher set \(in digital envelope routines\b.*\n)+',
))
