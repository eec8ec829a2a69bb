#!/usr/bin/env python3
"""Scenarios of the interop tests: `scenarios.py NAME` prints figures and exits 0 only if everything held.

Each scenario is a function named below; its first sentence says what it shows.
"""
import argparse
import contextlib
import datetime
import importlib
import signal
import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import cgo
import conflux
from content import MIB, Fetch, Names, Web, download, upload
from control import Control
from network import PATIENCE, Failure, Network, interrupt_on_signals, say, wait_for

TRANSFER_BYTES = 5 * MIB
SOCKS_REFUSED = 97  # of curl
SCENARIO_LIMIT_SECONDS = 600
LATE_SECONDS = 15   # that a busy machine may take to start a program, or to end it
PATH = ('relay0', 'relay1', 'exit0')


@contextlib.contextmanager
def world(**kinds):
    """A network with a web server and a name server beside it."""
    web = Web()
    with Network(**kinds) as network:
        names = Names(network.folder)
        network.resolv_conf = names.resolv_conf
        try:
            yield network, web, names
        finally:
            names.close()
            web.close()


def transfer(web, client, size=TRANSFER_BYTES):
    """Both ways through a client, digests compared. A stock one that has just taken a newer consensus refuses until it has the microdescriptors that this names."""
    if client.kind == 'tor':
        wait_for('the client has what it needs for circuits', PATIENCE * 10, lambda: Fetch(client.socks_port, f'http://127.0.0.1:{web.port}/1').result()[0] != SOCKS_REFUSED)
    for name, seconds in (('down', download(web, client.socks_port, size)), ('up', upload(web, client.socks_port, size))):
        say(f'{name}: {size / MIB:.0f} MiB intact in {seconds:.2f} s, {size / MIB / seconds:.1f} MiB/s')


def check_path(client, path):
    """The stock client's own word for the path its circuits take."""
    with Control(client) as control:
        taken = control.paths()
    if list(path) not in taken or any(t != list(path) for t in taken):
        raise Failure(f'paths {taken}, expected only {path}')
    say('path:', ' > '.join(path))


def check_listed(network, kind):
    """Every node of one kind is Running and Valid by the authority's word."""
    flags = network.flags()
    for node in network.of('relay', 'exit'):
        if node.kind == kind and not {'Running', 'Valid'} <= set(flags.get(node.name, [])):
            raise Failure(f'{node.name}: flags {flags.get(node.name)}')
        if node.kind == kind:
            say(f'{node.name}: {" ".join(flags[node.name])}')


def stock():
    """The harness itself: everything stock, so that a failure elsewhere is not the harness's."""
    with world() as (network, web, names):
        network.start()
        client = network.add_client('tor', PATH)
        transfer(web, client)
        download(web, client.socks_port, 1000, host='name.test')
        if 'name.test' not in names.asked:
            raise Failure('the exit did not ask the name server')
        check_path(client, PATH)
        network.check_alive()
        network.check_warnings()


def stock_mixture():
    """The harness once more: unpinned paths through stock relays only."""
    mixture('tor', 'tor', 'tor')


def mixture(authority, relay, *clients):
    """One kind of authority and relays, and clients; data both ways over unpinned paths, several circuits."""
    with world(authorities=(authority,), relays=(relay,) * 3, exits=(relay,) * 2) as (network, web, _):
        network.start()
        for kind in clients:
            client = network.add_client(kind)
            transfer(web, client)
            seconds = download(web, client.socks_port, MIB, parallel=4, prefix='isolated')
            say(f'4 isolated circuits: 1 MiB each intact in {seconds:.2f} s')
            download(web, client.socks_port, 1000, host='name.test')
        network.check_alive()
        network.check_warnings()


def our_authority():
    """Stock relays, a stock client and ours on our authority."""
    mixture('mote', 'tor', 'tor', 'mote')


def our_client():
    """Our client through stock relays and a stock authority."""
    mixture('tor', 'tor', 'mote')


def ours():
    """A stock client and ours with our authority and only our relays."""
    mixture('mote', 'mote', 'tor', 'mote')


def expiry():
    """Our authority carries a mote's advertised expiry into both flavours; a stock client is undisturbed before and after; the mote ends by itself."""
    with world(authorities=('mote',), relays=('mote', 'tor', 'mote'), exits=('tor',)) as (network, web, _):
        network.start()
        lifetime = 60   # most of it is for a busy machine, whose authority lists the mote late
        mote = network.add('relay', 'mote', [f'MoteLifetime {lifetime} seconds', 'MoteDrainWindow 10 seconds']).start()
        network.wait_listed({mote.name})
        for flavour in ('', '-microdesc'):
            check_expiry(network, flavour, mote, lifetime)
        network.wait_known()
        client = network.add_client('tor')
        transfer(web, client, MIB)
        ended = wait_for('the mote ends by its own timer', lifetime + 10, lambda: not mote.is_alive and time.monotonic(), pause=0.05)
        say(f'the mote ended {ended - mote.started:.1f} s after its start, told to live {lifetime} s, with exit status {mote.process.returncode}')
        if mote.process.returncode != 0 or not lifetime - 1 <= ended - mote.started <= lifetime + LATE_SECONDS:
            raise Failure('the mote did not end in time with status 0')
        wait_for('the consensus forgets it', 40, lambda: mote.name not in network.flags())
        transfer(web, client, MIB)
        network.check_alive(but=(mote.name,))
        network.check_warnings()


def check_expiry(network, flavour, mote, lifetime):
    """Exactly the mote's entry has a `dust-expires` line, right after its `w` line, with the time it will end."""
    lines = network.consensus(flavour).splitlines()
    found = [at for at, line in enumerate(lines) if line.startswith('dust-expires ')]
    if len(found) != 1 or not lines[found[0] - 1].startswith('w '):
        raise Failure(f'consensus{flavour}: dust-expires lines at {found}')
    owner = next(line.split()[1] for line in reversed(lines[:found[0]]) if line.startswith('r '))
    expires = datetime.datetime.strptime(lines[found[0]], 'dust-expires %Y-%m-%d %H:%M:%S').replace(tzinfo=datetime.timezone.utc).timestamp()
    planned = time.time() - (time.monotonic() - mote.started) + lifetime
    if owner != mote.name or not -2 <= expires - planned <= LATE_SECONDS:
        raise Failure(f'consensus{flavour}: {owner} expires {expires - planned:+.0f} s from the plan')
    say(f'consensus{flavour}: {owner} {lines[found[0]]}')


def operated(name, module='operate'):
    """A scenario of a module that needs stem, which nothing else here does."""
    def run_it():
        getattr(importlib.import_module(module), name)(world)
    return run_it


SCENARIOS = {f.__name__: f for f in (stock, stock_mixture, our_authority, our_client, ours, expiry)}
SCENARIOS |= {f.__name__: f for f in cgo.SCENARIOS + conflux.SCENARIOS}
SCENARIOS |= {name: operated(name) for name in ('control', 'sandboxed')}
SCENARIOS['events'] = operated('events', 'events')


def run(function):
    """0 if the scenario held; its limit is the kernel's alarm, so nothing can wait for ever."""
    interrupt_on_signals()
    limit = getattr(function, 'limit_seconds', SCENARIO_LIMIT_SECONDS)
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(Failure(f'over {limit} s')))
    signal.alarm(limit)
    try:
        function()
        return 0
    except Failure as failure:
        say('FAILED:', failure)
    except Exception:
        say('FAILED:', traceback.format_exc())
    return 1


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('scenario', choices=SCENARIOS)
    sys.exit(run(SCENARIOS[parser.parse_args().scenario]))
