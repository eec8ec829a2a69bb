#!/usr/bin/env python3
"""A cloud of four virtual machines, from the first command to the last trace.

`dustcloud up --provider vm` brings up an authority, a client and four motes, each a machine of its own in the yard. Plain curl carries 20 MB each
way through three of them. The coordinator is killed with -9 and started again, and takes all machines over. Every mote is replaced, twice, and
requests succeed on each generation. After `down` there is no process, no namespace, no port, no file and no row of it left. Exit 0 only if all of it held.
"""
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / folder) for folder in ('Network', 'Demo')]
from cloud import Cloud
from content import Fetch, Web, download, upload
from network import Failure, Ports, end, interrupt_on_signals, is_running, say, wait_for

MOTES, BIG_BYTES, SHORT_BYTES, GENERATIONS, REQUESTS = 4, 20_000_000, 20_000, 2, 3
READY_SECONDS, REPLACE_SECONDS, SHORT_SECONDS = 150, 150, 60
# Software emulation on a host that does much else: seen to take 90 s with a load of 14 on two processors, and more than 240 s with one of 25.
BIG_SECONDS = 1200
VOTING_SECONDS = 10
IMAGE = os.environ.get('IMAGE')
# Where authority and client are in the yard, and its gateway, behind which this machine's loopback is.
BRIDGE, GATEWAY = '10.77.0.1', '10.77.0.2'


class Machines:
    """What this machine has of a cloud, by looking at all processes."""

    def __init__(self, state):
        self.state = str(state)

    def pids(self):
        """By what each process is: a machine, the yard's holder, its uplink, a node."""
        found = {}
        for entry in Path('/proc').iterdir():
            if entry.name.isdigit() and (kind := self.kind(entry)):
                found.setdefault(kind, []).append(int(entry.name))
        return found

    def kind(self, entry):
        try:
            words = (entry / 'cmdline').read_bytes().decode(errors='replace').split('\0')
        except OSError:
            return None
        if words[0].split(':')[0] in ('mote-vm', 'dustcloud-yard', 'dustcloud-uplink') and words[0].split(':', 1)[1].startswith(f'{self.state}/'):
            return words[0].split(':')[0]
        return 'node' if words[0] == 'mote' and words[-2].startswith(f'{self.state}/') else None

    def network(self):
        """The namespace that the yard is."""
        return os.readlink(f'/proc/{self.pids()["dustcloud-yard"][0]}/ns/net')

    @staticmethod
    def inhabitants(network):
        found = []
        for entry in Path('/proc').iterdir():
            try:
                if entry.name.isdigit() and os.readlink(entry / 'ns/net') == network and is_running(entry.name):
                    found.append(int(entry.name))
            except OSError:
                pass
        return found


class Starts:
    """How long machines take from QEMU's start until they say that they have relayed something: by the clock, and of the processor's time."""

    def __init__(self, cloud, machines):
        self.cloud, self.machines, self.seconds = cloud, machines, {}

    def look(self):
        for pid in self.machines.pids().get('mote-vm', []):
            if pid not in self.seconds and self.has_relayed(pid):
                fields = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
                tick = os.sysconf('SC_CLK_TCK')
                self.seconds[pid] = time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / tick, (int(fields[11]) + int(fields[12])) / tick

    def has_relayed(self, pid):
        for status in (self.cloud.state / 'motes').glob('*/data/mote-status'):
            try:
                told = json.loads(status.read_text())
            except (OSError, ValueError):
                continue
            if told['pid'] == pid:
                return told['bytesWritten'] > 0
        return False

    def __str__(self):
        clock, processor = sorted(s for s, _ in self.seconds.values()), sorted(s for _, s in self.seconds.values())
        if not clock:
            return 'no machine was seen to start'
        return (f'{len(clock)} machines from start to first relayed byte: {clock[0]:.1f} to {clock[-1]:.1f} s, median {clock[len(clock) // 2]:.1f} s; '
                f'of processor time {processor[0]:.1f} to {processor[-1]:.1f} s')


class Story:
    def __init__(self):
        self.began = time.monotonic()
        self.folder = Path(tempfile.mkdtemp(prefix='dustcloud-vms-'))
        self.ports, self.web = Ports(), Web()
        self.socks = self.ports.take()
        self.cloud = Cloud(self.folder / 'state', self.clock)
        self.machines = Machines(self.folder / 'state')
        self.starts = Starts(self.cloud, self.machines)

    def clock(self):
        return f'{time.monotonic() - self.began:6.1f} s'

    def tell(self, *words):
        say(self.clock(), *words)

    def run(self):
        self.bring_up()
        self.carry()
        self.kill_coordinator()
        for generation in range(1, GENERATIONS + 1):
            self.replace(generation)
        self.take_down()

    def bring_up(self):
        self.up('--motes', str(MOTES), '--ttl', '30m', '--policy', str(self.policy()), '--voting-interval', str(VOTING_SECONDS), '--stream-life', '5s',
                '--allow-private-exits', '--socks', f'127.0.0.1:{self.socks}')
        wait_for('the cloud is up', READY_SECONDS, self.is_up, pause=0.5)
        self.tell(f'an authority, a client and {MOTES} machines are up')

    def up(self, *arguments):
        self.cloud.up('--provider', 'vm', *(['--image', IMAGE] if IMAGE else []), *arguments)

    def policy(self):
        """Everybody may be replaced at once, and a machine may take as long to start as a busy host needs."""
        path = self.folder / 'policy.json'
        path.write_text(f'''{{"name": "vms", "why": "Four machines that are replaced on demand, on a host that may be busy.",
            "normal": {{"motes": {MOTES}, "lifetimeSeconds": 1800}}, "longLived": {{"motes": 0, "lifetimeSeconds": 14400}}, "jitterShare": 0.25, "drainShare": 0.02,
            "drainLimitSeconds": 10, "disruptionShare": 1, "startsPerMinute": 60, "motesLimit": 64, "startLimitSeconds": 300, "votesToList": 3, "attemptsLimit": 3}}''')
        return path

    def is_up(self):
        if self.cloud.coordinator.poll() is not None:
            raise Failure(f'dustcloud up ended with {self.cloud.coordinator.returncode}')
        if not (self.cloud.state / 'state.sqlite').exists():
            return False
        self.starts.look()
        status = self.cloud.status()
        return len(self.listed(status.get('motes', []))) >= MOTES and status['client']['bootstrapped'] >= 100

    @staticmethod
    def listed(motes):
        return {mote['key'] for mote in motes if mote['state'] == 'listed'}

    def carry(self):
        down = download(self.web, self.socks, BIG_BYTES, host=GATEWAY, limit=BIG_SECONDS)
        up = upload(self.web, self.socks, BIG_BYTES, host=GATEWAY, limit=BIG_SECONDS)
        self.refuse_insiders()
        self.tell(f'20 MB down in {down:.1f} s and up in {up:.1f} s, digests equal')

    def refuse_insiders(self):
        """The client's port is for this machine, not for whoever is in the yard, where motes are."""
        holder = self.machines.pids()['dustcloud-yard'][0]
        inside = subprocess.run(
            ['nsenter', '--target', str(holder), '--user', '--preserve-credentials', '--net', 'curl', '-sS', '-m', '60', '--socks5-hostname',
             f'{BRIDGE}:9150', f'http://{GATEWAY}:{self.web.port}/{SHORT_BYTES}'], capture_output=True)
        if inside.returncode == 0:
            raise Failure('whoever is in the yard can use the client')

    def kill_coordinator(self):
        before = self.machines.pids()
        self.cloud.kill_coordinator()
        self.request('while no coordinator runs')
        self.up()
        wait_for('the coordinator is back', 20, lambda: self.cloud.status().get('coordinatorPid'), pause=0.2)
        wait_for('the coordinator knows all motes', 20, lambda: len(self.listed(self.cloud.status()['motes'])) >= MOTES)
        if self.machines.pids() != before:
            raise Failure(f'killed with -9 and restarted, the coordinator has {self.machines.pids()} instead of {before}')
        self.tell(f'the coordinator, killed with -9, took over {len(before["mote-vm"])} machines and the yard: none lost, none twice')

    def replace(self, generation):
        old = set(mote['key'] for mote in self.cloud.status()['motes'])
        for key in sorted(old):
            self.cloud.ask('mote', 'drain', key)
        wait_for(f'generation {generation} is replaced', REPLACE_SECONDS, lambda: self.starts.look() or self.is_replaced(old), pause=0.5)
        for number in range(REQUESTS):
            self.request(f'after generation {generation}', f'generation{generation}-{number}')
        self.tell(f'generation {generation}: {len(old)} motes replaced; {REQUESTS} requests, each on a circuit of its own, none failed')

    def is_replaced(self, old):
        motes = self.cloud.status()['motes']
        return not old & {mote['key'] for mote in motes} and len(self.listed(motes)) >= MOTES

    def request(self, when, user='short'):
        """One small download that must succeed; another user, another circuit."""
        fetch = Fetch(self.socks, f'http://{GATEWAY}:{self.web.port}/{SHORT_BYTES}', user, SHORT_SECONDS * 4)
        status, digest, _, complaint = fetch.result()
        if status != 0 or digest != self.web.digest(SHORT_BYTES):
            raise Failure(f'a request {when}: curl status {status} {complaint}')

    def take_down(self):
        network, began = self.machines.network(), time.monotonic()
        left = self.cloud.down()
        if left or self.machines.pids():
            raise Failure(f'still running: {left} {self.machines.pids()}')
        if inhabitants := self.machines.inhabitants(network):
            raise Failure(f'processes {inhabitants} are still in the yard')
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(('127.0.0.1', self.socks))
        self.check_files()
        self.check_rows()
        self.tell(self.starts)
        self.tell(f'down in {time.monotonic() - began:.1f} s: no process, namespace, port, file or row is left')

    def check_files(self):
        """Records of what was stay; nothing of what ran does."""
        left = [folder for folder in ('authority', 'client', 'yard') if (self.cloud.state / folder).exists()]
        left += [path.name for path in (self.cloud.state / 'motes').iterdir()]
        left += [str(path) for path in self.cloud.state.rglob('*') if path.is_socket() or path.name in ('torrc', 'pid', 'place', 'console')]
        if left:
            raise Failure(f'files are left: {left}')

    def check_rows(self):
        with sqlite3.connect(self.cloud.state / 'state.sqlite') as rows:
            left = rows.execute("SELECT key, state FROM mote WHERE state != 'gone'").fetchall()
            left += rows.execute('SELECT * FROM cloud').fetchall() + rows.execute('SELECT * FROM wish').fetchall()
        if left:
            raise Failure(f'rows are left: {left}')

    def close(self):
        self.cloud.down()
        for pids in self.machines.pids().values():
            for pid in pids:
                os.kill(pid, 9)
        end([process for process in [self.cloud.coordinator] if process])


def main():
    interrupt_on_signals()
    story = Story()
    try:
        story.run()
    except (Failure, KeyboardInterrupt) as problem:
        story.tell('FAILED:', problem)
        consoles = sorted((story.cloud.state / 'motes').glob('*/console')) if (story.cloud.state / 'motes').exists() else []
        for console in consoles[-2:]:
            story.tell(console.parent.name, console.read_text(errors='replace')[-1500:])
        return 1
    finally:
        story.close()
    return 0


if __name__ == '__main__':
    sys.exit(main())
