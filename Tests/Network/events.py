"""What controllers are told of as it happens, read with stem from our nodes and from stock's beside them."""
import re
import subprocess
import sys

sys.path.append('/usr/lib/python3/dist-packages')   # where Debian puts stem, whichever Python runs this
from stem.control import EventType

from content import MIB, download
from link import Link
from network import PATIENCE, say, wait_for
from operate import controller, events_of, expect

RELAY_KINDS = (EventType.ORCONN, EventType.NS, EventType.NEWCONSENSUS, EventType.NEWDESC, EventType.STATUS_SERVER, EventType.STATUS_CLIENT, EventType.DESCCHANGED)
CLIENT_KINDS = (EventType.ADDRMAP, EventType.CIRC_BW, EventType.STREAM_BW, EventType.GUARD, EventType.ORCONN)


def form(event):
    """An event's text with numbers, names and what only congestion control adds put aside."""
    text = event.raw_content().strip()
    text = re.sub(r' (SS|CWND|RTT|MIN_RTT)=\S+', '', text)
    return re.sub(r'\d+', '0', re.sub(r'\$[0-9A-F]{40}(~\w+)?', 'RELAY', text))


def links(node, seen):
    """A client's link as it comes to stand, under one number; whether its end is told, which stock does not do."""
    made = Link(node.or_port)
    address = '%s:%d' % made.socket.getsockname()[:2]
    made.handshake()
    life = lambda: [e for e in seen[EventType.ORCONN] if address in e.raw_content()]
    told = wait_for(f'{node.name} tells of the link of {address}', 20, lambda: (t := life()) and any(e.status == 'CONNECTED' for e in t) and t)
    made.close()
    if node.kind == 'mote':
        wait_for(f'{node.name} tells of its end', 20, lambda: life()[-1].status == 'CLOSED')
    expect(f'{node.name}: one link, one number: {[e.raw_content() for e in life()]}', len({e.id for e in life()}) == 1)
    return [form(e) for e in told]


def newcomer(network, ours):
    """A relay that comes is told of by its descriptor, its status and the consensus that has it."""
    name = network.add('relay', 'tor').start().name
    wait_for(f'NEWDESC, NS and NEWCONSENSUS tell of {name}', 90, lambda: network.check_alive()
             and any(n == name for e in ours[EventType.NEWDESC] for _, n in e.relays)
             and all(any(d.nickname == name for e in ours[kind] for d in e.desc) for kind in (EventType.NS, EventType.NEWCONSENSUS))
             and any(e.action == 'CONSENSUS_ARRIVED' for e in ours[EventType.STATUS_CLIENT]))


def own_descriptor(made, seen):
    made.set_conf('ContactInfo', 'new')
    wait_for('DESCCHANGED', 40, lambda: seen[EventType.DESCCHANGED])
    wait_for('an authority took the descriptor', 40, lambda: any(e.action == 'ACCEPTED_SERVER_DESCRIPTOR' for e in seen[EventType.STATUS_SERVER]))


def traffic(client, web, seen):
    """A lookup, a download and what is told of them."""
    found = subprocess.run(['tor-resolve', 'name.test', f'127.0.0.1:{client.socks_port}'], capture_output=True, text=True, timeout=60 * PATIENCE).stdout.strip()
    expect(f'{client.name} resolves name.test to {found!r}', found == '127.0.0.1')
    download(web, client.socks_port, 4 * MIB)
    wait_for(f'{client.name} tells of bandwidth', 20, lambda: moved(seen) >= 4 * MIB and seen[EventType.CIRC_BW])
    if client.kind == 'mote':   # stock tells only of lookups that a controller asked for
        wait_for(f'{client.name} tells of the lookup', 20, lambda: any(e.hostname == 'name.test' and e.destination == '127.0.0.1' for e in seen[EventType.ADDRMAP]))
    return {'STREAM_BW': form(seen[EventType.STREAM_BW][0]), 'CIRC_BW': form(seen[EventType.CIRC_BW][0])}


def moved(seen):
    """Bytes that applications got, in whichever of the two numbers of STREAM_BW."""
    return max(sum(e.read for e in seen[EventType.STREAM_BW]), sum(e.written for e in seen[EventType.STREAM_BW]))


def same(what, ours, stock):
    say(f'{what}: {ours}')
    expect(f'{what}: ours {ours}, stock {stock}', ours == stock)


def events(world):
    """Controllers are told of links, documents, lookups and bandwidth in stock's words, at a relay and at a client of ours."""
    with world(relays=('tor', 'mote', 'tor'), exits=('tor',)) as (network, web, _):
        for name in ('relay0', 'relay1'):
            network[name].extra += ['ContactInfo old']
        network.start()
        relays = [network['relay1'], network['relay0']]
        with controller(relays[0]) as ours, controller(relays[1]) as stock:
            seen = [events_of(made, *RELAY_KINDS) for made in (ours, stock)]
            same('ORCONN', *(links(node, told) for node, told in zip(relays, seen)))
            own_descriptor(ours, seen[0])
            newcomer(network, seen[0])
        clients = [network.add_client(kind, extra=['ClientRejectInternalAddresses 0']) for kind in ('mote', 'tor')]
        with controller(clients[0]) as ours, controller(clients[1]) as stock:
            seen = [events_of(made, *CLIENT_KINDS) for made in (ours, stock)]
            told = [traffic(client, web, s) for client, s in zip(clients, seen)]
        for kind in told[0]:
            same(kind, told[0][kind], told[1][kind])
        network.check_alive()
