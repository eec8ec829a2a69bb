#!/usr/bin/env python3
"""The main job, end to end on this machine: a cloud of short-lived motes comes up, is used while its motes rotate, and goes down.

The story: `dustcloud up` brings up an authority, a client, short-lived motes and a few that live long. Plain curl fetches 20 MB through
three motes. A slow download starts on a port of LongLivedPorts, so that the client chooses the motes that live longest, and must go
on to its end while three generations of the others expire and are replaced. All that time short requests run, each through a circuit
of its own, and none may fail. Half way the coordinator is killed with -9 and started again, and a stock tor client fetches over the
same cloud. Every wait is bounded, every child is ended. Exit 0 only if all of it held.
"""
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'Network'))
from cloud import Cloud, Lineage
from content import MIB, Fetch, Web, curl
from network import Failure, Ports, end, interrupt_on_signals, program, say, spawn, wait_for

SHORT_LIVED, LONG_LIVED = 5, 3
TTL_SECONDS, LONG_TTL_MINUTES, STREAM_LIFE_SECONDS, VOTING_SECONDS = 75, 12, 20, 10
BIG_BYTES, SHORT_BYTES, STOCK_BYTES = 20_000_000, 20_000, MIB
GENERATIONS = 3
READY_LIMIT_SECONDS, ROTATION_LIMIT_SECONDS, SHORT_LIMIT_SECONDS, STOCK_LIMIT_SECONDS, ABSENCE_SECONDS = 120, 360, 30, 90, 6
LONG_LIVED_PORTS = (8300, 6667, 6697, 5222, 5223, 1863, 5190, 706)   # of tor's default LongLivedPorts


class Demo:
    def __init__(self):
        self.began, self.proved = time.monotonic(), []
        self.folder = Path(tempfile.mkdtemp(prefix='dustcloud-demo-'))
        self.ports, self.web, self.slow_web = Ports(), Web(), self.long_lived_web()
        self.socks = self.ports.take()
        self.cloud = Cloud(self.folder / 'state', self.clock)
        self.shorts, self.short_count, self.short_slowest, self.next_short, self.next_look = [], 0, 0.0, 0.0, 0.0
        self.slow = self.stock = self.stock_fetch = self.killed_at = None
        self.was_killed = self.is_stock_done = False

    def clock(self):
        return f'{time.monotonic() - self.began:6.1f} s'

    def tell(self, *words):
        say(self.clock(), *words)

    def prove(self, what):
        self.proved.append(what)
        self.tell('proved:', what)

    @staticmethod
    def long_lived_web():
        for port in LONG_LIVED_PORTS:
            try:
                return Web(port)
            except OSError:
                continue
        raise Failure('every port of LongLivedPorts is taken on this machine')

    # The story, in its order.

    def run(self):
        self.bring_up()
        self.fetch_big()
        self.start_slow()
        self.rotate()
        self.finish_slow()
        self.take_down()

    def bring_up(self):
        self.tell(f'bringing up {SHORT_LIVED} motes that live about {TTL_SECONDS} s and {LONG_LIVED} that live {LONG_TTL_MINUTES} min')
        self.cloud.up('--motes', str(SHORT_LIVED), '--ttl', f'{TTL_SECONDS}s', '--long-lived', str(LONG_LIVED), '--long-ttl', f'{LONG_TTL_MINUTES}m',
                      '--stream-life', f'{STREAM_LIFE_SECONDS}s', '--voting-interval', str(VOTING_SECONDS), '--allow-private-exits',
                      '--socks', f'127.0.0.1:{self.socks}')
        wait_for('the cloud is up', READY_LIMIT_SECONDS, self.is_up, pause=0.5)
        self.prove(f'one command brought up an authority, a client and {SHORT_LIVED + LONG_LIVED} motes in {time.monotonic() - self.began:.0f} s')

    def is_up(self):
        if self.cloud.coordinator.poll() is not None:
            raise Failure(f'dustcloud up ended with {self.cloud.coordinator.returncode}')
        if not (self.cloud.state / 'state.sqlite').exists():
            return False
        status = self.cloud.status()
        listed = [mote for mote in status.get('motes', []) if mote['state'] == 'listed']
        return len(listed) >= SHORT_LIVED + LONG_LIVED and status['client']['bootstrapped'] >= 100

    def fetch_big(self):
        before = {key: mote['bytesWritten'] for key, mote in self.cloud.motes().items()}
        self.tell('$', *curl(self.socks, f'http://127.0.0.1:{self.web.port}/{BIG_BYTES}', user='big'))
        fetch = Fetch(self.socks, f'http://127.0.0.1:{self.web.port}/{BIG_BYTES}', 'big')
        seconds = self.check(fetch, self.web.digest(BIG_BYTES), 'the 20 MB file')
        carried = lambda: [mote['nickname'] for key, mote in self.cloud.motes().items() if mote['bytesWritten'] - before.get(key, 0) >= BIG_BYTES]
        carriers = wait_for('three motes report the 20 MB', 15, lambda: len(carried()) == 3 and carried(), pause=0.5)
        self.prove(f'20 MB fetched with plain curl, digest intact, in {seconds:.1f} s; three motes each carried all of it: {", ".join(carriers)}')

    def start_slow(self):
        self.slow = Fetch(self.socks, f'http://127.0.0.1:{self.slow_web.port}/slow', 'slow', limit=ROTATION_LIMIT_SECONDS + 60)
        self.slow_path = wait_for('the slow download has a circuit', 20, self.path_of_slow, pause=0.2)
        self.tell(f'slow download from port {self.slow_web.port}, of LongLivedPorts: {" > ".join(self.slow_path)}')

    def path_of_slow(self):
        if self.slow.is_over:
            raise Failure(f'the slow download ended at once: {self.slow.result()}')
        for circuit in self.cloud.circuits():
            if circuit['isLongLived'] and self.slow.size:
                return [relay['nickname'] for relay in circuit['path']]

    def rotate(self):
        motes = self.short_lived(self.cloud.motes())
        self.lineage, told = Lineage(motes), 0
        deadline = time.monotonic() + ROTATION_LIMIT_SECONDS
        while not (self.lineage.generations >= GENERATIONS and self.was_killed and self.is_stock_done):
            if time.monotonic() > deadline:
                raise Failure(f'only {self.lineage.generations} generations in {ROTATION_LIMIT_SECONDS} s')
            self.turn()
            if self.lineage.generations > told:
                told = self.lineage.generations
                self.tell(f'--- generation {told} has expired and is replaced; {self.slow.size:,} bytes of the slow download, {self.short_count} short requests')
            time.sleep(0.1)
        while self.shorts:
            self.reap_shorts()
            time.sleep(0.1)
        self.prove(f'{GENERATIONS} generations of short-lived motes expired and were replaced: {len(self.lineage.gone)} motes went')
        self.prove(f'{self.short_count} short requests, each on a circuit of its own, none failed; the slowest took {self.short_slowest:.1f} s')

    @staticmethod
    def short_lived(motes):
        return {key: mote for key, mote in motes.items() if mote['lifetimeClass'] == 'normal'}

    def turn(self):
        """One turn of everything that goes on at the same time."""
        now = time.monotonic()
        if self.slow.is_over:
            raise Failure(f'the slow download broke: {self.slow.result()}')
        if now >= self.next_short:
            self.next_short = now + 1
            self.shorts.append(Fetch(self.socks, f'http://127.0.0.1:{self.web.port}/{SHORT_BYTES}', f'short{self.short_count + len(self.shorts)}', SHORT_LIMIT_SECONDS))
        self.reap_shorts()
        if now >= self.next_look:
            self.next_look = now + 2
            self.look()
        self.coordinator_part(now)
        self.stock_part()

    def reap_shorts(self):
        for fetch in [f for f in self.shorts if f.is_over]:
            self.shorts.remove(fetch)
            self.short_slowest = max(self.short_slowest, self.check(fetch, self.web.digest(SHORT_BYTES), f'short request {self.short_count + 1}'))
            self.short_count += 1

    def check(self, fetch, digest, what):
        status, got, seconds, complaint = fetch.result()
        if status != 0 or got != digest:
            raise Failure(f'{what}: curl status {status} {complaint}, {fetch.size} bytes' + ('' if status else ', digest differs'))
        return seconds

    def look(self):
        came, went = self.lineage.see(self.short_lived(self.cloud.motes()))
        if went:
            names = ', '.join(self.lineage.known[key]['nickname'] for key in went)
            use = [' > '.join(relay['nickname'] for relay in circuit['path']) for circuit in self.cloud.circuits()]
            self.tell(f'gone: {names}; circuits in use: {"; ".join(use) or "none"}')
        self.check_single()

    def coordinator_part(self, now):
        """Killed with -9 when the first generation has gone, back a few seconds later."""
        if self.lineage.generations >= 1 and self.killed_at is None:
            self.cloud.kill_coordinator()
            self.killed_at, self.left_behind = now, self.cloud.motes()
            self.tell(f'the coordinator is killed with -9; {len(self.cloud.processes())} nodes go on without it')
        if self.killed_at and not self.was_killed and now - self.killed_at >= ABSENCE_SECONDS:
            self.cloud.up()
            wait_for('the coordinator is back', 20, lambda: self.cloud.status().get('coordinatorPid'), pause=0.2)
            self.check_taken_over()
            self.was_killed = True

    def check_taken_over(self):
        """Every mote that has not expired meanwhile is there, as the same process if it was one, and as no second one. One that drains may be done with it."""
        motes, horizon = self.cloud.motes(), time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + 1))
        due = {key: mote for key, mote in self.left_behind.items() if mote['expires'] > horizon and not mote['state'].startswith('draining')}
        lost = [mote['nickname'] for key, mote in due.items() if key not in motes or mote['pid'] not in (None, motes[key]['pid'])]
        if lost:
            raise Failure(f'lost or restarted while the coordinator was away: {lost}')
        self.check_single()
        self.prove(f'the coordinator, killed with -9 and restarted, took over {len(due)} motes: none lost, none twice')

    def check_single(self):
        doubled = {torrc: pids for torrc, pids in self.cloud.processes().items() if len(pids) > 1}
        if doubled:
            raise Failure(f'two processes of one mote: {doubled}')

    def stock_part(self):
        """A stock tor client on the same authority, once the coordinator is back."""
        if not self.was_killed or self.is_stock_done:
            return
        if self.stock is None:
            self.start_stock()
        log = (self.folder / 'stock/log').read_text() if (self.folder / 'stock/log').exists() else ''
        if self.stock_fetch is None and 'Bootstrapped 100%' in log:
            self.stock_fetch = Fetch(self.stock_socks, f'http://127.0.0.1:{self.web.port}/{STOCK_BYTES}', 'stock')
        if self.stock_fetch and self.stock_fetch.is_over:
            seconds = self.check(self.stock_fetch, self.web.digest(STOCK_BYTES), 'the fetch with stock tor')
            self.prove(f'a stock tor client fetched 1 MiB over the same cloud, digest intact, in {seconds:.1f} s')
            end([self.stock])
            self.is_stock_done = True
        elif time.monotonic() - self.stock_began > STOCK_LIMIT_SECONDS:
            raise Failure(f'stock tor: nothing within {STOCK_LIMIT_SECONDS} s\n{log[-1500:]}')

    def start_stock(self):
        folder = self.folder / 'stock'
        folder.mkdir(mode=0o700)
        self.stock_socks, self.stock_began = self.ports.take(), time.monotonic()
        lines = ['TestingTorNetwork 1', f'DataDirectory {folder}/data', 'AddressDisableIPv6 1', 'PathsNeededToBuildCircuits 0.67', f'Log notice file {folder}/log',
                 f'SocksPort 127.0.0.1:{self.stock_socks}', 'UseEntryGuards 0', 'ClientRejectInternalAddresses 0', self.cloud.authority_line()]
        (folder / 'torrc').write_text('\n'.join(lines) + '\n')
        self.stock = spawn([program('tor'), '-f', str(folder / 'torrc')], stdout=open(folder / 'stdout', 'w'))
        self.tell('a stock tor client starts on the same authority')

    def finish_slow(self):
        alive = {mote['nickname'] for mote in self.cloud.motes().values()}
        self.slow_web.enough.set()
        seconds = self.check(self.slow, self.wait_for_digest(), 'the slow download')
        gone = [name for name in self.slow_path if name in self.lineage.names() and name not in alive]
        if gone:
            raise Failure(f'the slow download went through motes that are gone: {gone}')
        self.prove(f'a download of {self.slow.size:,} bytes ran {seconds:.0f} s without a break through all of that, on {" > ".join(self.slow_path)}')

    def wait_for_digest(self):
        return wait_for('the slow download is sent', 20, lambda: self.slow_web.slow_digest)

    def take_down(self):
        left = self.cloud.down()
        if left:
            raise Failure(f'left after dustcloud down: {left}')
        self.prove('dustcloud down ended every process of the cloud')

    def close(self):
        """Ends everything that may still run, whatever happened."""
        for fetch in [self.slow, self.stock_fetch, *self.shorts]:
            if fetch:
                fetch.close()
        if self.stock:
            end([self.stock])
        if self.cloud.coordinator and self.cloud.processes():
            self.cloud.down()
        end([p for p in [self.cloud.coordinator] if p])
        self.web.close()
        self.slow_web.enough.set()
        self.slow_web.close()
        self.ports.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def summary(self):
        say(f'\nProved in {time.monotonic() - self.began:.0f} s:')
        for what in self.proved:
            say('  -', what)


def main():
    interrupt_on_signals()
    demo = Demo()
    try:
        demo.run()
        demo.summary()
        return 0
    except Failure as failure:
        demo.summary()
        say('FAILED:', failure)
        return 1
    except KeyboardInterrupt:
        say('interrupted; ending everything')
        return 130
    finally:
        demo.close()


if __name__ == '__main__':
    sys.exit(main())
