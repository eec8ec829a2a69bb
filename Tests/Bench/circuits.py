"""What circuits cost a relay: built per second, and resident memory per thousand that stay open.

The load is one link that sends the same ntor onion skin again and again. The relay cannot know, and does its whole part of the
handshake each time; making skins costs nothing here, so that the relay is what is measured.
"""
import os
import re
import struct
import time

from link import BODY_BYTES, CREATE2, CREATED2, CREATE_FAST, CREATED_FAST, DESTROY, Closed, Link, fixed
from network import Failure, wait_for
from positions import cpu_seconds

IN_FLIGHT = 128
FIXED_BYTES = 4 + 1 + BODY_BYTES
FIRST_CIRCUIT = 0x80000001
NTOR = 2


def onion_skin(network, node):
    """A CREATE2 body that the relay must answer: its identity, its onion key as published, and some point."""
    key = wait_for(f'the onion key of {node.name}', 30, lambda: re.search(
        r'^ntor-onion-key (\S+)', network.document(f'/tor/server/fp/{node.fingerprint}') or '', re.M))[1]
    handshake = bytes.fromhex(node.fingerprint) + base64_key(key) + os.urandom(32)
    return struct.pack('>HH', NTOR, len(handshake)) + handshake


def base64_key(text):
    import base64
    return base64.b64decode(text + '=' * (-len(text) % 4))


class Flood:
    """Circuits opened over one link."""

    def __init__(self, node, skin):
        self.link, self.skin, self.next = Link(node.or_port), skin, FIRST_CIRCUIT
        self.link.handshake()

    def open(self, count, keep):
        """Opens `count` circuits, at most IN_FLIGHT unanswered, and those again that are refused (a busy machine's relay drops skins that
        waited long); without `keep` each is destroyed when it stands."""
        create, destroy = (fixed(0, command, body)[4:] for command, body in ((CREATE2, self.skin), (DESTROY, b'\x09')))
        sent = answered = again = 0
        while answered < count:
            batch = min(IN_FLIGHT - (sent - answered), count - sent)
            if batch:
                self.link.send(b''.join((self.next + i).to_bytes(4, 'big') + create for i in range(batch)))
                self.next, sent = self.next + batch, sent + batch
            done, refused = self.answers()
            answered, sent, again = answered + len(done), sent - refused, again + refused
            if again > count:
                raise Failure(f'{again} circuits were refused where {count} were asked for')
            if done and not keep:
                self.link.send(b''.join(circuit + destroy for circuit in done))

    def answers(self):
        """The circuits that stand now and how many are refused; waits for a cell. What came together is taken apart together: this must
        cost less than a handshake."""
        circuit, command, _ = self.link.cell()
        cells, taken, buffer = [(circuit.to_bytes(4, 'big'), command)], 0, self.link.buffer
        while len(buffer) - taken >= FIXED_BYTES and buffer[taken + 4] < 128:
            cells.append((buffer[taken:taken + 4], buffer[taken + 4]))
            taken += FIXED_BYTES
        self.link.buffer = buffer[taken:]
        return [circuit for circuit, command in cells if command == CREATED2], sum(command == DESTROY for _, command in cells)

    def close(self):
        self.link.close()


def circuits_per_second(network, node, count=4000):
    """(circuits per second, CPU milliseconds per circuit)"""
    flood = Flood(node, onion_skin(network, node))
    flood.open(200, keep=False)
    cpu, began = cpu_seconds(node), time.monotonic()
    flood.open(count, keep=False)
    seconds = time.monotonic() - began
    cost = (cpu_seconds(node) - cpu) * 1000 / count
    flood.close()
    return count / seconds, cost


def kib_per_thousand_circuits(network, node):
    """Resident KiB that a thousand open circuits add, and what is resident then in MiB. Each link holds 500: no client would hold more."""
    before, floods, skin = node.resident_mib(), [], onion_skin(network, node)
    for _ in range(2):
        floods.append(Flood(node, skin))
        floods[-1].open(500, keep=True)
    time.sleep(1)
    after = node.resident_mib()
    for flood in floods:
        flood.close()
    return (after - before) * 1024, after


def seconds_to_first_cell(node):
    """From starting the process to the answer to its first CREATE_FAST."""
    node.start()
    while True:
        try:
            link = Link(node.or_port)
            link.handshake()
            link.send(fixed(FIRST_CIRCUIT, CREATE_FAST, os.urandom(20)))
            command, _ = link.answer(FIRST_CIRCUIT)
            link.close()
            if command == CREATED_FAST:
                return time.monotonic() - node.started
        except (OSError, Closed):
            pass
        if time.monotonic() - node.started > 60:
            raise Failure(f'{node.name} answers no CREATE_FAST within 60 s')
        time.sleep(0.005)
