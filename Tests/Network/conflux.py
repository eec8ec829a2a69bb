"""Circuits that a stock client links at our exit (proposal 329)."""
import re
import time

from content import MIB, Fetch, Web, download, upload
from control import Control
from network import Failure, Network, say, wait_for

TRANSFER_BYTES = 20 * MIB
LINKED_LIMIT_SECONDS = 60
STATUS_LIMIT_SECONDS = 15
GUARDS, MIDDLES = ('relay0', 'relay1'), ('relay2', 'relay3')


def add_client(network, exit):
    """A stock client that may link circuits, through either guard to this exit."""
    pick = lambda names: ','.join(network[name].fingerprint for name in names)
    extra = [f'EntryNodes {pick(GUARDS)}', f'MiddleNodes {pick(MIDDLES)}', f'ExitNodes {pick((exit,))}', 'StrictNodes 1', 'NumEntryGuards 2',
             'ConfluxEnabled 1', 'VanguardsLiteEnabled 0', 'CircuitBuildTimeout 10', 'LearnCircuitBuildTimeout 0']
    client = network.add('client', 'tor', extra).start()
    network.wait_bootstrapped(client)
    return client


def sets(client):
    """Guards of the legs of every linked set, by the stock client's word."""
    with Control(client) as control:
        status = '\n'.join(control.ask('GETINFO circuit-status'))
    found = {}
    for line in status.splitlines():
        linked = re.search(r' BUILT (\S+) .*PURPOSE=CONFLUX_LINKED.*CONFLUX_ID=(\w+)', line)
        if linked:
            found.setdefault(linked[2], set()).add(re.findall(r'[~=](\w+)', linked[1])[0])
    return found


def wait_linked(client):
    """Waits for a set with a leg through each guard."""
    complete = lambda: [s for s in sets(client).values() if s == set(GUARDS)]
    found = wait_for(f'{client.name} links circuits', LINKED_LIMIT_SECONDS, complete)
    say(f'{client.name}: {len(found)} linked sets, each with legs through {" and ".join(GUARDS)}')


def traffic(node):
    """MiB that a relay has read so far."""
    with Control(node) as control:
        return int(control.ask('GETINFO traffic/read')[0].split('=')[1]) / MIB


def conflux():
    """A stock client moves 20 MiB each way over two linked circuits to our exit, and both of them carry data: one through relays of ours, one through stock's, or mixed."""
    web = Web()
    with Network(relays=('mote', 'tor') * 2, exits=('mote', 'mote')) as network:
        network.start()
        client = add_client(network, 'exit0')
        wait_linked(client)
        before = {name: traffic(network[name]) for name in GUARDS}
        down = download(web, client.socks_port, TRANSFER_BYTES)
        moved = {name: traffic(network[name]) - before[name] for name in GUARDS}
        if min(moved.values()) < 1:   # a leg that was held up for once is passed over
            down = download(web, client.socks_port, TRANSFER_BYTES)
            moved = {name: traffic(network[name]) - before[name] for name in GUARDS}
        up = upload(web, client.socks_port, TRANSFER_BYTES)
        say(f'{TRANSFER_BYTES / MIB:.0f} MiB intact: down in {down:.2f} s, up in {up:.2f} s')
        say('read by the guards while downloading: ' + ', '.join(f'{name} {mib:.1f} MiB' for name, mib in moved.items()))
        if min(moved.values()) < 1:
            raise Failure('one leg carried next to nothing')
        for key in ('confluxLegs', 'confluxSwitches'):
            count = wait_for(f'exit0 counts {key}', STATUS_LIMIT_SECONDS, lambda: network['exit0'].status(key))
            say(f'exit0: {key} {count}')
        say(f'exit0: {network["exit0"].status("confluxLegsMoved")} of these came from one loop to the other')
        network.check_alive()
        network.check_warnings()
    web.close()


def conflux_loss():
    """When the guard of one leg vanishes in mid-transfer, the stream ends with our exit as it does with stock's, and the next one works."""
    web = Web()
    with Network(relays=('tor',) * 4, exits=('mote', 'tor')) as network:
        network.start()
        clients = [add_client(network, exit) for exit in ('exit0', 'exit1')]
        for client in clients:
            wait_linked(client)
        bulk = 1024 * MIB   # more than either gets through before the end
        fetches = [Fetch(client.socks_port, f'http://127.0.0.1:{web.port}/{bulk}', limit=40) for client in clients]
        wait_for('both transfers are under way', 30, lambda: all(f.size > 4 * MIB for f in fetches))
        network['relay0'].stop()
        began = time.monotonic()
        ours, stock = (fetch.result()[0] for fetch in fetches)
        say(f'curl after the loss: status {ours} at our exit, {stock} at a stock exit, {time.monotonic() - began:.1f} s later')
        if bool(ours) != bool(stock):
            raise Failure('our exit and the stock exit differ')
        for client in clients:
            seconds = wait_for(f'{client.name} downloads through the guard that is left', 40, lambda: try_download(web, client), pause=1)
            say(f'{client.name}: 1 MiB intact through the guard that is left in {seconds:.1f} s')
        network.check_alive(but=('relay0',))
    web.close()


def try_download(web, client):
    """Seconds taken; None while stock's client has no path yet: it takes a moment to believe that a guard is gone."""
    try:
        return download(web, client.socks_port, MIB, prefix='later', limit=60)
    except Failure:
        return None


SCENARIOS = (conflux, conflux_loss)
