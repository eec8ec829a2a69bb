#!/usr/bin/env python3
"""Scenarios of bridges: `bridges.py NAME` prints figures and exits 0 only if everything held."""
import argparse
import contextlib
import hashlib
import os
import re
import shutil
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from content import MIB, download
from control import Control
from network import Failure, is_running, say, wait_for
from scenarios import run, transfer, world

START_LIMIT_SECONDS = 20
UPLOAD_LIMIT_SECONDS = 60


def program(name):
    path = shutil.which(name)
    if not path:
        raise Failure(f'{name} is not installed; `make deps` installs it')
    return path


def add_bridge(network, kind='mote', extra=()):
    """A bridge behind obfs4proxy with an extended ORPort, started; it is in no consensus."""
    ports = [network.ports.take() for _ in range(2)]
    return network.add('bridge', kind, [
        'BridgeRelay 1', f'ServerTransportPlugin obfs4 exec {program("obfs4proxy")}', f'ServerTransportListenAddr obfs4 127.0.0.1:{ports[0]}',
        f'ExtORPort 127.0.0.1:{ports[1]}', *extra]).start()


def bridge_line(bridge, transport=''):
    """The line for clients, as the bridge logs it."""
    pattern = rf'\[notice\] .* by: Bridge ({transport} .*)$' if transport else r'\[notice\] Without a pluggable .*: Bridge (.*)$'
    found = wait_for(f'{bridge.name} tells its {transport or "plain"} bridge line', START_LIMIT_SECONDS, lambda: re.findall(pattern, bridge.log, re.M))
    return found[-1]


def children(process):
    return [int(pid) for pid in Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text().split()]


@contextlib.contextmanager
def bridged(middle):
    """A network whose authority is a bridge authority too, with our bridge in front of it."""
    with world(relays=(middle, 'tor', 'tor'), exits=('tor',)) as (network, web, _):
        network['authority0'].extra.append('BridgeAuthoritativeDir 1')
        network.authority_lines[0] = network.authority_lines[0].replace(' no-v2 ', ' no-v2 bridge ')
        network.start()
        yield network, web, add_bridge(network)


def check_next_hop(client, bridge, middle):
    with Control(client) as control:
        taken = control.paths()
    if not any(path[1:2] == [middle] for path in taken) or any(path[0] != bridge.name for path in taken):
        raise Failure(f'paths {taken}, expected {bridge.name} > {middle} > an exit')
    say('path:', ' > '.join(taken[0]))


def check_secrecy(network, bridge):
    """No consensus lists the bridge; its hashed fingerprint is what may be told."""
    if bridge.name in network.flags() or bridge.fingerprint in (network.document('/tor/server/all') or '').replace(' ', ''):
        raise Failure('the bridge is public')
    hashed = (bridge.folder / 'hashed-fingerprint').read_text().split()
    if hashed != [bridge.name, hashlib.sha1(bytes.fromhex(bridge.fingerprint)).hexdigest().upper()]:
        raise Failure(f'hashed-fingerprint: {hashed}')


def check_bridge_authority(network, bridge):
    """The bridge authority got the descriptor, over a circuit, and the extra-info with the transport."""
    folder = network['authority0'].folder
    text = lambda name: ''.join(f.read_text(errors='replace') for f in (folder / name, folder / (name + '.new')) if f.exists())
    wait_for('the bridge authority has the descriptor', UPLOAD_LIMIT_SECONDS, lambda: f'router {bridge.name} ' in text('cached-descriptors'))
    wait_for('the bridge authority has the transport', UPLOAD_LIMIT_SECONDS, lambda: re.search(r'^transport obfs4 127.0.0.1:\d+ cert=', text('cached-extrainfo'), re.M))
    if 'bridge-distribution-request any' not in text('cached-descriptors'):
        raise Failure('the descriptor lacks bridge-distribution-request')
    say('the bridge authority has descriptor and extra-info')


def check_restart(network, web, bridge, client):
    """A proxy that is killed is started again on the same port and serves the same clients."""
    before = bridge_line(bridge, 'obfs4')
    [proxy] = children(bridge.process)
    os.kill(proxy, signal.SIGKILL)
    wait_for('the proxy is started again', START_LIMIT_SECONDS, lambda: bridge.log.count('Registered server transport') == 2)
    if bridge_line(bridge, 'obfs4') != before:
        raise Failure('the bridge line changed')
    wait_for('the client is back', 60, lambda: attempt(web, client), pause=1)
    say('killed obfs4proxy: started again, the same bridge line works')


def attempt(web, client):
    try:
        return download(web, client.socks_port, MIB, limit=60, prefix='again') or True
    except Failure:
        return False


def check_end(bridge):
    """The proxy ends with the bridge."""
    [proxy] = children(bridge.process)
    bridge.stop()
    wait_for('the proxy ends', 10, lambda: not is_running(proxy))
    if bridge.process.returncode != 0:
        raise Failure(f'the bridge ended with status {bridge.process.returncode}')
    say('the proxy ended with the bridge')


def obfs4():
    """A stock client through obfs4proxy and our bridge, our relay as next hop; the bridge authority is told; a killed proxy comes back."""
    with bridged('mote') as (network, web, bridge):
        line = bridge_line(bridge, 'obfs4')
        client = network.add_client('tor', extra=['UseBridges 1', f'ClientTransportPlugin obfs4 exec {program("obfs4proxy")}', f'Bridge {line}',
                                                  f'MiddleNodes {network["relay0"].fingerprint}'])
        transfer(web, client)
        check_next_hop(client, bridge, 'relay0')
        check_secrecy(network, bridge)
        check_bridge_authority(network, bridge)
        check_restart(network, web, bridge, client)
        check_end(bridge)
        network.check_alive(but=(bridge.name,))


def plain():
    """A stock client through our bridge without a transport."""
    with bridged('tor') as (network, web, bridge):
        client = network.add_client('tor', extra=['UseBridges 1', f'Bridge {bridge_line(bridge)}'])
        transfer(web, client)
        check_secrecy(network, bridge)
        network.check_alive()
        network.check_warnings()


SCENARIOS = {f.__name__: f for f in (obfs4, plain)}

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('scenario', choices=SCENARIOS)
    sys.exit(run(SCENARIOS[parser.parse_args().scenario]))
