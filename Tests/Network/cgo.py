"""Counter Galois Onion and ntor v3 among stock nodes.

Every relay advertises Relay=2-6 and FlowCtrl=2, so a stock client uses ntor v3 with all of them and Counter Galois Onion with the last.
That it was really used is what our nodes say in their status files: a cell of the wrong crypto is recognised by nobody, so data that
arrived went through what was counted.
"""
import re

from content import MIB, Web, download, upload
from network import Failure, Network, say, wait_for

STATUS_LIMIT_SECONDS = 15


def counted(node):
    """Circuits with Counter Galois Onion that ended at this mote, or that it built."""
    return node.status('counterGaloisCircuits')


def check_advertised(network, kinds=('mote',)):
    """Our relays say what stock says."""
    text = network.document('/tor/server/all')
    for node in network.of('relay', 'exit'):
        if node.kind in kinds:
            line = re.search(rf'^router {node.name} .*\n(?:.*\n)*?proto (.*)$', text, re.M)[1]
            if 'Relay=2-6' not in line.split() or 'FlowCtrl=1-2' not in line.split():
                raise Failure(f'{node.name}: proto {line}')


def transfer(network, web, kind, path, size=3 * MIB):
    client = network.add_client(kind, path)
    seconds = download(web, client.socks_port, size) + upload(web, client.socks_port, size)
    say(f'{" > ".join((kind, *(f"{name} ({network[name].kind})" for name in path)))}: {size / MIB:.0f} MiB each way intact in {seconds:.2f} s')
    return client


def check_used(node, was=0):
    count = wait_for(f'{node.name} counts circuits', STATUS_LIMIT_SECONDS, lambda: counted(node) > was and counted(node))
    say(f'{node.name}: {count} circuits with Counter Galois Onion')


def cgo():
    """Stock clients use it with our exit, ours with a stock exit and with our own; ours are guard and middle with ntor v3."""
    web = Web()
    with Network(relays=('mote', 'mote', 'tor', 'tor'), exits=('mote', 'tor')) as network:
        network.start()
        check_advertised(network)
        transfer(network, web, 'tor', ('relay2', 'relay3', 'exit0'))
        check_used(network['exit0'])
        transfer(network, web, 'tor', ('relay0', 'relay1', 'exit1'))
        check_used(transfer(network, web, 'mote', ('relay2', 'relay3', 'exit1')))
        before = counted(network['exit0'])
        check_used(transfer(network, web, 'mote', ('relay0', 'relay1', 'exit0')))
        check_used(network['exit0'], before)
        network.check_alive()
        network.check_warnings()
    web.close()


def cgo_without_control():
    """A consensus without congestion control means tor1, both ways and with ntor v3 at every hop."""
    web = Web()
    with Network(relays=('mote', 'tor', 'tor'), exits=('mote', 'tor')) as network:
        network['authority0'].extra.append('ConsensusParams cc_alg=0')
        network.start()
        check_advertised(network)
        clients = [transfer(network, web, 'tor', ('relay0', 'relay1', 'exit0')), transfer(network, web, 'mote', ('relay1', 'relay0', 'exit1'))]
        wait_for('a status file', STATUS_LIMIT_SECONDS, lambda: all((n.folder / 'mote-status').exists() for n in (network['exit0'], clients[1])))
        for node in (network['exit0'], clients[1]):
            if counted(node):
                raise Failure(f'{node.name}: Counter Galois Onion without congestion control')
        network.check_alive()
        network.check_warnings()
    web.close()


SCENARIOS = (cgo, cgo_without_control)
