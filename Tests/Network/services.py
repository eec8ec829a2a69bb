#!/usr/bin/env python3
"""Onion services of stock tor among our relays: `services.py NAME` prints figures and exits 0 only if everything held.

What the relays did is told by stock itself: HS_DESC events and the circuits of service and client at their control ports.
"""
import argparse
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from content import MIB, download, upload
from control import Control
from network import BOOTSTRAP_LIMIT_SECONDS, Failure, say, wait_for
from scenarios import TRANSFER_BYTES, check_listed, run, world

DESCRIPTOR_LIMIT_SECONDS = 60
MEETING_LIMIT_SECONDS = 60
MEETINGS = 40                # if only one in three had its rendezvous at a relay of ours, one run in ten million would see none


class Events(Control):
    """What stock tells of onion-service descriptors."""

    def __init__(self, node):
        super().__init__(node)
        self.ask('SETEVENTS HS_DESC')
        self.socket.settimeout(1)

    def next(self):
        """The words of the next event; nothing when none came within a second."""
        try:
            line = self.lines.readline().rstrip('\r\n')
        except OSError:
            self.lines = self.socket.makefile('r')   # a file object does not survive its socket's timeout
            return []
        return line.split()[1:] if line.startswith('650') else []

    def directories(self, action, count):
        """Names of the first `count` directories for which the action is told."""
        names = set()

        def more():
            words = self.next()
            if words[1:2] == [action]:
                names.add(re.split('[~=]', words[4])[-1])
            return len(names) >= count
        wait_for(f'{count} descriptors {action}', DESCRIPTOR_LIMIT_SECONDS, more, pause=0)
        return names


def circuits(node, purpose, state):
    """Paths, as lists of nicknames, of a stock node's circuits for onion services."""
    with Control(node) as control:
        lines = '\n'.join(control.ask('GETINFO circuit-status')).splitlines()
    return [re.findall(r'\$[0-9A-F]{40}[~=](\w+)', line) for line in lines if f'PURPOSE={purpose}' in line and f'HS_STATE={state}' in line]


def start_service(network, web, extra=()):
    """A stock onion service in front of the web server; its node is added as a client, without waiting for it."""
    node = network.add('client', 'tor', ['VanguardsLiteEnabled 0', 'ConfluxEnabled 0'])
    node.extra += [f'HiddenServiceDir {node.folder}/service', f'HiddenServicePort {web.port} 127.0.0.1:{web.port}', *extra]
    return node.start()


def introduction_points(service):
    """Waits until the service has its introduction circuits, and names their last relays."""
    paths = wait_for('introduction points', DESCRIPTOR_LIMIT_SECONDS, lambda: len(found := circuits(service, 'HS_SERVICE_INTRO', 'HSSI_ESTABLISHED')) >= 3 and found)
    return {path[-1] for path in paths}


def reachable(network, target):
    """A stock onion service in front of what listens at `target.port`, which can be reached, and a stock client: both, and the service's name."""
    service, client = start_service(network, target), network.add_client('tor')
    network.wait_bootstrapped(service)
    introduction_points(service)
    return service, client, (service.folder / 'service/hostname').read_text().strip()


def meet(web, client, onion, user, size=1000):
    """Fetches over a rendezvous of its own; tries again while service and client do not know the same descriptors yet."""
    def attempt():
        try:
            return download(web, client.socks_port, size, host=onion, prefix=user, limit=30)
        except Failure:
            return None
    return wait_for(f'{user} reaches the service', MEETING_LIMIT_SECONDS, attempt, pause=0.5)


def ours():
    """Stock service and client with nothing but our relays and authority: every directory, introduction and rendezvous is ours."""
    with world(authorities=('mote',), relays=('mote',) * 3, exits=('mote',)) as (network, web, _):
        network.start()
        check_listed(network, 'mote')
        if not all('HSDir' in flags for flags in network.flags().values()):
            raise Failure(f'HSDir is missing: {network.flags()}')
        service = start_service(network, web, ['HiddenServiceEnableIntroDoSDefense 1', 'HiddenServiceEnableIntroDoSRatePerSec 20', 'HiddenServiceEnableIntroDoSBurstPerSec 40'])
        story = network.folder / 'circuits.log'
        client = network.add_client('tor', extra=[f'Log [circ]info file {story}'])
        network.wait_bootstrapped(service)
        onion = (service.folder / 'service' / 'hostname').read_text().strip()
        say('introduction points, with limits asked for:', *sorted(introduction_points(service)))
        with Events(client) as events:
            say(f'first answer after {meet(web, client, onion, "first"):.1f} s')
            say('descriptor came from', *events.directories('RECEIVED', 1))
        for name, seconds in (('down', download(web, client.socks_port, TRANSFER_BYTES, host=onion)), ('up', upload(web, client.socks_port, TRANSFER_BYTES, host=onion))):
            say(f'{name}: {TRANSFER_BYTES / MIB:.0f} MiB intact in {seconds:.2f} s, {TRANSFER_BYTES / MIB / seconds:.1f} MiB/s')
        say('rendezvous at', *sorted({path[-1] for path in circuits(client, 'HS_CLIENT_REND', 'HSCR_JOINED')}))
        restart(network, web, service, client, onion)
        check_padding(story)
        network.check_alive()
        network.check_warnings()


def check_padding(story):
    """The stock client asked the second hops of its circuits for padding, had it, and was told when the machine for introductions was done."""
    def counts():
        text = story.read_text(errors='replace')
        return [len(re.findall(words, text)) for words in ('Negotiating padding on circuit .* command 2', 'Received STOP command on PADDING_NEGOTIATED')]
    asked, ended = wait_for('padding machines end', 10, lambda: all(found := counts()) and found)
    say(f'{asked} padding machines asked for, {ended} told to have ended')
    if refusal := re.search('.*did not accept our padding.*|.*[Mm]alformed PADDING.*|.*different counts for padding.*', story.read_text(errors='replace')):
        raise Failure(refusal[0])


def restart(network, web, service, client, onion):
    """A service that comes back, with new introduction points, is found again."""
    service.stop()
    for name in ('log', 'stdout'):
        (service.folder / name).unlink()   # so that what the last run said is not taken for news
    service.start()
    network.wait_bootstrapped(service)
    with Events(service) as events:
        say('descriptors taken again by', *sorted(events.directories('UPLOADED', 2)))
    say(f'found again after {meet(web, client, onion, "again"):.1f} s')


def mixed():
    """Among stock relays ours are introduction point and rendezvous point; of three introduction points one must be ours, for only two relays are stock."""
    with world(relays=('mote', 'mote', 'mote'), exits=('tor',)) as (network, web, _):
        network.start()
        service, client, onion = reachable(network, web)
        seen, began = {'introduction': set(), 'rendezvous': set()}, time.monotonic()
        motes = {node.name for node in network.nodes if node.kind == 'mote'}
        with Events(client) as events:
            for at in range(MEETINGS):
                meet(web, client, onion, f'user{at}')
                seen['rendezvous'] |= {path[-1] for path in circuits(client, 'HS_CLIENT_REND', 'HSCR_JOINED')}
                seen['introduction'] |= introduction_points(service)
                if all(names & motes for names in seen.values()):
                    break
            say('descriptor came from', *events.directories('RECEIVED', 1))
        for role, names in seen.items():
            say(f'{role} point:', *sorted(names))
            if not names & motes:
                raise Failure(f'in {MEETINGS} meetings no {role} point was ours')
        say(f'{at + 1} meetings in {time.monotonic() - began:.1f} s')
        download(web, client.socks_port, TRANSFER_BYTES, host=onion)
        upload(web, client.socks_port, TRANSFER_BYTES, host=onion)
        network.check_alive()
        network.check_warnings()


SCENARIOS = {f.__name__: f for f in (ours, mixed)}

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('scenario', choices=SCENARIOS)
    sys.exit(run(SCENARIOS[parser.parse_args().scenario]))
