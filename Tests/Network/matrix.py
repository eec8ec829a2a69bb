#!/usr/bin/env python3
"""The rest of the interop matrix: `matrix.py NAME` prints figures and exits 0 only if everything held."""
import argparse
import concurrent.futures
import datetime
import itertools
import re
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from content import MIB, Fetch, Web, download, upload
from control import Control, ControlError
from network import Failure, say, stock_with_links_to_4, wait_for
from scenarios import PATH, check_listed, run, transfer, world

ONION_KEY_DAYS = 28
SECONDS_BEFORE_ROTATION = 15
RECOVERY_LIMIT_SECONDS = 30
LISTING_LIMIT_SECONDS = 60
LINK_LIMIT_SECONDS = 20
CIRCUIT_LIMIT_SECONDS = 60
STATUS_LIMIT_SECONDS = 15


def positions():
    """One stock client over every path of three that ours and stock's relays can make, by Counter Galois Onion at our exit, names resolved there."""
    with world(relays=('mote', 'mote', 'tor', 'tor'), exits=('mote', 'tor')) as (network, web, names):
        network.start()
        check_listed(network, 'mote')
        every_path(network, web)
        if names.asked.count('name.test') < 2:
            raise Failure(f'the exits asked for {names.asked}')
        count = wait_for('a count at exit0', STATUS_LIMIT_SECONDS, lambda: network['exit0'].status('counterGaloisCircuits'))
        say(f'exit0: {count} circuits with Counter Galois Onion')
        network.check_alive()
        network.check_warnings()


def every_path(network, web, size=5 * MIB):
    """Both ways over circuits that the client is told to make: guard, middle and exit ours or stock's."""
    client = network.add_client('tor')
    with Control(client) as control, concurrent.futures.ThreadPoolExecutor(1) as pool:
        control.ask('SETCONF __LeaveStreamsUnattached=1')
        for path in itertools.product(('relay0', 'relay2'), ('relay1', 'relay3'), ('exit0', 'exit1')):
            circuit = wait_for(f'a circuit {path}', CIRCUIT_LIMIT_SECONDS, lambda: build(control, [network[name].fingerprint for name in path]))
            work = pool.submit(both_ways, web, client, size, '-'.join(path))
            while not work.done():
                control.attach_new(circuit, web.port)
                time.sleep(0.02)
            say(f'{" > ".join(f"{name} ({network[name].kind})" for name in path)}: {size / MIB:.0f} MiB each way intact in {work.result():.2f} s')


def build(control, path):
    """A built circuit; None if this one failed, as stock's own do now and then when the machine is busy."""
    circuit = control.extend(path)
    try:
        wait_for('the circuit', LINK_LIMIT_SECONDS, lambda: control.is_built(circuit), pause=0.02)
        return circuit
    except ControlError:
        return None


def both_ways(web, client, size, user):
    seconds = download(web, client.socks_port, size, prefix=user) + upload(web, client.socks_port, size, user=user + '0')
    download(web, client.socks_port, 1000, host='name.test', prefix=user)
    return seconds


def links_over_ipv6(node):
    """How many connections there are to a node's ORPort on ::1."""
    wanted = f'00000000000000000000000001000000:{node.or_port:04X}'
    lines = [line.split() for line in Path('/proc/net/tcp6').read_text().splitlines()[1:]]
    return sum(line[2] == wanted and line[3] == '01' for line in lines)


def ipv6():
    """Our relay extends our client's circuit over IPv6 to a stock relay, a stock client has our relay as guard over IPv6, the authority tests our links over it, and our exit reaches ::1."""
    web6 = Web(host='::1')
    try:
        with world(relays=('mote', 'tor', 'tor', 'mote'), exits=('mote',)) as (network, web, _):
            network['authority0'].extra.append('AuthDirHasIPv6Connectivity 1')
            # relay1 may dial relay0 first, over IPv4. As its connections come from another address than it tells, that link is not taken for extending.
            network['relay1'].address = '127.0.0.2'
            for node in network.of('authority', 'relay', 'exit'):
                node.speak_ipv6()
            network['exit0'].extra.append('IPv6Exit 1')
            network.start()
            wanted = {n.name: str(n.or_port) for n in network.of('relay', 'exit')}
            listed = lambda: dict(re.findall(r'^r (\S+) .*\na \[::1\]:(\d+)$', network.consensus('-microdesc'), re.M))
            wait_for('IPv6 addresses of all relays in the consensus', LISTING_LIMIT_SECONDS, lambda: wanted.items() <= listed().items())
            # From now on nobody listens on the IPv4 ports that these two have told.
            for node in (network['relay1'], network['relay3']):
                node.stop()
                node.speak_ipv6(only=True)
                node.start()
            # A stock client names IPv4 addresses only when it extends, ours both.
            for kind, path, name in (('mote', ('relay0', 'relay1', 'exit0'), 'relay1'), ('tor', ('relay3', 'relay2', 'exit0'), 'relay3')):
                client = network.add_client(kind, path, extra=['ClientUseIPv6 1', 'ClientPreferIPv6ORPort 1'] if name == path[0] else [])
                transfer(web, client, MIB)
                count = links_over_ipv6(network[name])
                if not count:
                    raise Failure(f'no link over IPv6 to {name}')
                say(f'{kind} > {" > ".join(f"{n} ({network[n].kind})" for n in path)}: {count} links over IPv6 to {name}, whose IPv4 port is closed')
                seconds = download(web6, client.socks_port, MIB, host='[::1]', prefix='six')
                say(f'1 MiB from a server on ::1 in {seconds:.2f} s')
            network.check_alive()
    finally:
        web6.close()


def link4():
    """A stock client and a stock relay that speak no link protocol above 4: our relays accept from both and dial the latter."""
    with world(relays=('mote', 'tor', 'tor'), exits=('mote',)) as (network, web, _):
        old, relay, logs = stock_with_links_to_4(network.folder), network['relay1'], [network.folder / name for name in ('relay1.info', 'client.info')]
        relay.program = old
        relay.address = '127.0.0.2'   # so that relay0 dials it: see `ipv6`
        relay.extra.append(f'Log info file {logs[0]}')
        network.start()
        client = network.add_client('tor', PATH, [f'Log info file {logs[1]}'], old)
        transfer(web, client, 2 * MIB)
        for log in logs:
            spoken = re.findall(r'Negotiated version (\d)', log.read_text())
            say(f'{log.stem}: {len(spoken)} links of protocol {" and ".join(sorted(set(spoken)))}')
            if set(spoken) != {'4'}:
                raise Failure('another link protocol was spoken')
        network.check_alive()
        network.check_warnings()


def fixed_windows():
    """Without congestion control (cc_alg=0) our relays carry a stock client's data and our client uses stock relays, by SENDME windows."""
    with world(relays=('mote', 'mote', 'tor', 'tor'), exits=('mote', 'tor')) as (network, web, _):
        network['authority0'].extra.append('ConsensusParams cc_alg=0')
        network.start()
        every_path(network, web)
        for path in (('relay2', 'relay3', 'exit1'), PATH):
            say('mote >', ' > '.join(f'{n} ({network[n].kind})' for n in path))
            transfer(web, network.add_client('mote', path), 2 * MIB)
        network.check_alive()
        network.check_warnings()


def onion_key(network, node):
    return re.search(rf'^router {node.name} .*\n(?:.*\n)*?ntor-onion-key (\S+)$', network.document('/tor/server/all') or '', re.M)[1]


def age_onion_keys(node):
    """Makes the node's onion keys, which are as old as its state file says, reach their end in some seconds."""
    state, since = node.folder / 'state', datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=ONION_KEY_DAYS, seconds=-SECONDS_BEFORE_ROTATION)
    state.write_text(re.sub(r'^LastRotatedOnionKey .*$', f'LastRotatedOnionKey {since:%Y-%m-%d %H:%M:%S}', state.read_text(), flags=re.M))


def rotation():
    """Our relay restarts with its stored keys, rotates its onion keys while a circuit runs through it, and answers the old key until clients know the new one."""
    with world(relays=('tor', 'mote', 'tor'), exits=('tor',)) as (network, web, _):
        network.start()
        relay, client = network['relay1'], network.add_client('tor', PATH)
        transfer(web, client, MIB)
        identity, old = relay.fingerprint, onion_key(network, relay)
        relay.stop()
        age_onion_keys(relay)
        relay.start()
        wait_for('the client goes on after the restart', RECOVERY_LIMIT_SECONDS, lambda: works(web, client, 'restarted'))
        if relay.fingerprint != identity or onion_key(network, relay) != old:
            raise Failure('the restart changed keys')
        say('restarted with the same identity and onion key; the client goes on')
        slow = Fetch(client.socks_port, f'http://127.0.0.1:{web.port}/slow', user='slow')
        wait_for('the onion keys rotate', SECONDS_BEFORE_ROTATION + 10, lambda: 'Renewed onion' in relay.log, pause=0.05)
        download(web, client.socks_port, MIB, prefix='grace')
        say('a new circuit was made with the old key after the rotation')
        wait_for('the authority has the new key', RECOVERY_LIMIT_SECONDS, lambda: onion_key(network, relay) != old)
        time.sleep(1)
        web.enough.set()
        status, digest, seconds, complaint = slow.result()
        if status or digest != web.slow_digest:
            raise Failure(f'the circuit across the rotation: curl status {status} {complaint}')
        say(f'a stream that ran across the rotation arrived intact after {seconds:.1f} s')
        before = network.consensus()
        wait_for('the next consensus', RECOVERY_LIMIT_SECONDS, lambda: network.consensus() not in ('', before))
        download(web, client.socks_port, MIB, prefix='after')
        network.check_alive()
        network.check_warnings()


def works(web, client, user):
    """Whether a small download over a circuit of its own succeeds right now."""
    fetch = Fetch(client.socks_port, f'http://127.0.0.1:{web.port}/1000', user=f'{user}{time.monotonic()}', limit=20)
    return fetch.result()[0] == 0


def path_of(client, web):
    """The path of the circuit that carries the slow download."""
    with Control(client) as control:
        return next(iter(control.path_of_streams(f'127.0.0.1:{web.port}')), None)


def killed():
    """A relay of ours is killed under a running download, in each position: a stock client and ours notice at once and go on over another, and it comes back as who it was."""
    with world(relays=('mote',) * 4, exits=('mote', 'mote')) as (network, web, _):
        network.start()
        pick = lambda *names: ','.join(network[name].fingerprint for name in names)
        steering = [f'EntryNodes {pick("relay0", "relay1")}', f'MiddleNodes {pick("relay2", "relay3")}', f'ExitNodes {pick("exit0", "exit1")}', 'NumEntryGuards 1']
        for client in [network.add_client(kind, extra=steering) for kind in ('tor', 'mote')]:
            for position in range(3):
                kill_under(network, web, client, position)
            transfer(web, client, MIB)
            network.check_alive()


def kill_under(network, web, client, position):
    slow = Fetch(client.socks_port, f'http://127.0.0.1:{web.port}/slow', user=f'slow{position}')
    path = wait_for('the circuit of the download', LINK_LIMIT_SECONDS, lambda: slow.size and path_of(client, web))
    relay = network[path[position]]
    identity = relay.fingerprint
    relay.process.kill()
    began = time.monotonic()
    wait_for('the download breaks off', RECOVERY_LIMIT_SECONDS, lambda: slow.is_over, pause=0.05)
    broken = time.monotonic() - began
    if slow.result()[0] == 0:
        raise Failure('the download ended well')
    wait_for('the client recovers', RECOVERY_LIMIT_SECONDS, lambda: works(web, client, 'again'))
    say(f'{client.name} ({client.kind}): {" > ".join(path)}, {relay.name} killed, the download broke off after {broken:.1f} s, another came through after {time.monotonic() - began:.1f} s')
    relay.start()
    wait_for(f'{relay.name} is back', RECOVERY_LIMIT_SECONDS, lambda: answers(relay))
    if relay.fingerprint != identity:
        raise Failure(f'{relay.name} came back as somebody else')


def answers(node):
    """Whether somebody listens on the node's ORPort."""
    with socket.socket() as probe:
        return probe.connect_ex((node.address, node.or_port)) == 0


def authority_killed():
    """A stock authority is killed and comes back: our relays and clients go on meanwhile, and are listed again."""
    with world(relays=('mote', 'mote', 'tor'), exits=('mote',)) as (network, web, _):
        network.start()
        clients = [network.add_client(kind) for kind in ('tor', 'mote')]
        authority = network['authority0']
        authority.process.kill()
        authority.process.wait()
        for client in clients:
            download(web, client.socks_port, MIB, prefix='without')
        say('both clients go on without an authority')
        authority.start()
        network.wait_listed({n.name for n in network.of('relay', 'exit')})
        say('all relays are listed again')
        for client in clients:
            transfer(web, client, MIB)
        network.check_alive()


SCENARIOS = {f.__name__: f for f in (positions, ipv6, link4, fixed_windows, rotation, killed, authority_killed)}

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('scenario', choices=SCENARIOS)
    sys.exit(run(SCENARIOS[parser.parse_args().scenario]))
