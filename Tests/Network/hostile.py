#!/usr/bin/env python3
"""Malformed input against one running node: `hostile.py cells|descriptors|socks|directory|torrc|footprint [--kind tor] [--seeds N]`.

Every case has the protocol's or the contract's answer written beside it; after each the node must still be alive and sane.
`--kind tor` runs the same corpus against stock tor, which is how the answers were checked. Without a name all run.
"""
import argparse
import base64
import os
import random
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from link import (AUTH_CHALLENGE, BODY_BYTES, CERTS, CREATE2, CREATE_FAST, CREATED2, CREATED_FAST, DESTROY, NETINFO, RELAY, RELAY_EARLY, VERSIONS, Circuit,
                  Closed, Link, fixed, netinfo, variable, versions)
from network import ANSWER_LIMIT_SECONDS, Failure, Network, program, say, wait_for
from scenarios import run

FOLDER = Path(__file__).resolve().parent
OURS = 0x80000007      # a circuit id that the initiator may use
QUIET_SECONDS = 0.25   # how long silence must last to count as an answer, where it is one that will do; else it may be long
BEGIN, DATA, END, SENDME, EXTEND2, EXTENDED2, BEGIN_DIR, RESOLVE, RESOLVED = 1, 2, 3, 5, 14, 15, 13, 11, 12


def lone_node(network, role, kind):
    """One node with nobody else about, listening."""
    node = network.add(role, kind) if role != 'authority' else network['authority0']
    node.start()
    ports = {'client': [node.socks_port], 'authority': [node.or_port, node.dir_port]}.get(role, [node.or_port])
    wait_for(f'{kind} listens', 15, lambda: network.check_alive() and all(map(listens, ports)), pause=0.02)
    return node


def listens(port):
    try:
        socket.create_connection(('127.0.0.1', port), timeout=1).close()
        return True
    except OSError:
        return False


# What a node may do about a bad cell. Each probe returns what it did in these words.
CLOSED, IGNORED = 'closed', 'ignored'


def reaction(link, circuit, quiet):
    """What the node did: 'closed', 'destroy REASON' on the circuit, or 'ignored' when it goes on as if nothing had come."""
    try:
        while True:
            command, body = link.answer(circuit, quiet)
            if command == DESTROY:
                return f'destroy {body[0]}'
    except (TimeoutError, socket.timeout):
        pass
    except Closed:
        return CLOSED
    try:
        Circuit(link, 0x8000FFFF)
        return IGNORED
    except Closed:
        return CLOSED


def before_handshake(data, then_end=False):
    def probe(port, quiet):
        link = Link(port)
        try:
            link.send(data)
            if then_end:
                link.close()
                return CLOSED
            while True:
                link.cell(8 * quiet)
                link.identifier_bytes = 4
        except Closed:
            return CLOSED
        except (TimeoutError, socket.timeout):
            return 'waits'
        finally:
            link.close()
    return probe


def after_handshake(*cells, circuit=OURS):
    def probe(port, quiet):
        link = Link(port)
        try:
            link.handshake()
            for cell in cells:
                link.send(cell)
            return reaction(link, circuit, quiet)
        except Closed:
            return CLOSED
        finally:
            link.close()
    return probe


def on_circuit(*sends):
    """`sends` are argument lists of Circuit.send; the answer is the first cell back, or 'ignored'."""
    def probe(port, quiet):
        link = Link(port)
        try:
            link.handshake()
            circuit = Circuit(link)
            for arguments, options in sends:
                circuit.send(*arguments, **options)
            kind, detail, *data = circuit.receive(2 * quiet)
            if kind == 'destroy':
                return f'destroy {detail}'
            return {END: 'end', RESOLVED: 'resolved', SENDME: 'sendme'}.get(kind, f'relay {kind}')
        except (TimeoutError, socket.timeout):
            return IGNORED
        except Closed:
            return CLOSED
        finally:
            link.close()
    return probe


def send(*arguments, **options):
    return arguments, options


def plain(data):
    def probe(port, quiet):
        with socket.create_connection(('127.0.0.1', port), timeout=16 * quiet) as raw:
            raw.sendall(data)
            try:
                while raw.recv(4096):
                    pass
                return CLOSED
            except ConnectionError:
                return CLOSED
            except TimeoutError:
                return 'waits'
    return probe


def extend2(*specifiers, kind=2, skin=bytes(84), count=None):
    body = bytes([len(specifiers) if count is None else count])
    for number, data in specifiers:
        body += bytes([number, len(data)]) + data
    return body + struct.pack('>HH', kind, len(skin)) + skin


ADDRESS = (0, b'\x7f\0\0\1\0\x09')
IDENTITY = (2, bytes(range(20)))
CELLS = (
    # before the handshake is done
    ('no TLS at all', plain(b'GET / HTTP/1.0\r\n\r\n'), CLOSED),
    ('TLS cut short', plain(b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(600)), CLOSED),
    ('HTTP inside TLS', before_handshake(b'GET / HTTP/1.0\r\n' + b'X: y\r\n' * 400), CLOSED),
    ('VERSIONS without a common version', before_handshake(versions(1, 2, 99)), CLOSED),
    ('VERSIONS with nothing in it', before_handshake(versions()), CLOSED),
    ('VERSIONS and then the end', before_handshake(versions(4, 5)[:3], then_end=True), CLOSED),
    ('CERTS before VERSIONS', before_handshake(struct.pack('>HBH', 0, CERTS, 1) + b'\0'), CLOSED),
    ('CREATE_FAST before VERSIONS', before_handshake(fixed(OURS, CREATE_FAST, bytes(20))), CLOSED),
    ('VERSIONS twice', before_handshake(versions(4, 5) + variable(0, VERSIONS, b'\0\4')), 'closed|waits'),
    ('CREATE_FAST before NETINFO', before_handshake(versions(4, 5) + fixed(OURS, CREATE_FAST, bytes(20))), CLOSED),
    ('CERTS full of garbage', before_handshake(versions(4, 5) + variable(0, CERTS, b'\2\4\0\x10' + bytes(16) + b'\2\0\4' + bytes(4))), CLOSED),
    ('CERTS that promise more than they hold', before_handshake(versions(4, 5) + variable(0, CERTS, b'\x09\2\xff\xff\0')), CLOSED),
    ('AUTHENTICATE without CERTS', before_handshake(versions(4, 5) + variable(0, 131, b'\0\3\x01\x60' + bytes(352))), CLOSED),
    ('AUTHENTICATE cut short', before_handshake(versions(4, 5) + variable(0, 131, b'\0')), CLOSED),
    # a proper link, improper cells
    ('an unknown fixed command', after_handshake(fixed(OURS, 77)), IGNORED),
    ('an unknown variable command', after_handshake(variable(OURS, 200, bytes(65535))), IGNORED),
    ('VPADDING of every size', after_handshake(variable(0, 128), variable(0, 128, bytes(65535))), IGNORED),
    ('PADDING_NEGOTIATE of a future version', after_handshake(fixed(0, 12, b'\xff' * 509)), IGNORED),
    ('CREATE_FAST on circuit 0', after_handshake(fixed(0, CREATE_FAST, bytes(20))), IGNORED),
    ('CREATE_FAST on the other side\'s circuit id', after_handshake(fixed(7, CREATE_FAST, bytes(20)), circuit=7), 'destroy 1'),
    ('CREATE2 of an unknown type', after_handshake(fixed(OURS, CREATE2, struct.pack('>HH', 99, 84))), 'destroy 1'),
    ('CREATE2 longer than a cell', after_handshake(fixed(OURS, CREATE2, struct.pack('>HH', 2, 60000))), 'destroy 1'),
    ('CREATE2 with an empty onion skin', after_handshake(fixed(OURS, CREATE2, struct.pack('>HH', 2, 0))), 'destroy 1'),
    ('CREATE2 for somebody else', after_handshake(fixed(OURS, CREATE2, struct.pack('>HH', 2, 84) + b'\7' * 84)), 'destroy 1'),
    ('CREATE, which is gone', after_handshake(fixed(OURS, 1, bytes(186))), 'destroy 1'),
    ('the same circuit id twice', after_handshake(fixed(OURS, CREATE_FAST, bytes(20)), fixed(OURS, CREATE_FAST, bytes(20))), 'ignored|destroy 1'),
    ('RELAY on no circuit', after_handshake(fixed(OURS, RELAY, bytes(509))), IGNORED),
    ('DESTROY on no circuit', after_handshake(fixed(OURS, DESTROY, b'\xff')), IGNORED),
    ('CREATED2 that nobody asked for', after_handshake(fixed(OURS, CREATED2, b'\xff' * 509)), IGNORED),
    # a proper circuit, improper relay cells
    ('a relay cell that nobody recognises', after_handshake(fixed(OURS, CREATE_FAST, bytes(20)), fixed(OURS, RELAY, b'\1' * 509)), 'destroy 1'),
    ('an unknown relay command', on_circuit(send(250, 0, b'')), IGNORED),
    ('a relay cell that claims 65535 bytes', on_circuit(send(DATA, 1, b'', length=65535)), 'destroy 1'),
    ('DATA on no stream', on_circuit(send(DATA, 9, b'lost')), IGNORED),
    ('END with an empty body on no stream', on_circuit(send(END, 9, b'')), 'ignored|destroy 1'),
    ('BEGIN with no end to its address', on_circuit(send(BEGIN, 1, b'x' * 498)), 'end'),
    ('BEGIN with no port', on_circuit(send(BEGIN, 1, b'example.test\0')), 'end'),
    ('BEGIN with nothing', on_circuit(send(BEGIN, 1, b'')), 'end'),
    ('EXTEND2 cut short', on_circuit(send(EXTEND2, 0, b'\xff', early=True)), 'destroy 1'),
    ('EXTEND2 with no address', on_circuit(send(EXTEND2, 0, extend2(IDENTITY), early=True)), 'destroy 1'),
    ('EXTEND2 with no identity', on_circuit(send(EXTEND2, 0, extend2(ADDRESS), early=True)), 'destroy 1'),
    ('EXTEND2 whose address is too short', on_circuit(send(EXTEND2, 0, extend2((0, b'\x7f'), IDENTITY), early=True)), 'destroy 1'),
    ('EXTEND2 that counts too far', on_circuit(send(EXTEND2, 0, extend2(ADDRESS, IDENTITY, count=40), early=True)), 'destroy 1'),
    ('EXTEND2 in a cell that is not early', on_circuit(send(EXTEND2, 0, extend2(ADDRESS, IDENTITY))), 'ignored|destroy 1'),
    ('a circuit SENDME that nobody owes', on_circuit(send(SENDME, 0, b'\1\0\x14' + bytes(20))), 'destroy 1'),
    ('nine early cells', on_circuit(*[send(DATA, 9, b'', early=True)] * 9), 'destroy 1'),
    ('a DATA flood past the window', on_circuit(*[send(DATA, 9, b'flood')] * 1001), 'sendme|destroy 1'),
)


def cells(kind, seeds):
    """Malformed cells over real TLS, then seeded mutations of good ones."""
    with Network(relays=(), exits=()) as network:
        node = lone_node(network, 'relay', kind)
        wrong = []
        for name, probe, expected in CELLS:
            is_silence_enough = any(re.fullmatch(expected, answer) for answer in (IGNORED, 'waits'))
            got = probe(node.or_port, QUIET_SECONDS if is_silence_enough else ANSWER_LIMIT_SECONDS)
            network.check_alive()
            if not re.fullmatch(expected, got):
                wrong.append(f'{name}: {got}, expected {expected}')
        say(f'{len(CELLS) - len(wrong)} of {len(CELLS)} malformed cells answered as the protocol says')
        mutate_cells(network, node, seeds)
        check_link(node)
        if wrong:
            raise Failure('\n  '.join(['wrong answers:'] + wrong))


def mutate_cells(network, node, seeds):
    base = random.randrange(1 << 32)
    for seed in range(base, base + seeds):
        rng = random.Random(seed)
        try:
            link = Link(node.or_port)
            try:
                if rng.random() < 0.3:
                    link.send(rng.randbytes(rng.randrange(1, 2000)))
                else:
                    link.handshake()
                    mutated(link, rng)
            finally:
                link.close()
        except (Closed, OSError, ValueError):
            pass
        if not node.is_alive:
            raise Failure(f'seed {seed} ended the node with {node.process.poll()}')
    say(f'{seeds} seeded mutations survived, seeds {base}..{base + seeds - 1}')


def mutated(link, rng):
    circuit = Circuit(link)
    for _ in range(rng.randrange(1, 12)):
        if rng.random() < 0.5:
            circuit.send(rng.choice((BEGIN, DATA, END, 4, SENDME, 6, EXTEND2, EXTENDED2, RESOLVE, BEGIN_DIR, 10, 19, 22, 32, 38, 41, rng.randrange(256))),
                         rng.choice((0, 1, 2, 65535)), rng.randbytes(rng.randrange(0, 499)), early=rng.random() < 0.4,
                         length=rng.choice((None, rng.randrange(65536))))
        else:
            command = rng.choice((0, RELAY, DESTROY, CREATE_FAST, 8, RELAY_EARLY, CREATE2, CREATED2, 12, 128, 129, 130, 131, rng.randrange(256)))
            make = variable if command >= 128 or command == 7 else fixed
            link.send(make(rng.choice((0, OURS, 0x80000001, 5)), command, rng.randbytes(rng.randrange(0, 510))))


def check_link(node):
    """The node still makes circuits."""
    link = Link(node.or_port)
    link.handshake()
    Circuit(link)
    link.close()
    say(f'still makes circuits, {node.resident_mib():.1f} MiB resident')


def exchange(port, data, limit=ANSWER_LIMIT_SECONDS, finish=True, enough=None):
    """Everything that comes back for `data`, or as many bytes as are enough: (bytes, whether the other end closed)."""
    answer = b''
    try:
        with socket.create_connection(('127.0.0.1', port), timeout=limit) as raw:
            raw.sendall(data)
            if finish:
                raw.shutdown(socket.SHUT_WR)
            while piece := raw.recv(65536):
                answer += piece
                if enough and len(answer) >= enough:
                    return answer, False
            return answer, True
    except TimeoutError:
        return answer, False
    except OSError:
        return answer, True


HELLO = b'\5\1\0'
SOCKS = (   # bytes sent, what the answer must match
    ('HTTP instead of SOCKS', b'GET / HTTP/1.0\r\n\r\n', rb'(HTTP/1\.0 501.*)?'),
    ('an unknown SOCKS version', b'\x09\1\0', rb''),
    ('SOCKS 5 with no methods', b'\5\0', rb'(\x05\xff)?'),
    ('SOCKS 5 with only unknown methods', b'\5\2\x77\x78', rb'\x05\xff'),
    ('SOCKS 5 asking to BIND', HELLO + b'\5\2\0\1\x7f\0\0\1\0\x50', rb'(\x05\x00)?\x05\x07.*'),
    ('SOCKS 5 with an unknown command', HELLO + b'\5\x99\0\1\x7f\0\0\1\0\x50', rb'(\x05\x00)?\x05[\x01\x07].*'),
    ('SOCKS 5 with an unknown address type', HELLO + b'\5\1\0\x09\x7f\0\0\1\0\x50', rb'(\x05\x00)?\x05[\x01\x08].*'),
    ('SOCKS 5 with an empty name', HELLO + b'\5\1\0\3\0\0\x50', rb'(\x05\x00)?(\x05[\x01-\x08].*)?'),
    ('SOCKS 5 with a name of control characters', HELLO + b'\5\1\0\3\4a\nb\1\0\x50', rb'(\x05\x00)?(\x05[\x01-\x08].*)?'),
    ('SOCKS 5 with port 0', HELLO + b'\5\1\0\3\4name\0\0', rb'(\x05\x00)?(\x05[\x01-\x08].*)?'),
    ('a password of the wrong version', b'\5\1\2' + b'\x07\1u\1p', rb'\x05\x02(\x01[^\x00].*|\x05\x01.*)?'),
    ('SOCKS 4 with an unknown command', b'\4\7\0\x50\x7f\0\0\1\0', rb'(\x00\x5b.*)?'),
    ('SOCKS 4a whose name never ends', b'\4\1\0\x50\0\0\0\1user\0' + b'n' * 5000, rb'(\x00\x5b.*)?'),
    ('SOCKS 4 whose user never ends', b'\4\1\0\x50\x7f\0\0\1' + b'u' * 5000, rb'(\x00\x5b.*)?'),
)


def socks(kind, seeds):
    """Garbage at the SOCKS port."""
    with Network(relays=(), exits=()) as network:
        node = lone_node(network, 'client', kind)
        wrong = []
        for name, data, expected in SOCKS:
            answer, closed = exchange(node.socks_port, data, finish=False)
            network.check_alive()
            if not closed or not re.fullmatch(expected, answer, re.S):
                wrong.append(f'{name}: {answer[:60]!r}{"" if closed else " and left open"}')
        say(f'{len(SOCKS) - len(wrong)} of {len(SOCKS)} bad SOCKS requests refused')
        garbage(node, node.socks_port, seeds, (HELLO, b'\5\1\2', b'\4\1', HELLO + b'\5\1\0', b''))
        answer, _ = exchange(node.socks_port, HELLO, finish=False, enough=2)
        if answer != b'\5\0':
            raise Failure(f'afterwards a good greeting is answered {answer!r}')
        if wrong:
            raise Failure('\n  '.join(['wrong answers:'] + wrong))


REQUESTS = (
    ('an unknown document', b'GET /tor/nonsense HTTP/1.0\r\n\r\n', rb'HTTP/1\.[01] 404 .*'),
    ('a method that nobody knows', b'BREW /tor/server/all HTTP/1.0\r\n\r\n', rb'(HTTP/1\.[01] [45]\d\d .*)?'),
    ('a request line with nothing in it', b'\r\n\r\n', rb'(HTTP/1\.[01] 400 .*)?'),
    ('binary garbage', bytes(range(256)) + b'\r\n\r\n', rb'(HTTP/1\.[01] 400 .*)?'),
    ('a header that never ends', b'GET / HTTP/1.0\r\nX: ' + b'x' * 200_000, rb'(HTTP/1\.[01] 4\d\d .*)?'),
    ('a path out of the tree', b'GET /tor/../../etc/passwd HTTP/1.0\r\n\r\n', rb'HTTP/1\.[01] 404 .*'),
    ('digests that are none', b'GET /tor/server/d/zzzz+%00 HTTP/1.0\r\n\r\n', rb'HTTP/1\.[01] 40[04] .*'),
    ('a descriptor of nonsense', b'POST /tor/ HTTP/1.0\r\nContent-Length: 8\r\n\r\nnonsense', rb'HTTP/1\.[01] (200|400) .*'),
    ('an empty descriptor', b'POST /tor/ HTTP/1.0\r\nContent-Length: 0\r\n\r\n', rb'(HTTP/1\.[01] (200|400) .*)?'),
    ('a length that is no number', b'POST /tor/ HTTP/1.0\r\nContent-Length: -5\r\n\r\nx', rb'(HTTP/1\.[01] 4\d\d .*)?'),
    ('a length past every bound', b'POST /tor/ HTTP/1.0\r\nContent-Length: 99999999999999999999\r\n\r\nx', rb'(HTTP/1\.[01] 4\d\d .*)?'),
    ('a vote of nonsense', b'POST /tor/post/vote HTTP/1.0\r\nContent-Length: 8\r\n\r\nnonsense', rb'HTTP/1\.[01] 4\d\d .*'),
    ('a signature of nonsense', b'POST /tor/post/consensus-signature HTTP/1.0\r\nContent-Length: 8\r\n\r\nnonsense', rb'HTTP/1\.[01] [245]\d\d .*'),
)


def directory(kind, seeds):
    """Garbage at the DirPort, descriptors among it."""
    with Network(authorities=(kind,), relays=(), exits=()) as network:
        node = lone_node(network, 'authority', kind)
        wrong = []
        for name, data, expected in REQUESTS:
            answer, closed = exchange(node.dir_port, data)
            network.check_alive()
            if not closed or not re.fullmatch(expected, answer, re.S):
                wrong.append(f'{name}: {answer[:80]!r}{"" if closed else " and left open"}')
        say(f'{len(REQUESTS) - len(wrong)} of {len(REQUESTS)} bad requests refused')
        mutate_descriptors(network, node, seeds)
        garbage(node, node.dir_port, seeds, (b'GET /tor/', b'POST /tor/ HTTP/1.0\r\n', b'POST /tor/ HTTP/1.0\r\nContent-Length: 400\r\n\r\n', b''))
        if network.document('/tor/keys/all') is None:
            raise Failure('afterwards the authority serves no certificate')
        if wrong:
            raise Failure('\n  '.join(['wrong answers:'] + wrong))


def mutate_descriptors(network, node, seeds):
    """The authority's own descriptor with lines lost, doubled, swapped or damaged: signed no more, so it never takes the good one's place."""
    good = wait_for('a descriptor to spoil', 15, lambda: network.document('/tor/server/authority'))
    base = random.randrange(1 << 32)
    for seed in range(base, base + seeds):
        lines, rng = good.splitlines(keepends=True), random.Random(seed)
        for _ in range(rng.randrange(1, 4)):
            at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
            change = rng.randrange(5)
            if change == 0 and len(lines) > 2:
                del lines[at]
            elif change == 1:
                lines.insert(at, lines[other])
            elif change == 2:
                lines[at] = lines[at][:rng.randrange(len(lines[at]))] + rng.choice(('\0', '\n', 'x', ' 99999999999999999999 ', '-----BEGIN X-----\n')) + lines[at][-1:]
            elif change == 3:
                lines[at] = lines[at].rstrip('\n') + ' ' + 'A' * rng.randrange(1, 30000) + '\n'
            else:
                lines = lines[:max(1, at)]
        body = ''.join(lines).encode()
        if body == good.encode():
            continue
        answer, _ = exchange(node.dir_port, b'POST /tor/ HTTP/1.0\r\nContent-Length: %d\r\n\r\n' % len(body) + body)
        if not node.is_alive:
            raise Failure(f'descriptor of seed {seed} ended the node with {node.process.poll()}')
        if not re.match(rb'HTTP/1\.[01] [24]\d\d ', answer):
            raise Failure(f'descriptor of seed {seed} was answered {answer[:100]!r}')
    if network.document('/tor/server/authority') != good:
        raise Failure(f'a spoilt descriptor was accepted, seeds {base}..{base + seeds - 1}')
    say(f'{seeds} spoilt descriptors refused, seeds {base}..{base + seeds - 1}')


def garbage(node, port, seeds, starts):
    base = random.randrange(1 << 32)
    for seed in range(base, base + seeds):
        rng = random.Random(seed)
        exchange(port, rng.choice(starts) + rng.randbytes(rng.randrange(0, 600)), limit=0.05)
        if not node.is_alive:
            raise Failure(f'seed {seed} ended the node with {node.process.poll()}')
    say(f'{seeds} seeded pieces of garbage survived, seeds {base}..{base + seeds - 1}')


DESCRIPTOR_LIMIT, CALLERS = 160, 400


def descriptors(kind, _):
    """More callers than descriptors: the node neither dies nor spins, and takes callers again when some have gone."""
    with Network(relays=(), exits=()) as network:
        node = network.add('relay', kind)
        node.wrapper = ['prlimit', f'--nofile={DESCRIPTOR_LIMIT}:{DESCRIPTOR_LIMIT}']
        node.extra += [f'ConnLimit {DESCRIPTOR_LIMIT}']
        node.start()
        wait_for(f'{kind} listens', 15, lambda: network.check_alive() and listens(node.or_port), pause=0.02)
        # From many addresses, for one alone is refused long before.
        callers = [socket.create_connection(('127.0.0.1', node.or_port), timeout=ANSWER_LIMIT_SECONDS, source_address=(f'127.0.0.{2 + i // 40}', 0)) for i in range(CALLERS)]
        time.sleep(1)
        before = node.cpu_seconds()
        time.sleep(3)
        spent = node.cpu_seconds() - before
        for caller in callers:
            caller.close()
        network.check_alive()
        wait_for('callers are served again', 20, lambda: network.check_alive() and answers(node))
        say(f'{CALLERS} callers on {DESCRIPTOR_LIMIT} descriptors: {spent:.2f} s of CPU in 3 s, served again afterwards')
        if spent > 1:
            raise Failure('it spins while it has no descriptors')


def answers(node):
    try:
        check_link(node)
        return True
    except (Closed, OSError):
        return False


def torrc(kind, seeds):
    """Each block of the corpus says what must come of it: `good`, `warns OPTION` or `line N OPTION`."""
    wrong, blocks = [], re.split(r'^=== ', (FOLDER / 'torrc-corpus.txt').read_text(), flags=re.M)[1:]
    with tempfile.TemporaryDirectory(prefix='dustcloud-torrc-') as folder:
        file = Path(folder) / 'torrc'
        for block in blocks:
            title, _, text = block.partition('\n')
            status, output = verify(kind, file, text.encode())
            if not answered(title.partition(':')[0].split(), status, output):
                wrong.append(f'{title}: exit {status}: {output.strip()[-240:]}')
        say(f'{len(blocks) - len(wrong)} of {len(blocks)} configurations answered as the contract says')
        spoil_torrcs(kind, file, blocks, seeds)
    if wrong:
        raise Failure('\n  '.join(['wrong answers:'] + wrong))


def verify(kind, file, text):
    file.write_bytes(text)
    done = subprocess.run([program(kind), '--verify-config', '-f', str(file)], capture_output=True, text=True, errors='replace', timeout=4 * ANSWER_LIMIT_SECONDS)
    return done.returncode, done.stdout + done.stderr


def answered(expected, status, output):
    if expected[0] == 'good':
        return status == 0
    if expected[0] == 'warns':
        return status == 0 and expected[1].lower() in output.lower()
    return status > 0 and f'torrc:{expected[1]}: {expected[2]}:'.lower() in output.lower()


def spoil_torrcs(kind, file, blocks, seeds):
    """Bytes of the whole corpus damaged by seed: any answer will do but a crash."""
    base = random.randrange(1 << 32)
    for seed in range(base, base + seeds):
        rng = random.Random(seed)
        text = bytearray(''.join(b.partition('\n')[2] for b in rng.sample(blocks, 3)).encode())
        for _ in range(rng.randrange(1, 20)):
            text[rng.randrange(len(text) + 1):0] = rng.choice((b'\0', b'\xff\xfe', b'\\\n', b'"', b'#', b'\n', b'9' * 40, b' ' * 5000, rng.randbytes(9)))
        status, output = verify(kind, file, bytes(text))
        if not 0 <= status < 128:
            raise Failure(f'seed {seed}: exit {status}: {output.strip()[-240:]}')
    say(f'{seeds} spoilt configurations survived, seeds {base}..{base + seeds - 1}')


START_CPU_SECONDS = 0.5


def footprint(kind, _):
    """From start to the first cell relayed onwards, three times; and the memory of an idle mote in a living network."""
    with Network(relays=('tor', 'tor'), exits=('tor',)) as network:
        network.start()
        times = [relaying_seconds(network, kind) for _ in range(3)]
        for listening, linked, relayed, worked in times:
            say(f'listens after {listening * 1000:.0f} ms, link after {linked * 1000:.0f} ms, first cell relayed after {relayed * 1000:.0f} ms and {worked:.2f} s of CPU')
        idle = network.of('relay')[-1]
        network.wait_listed({idle.name})
        time.sleep(5)
        say(f'idle: {idle.resident_mib():.1f} MiB resident')
        # What the clock says is as much the machine's doing, and that of whoever else is busy on it.
        if min(t[3] for t in times) > START_CPU_SECONDS:
            raise Failure(f'every start took more than {START_CPU_SECONDS} s of CPU')
        if idle.resident_mib() >= 30:
            raise Failure('idles at 30 MiB or more')


def relaying_seconds(network, kind):
    """Starts one more relay and extends a circuit through it to a stock relay, as soon as it will."""
    target = network['relay0']
    descriptor = network.document(f'/tor/server/fp/{target.fingerprint}')
    key = base64.b64decode(re.search(r'^ntor-onion-key (\S+)', descriptor, re.M)[1] + '==')
    identity = bytes.fromhex(target.fingerprint)
    skin = identity + key + b'\x09' + bytes(31)   # any 32 bytes are a public key; the far relay answers, that is what counts
    body = extend2((0, b'\x7f\0\0\1' + struct.pack('>H', target.or_port)), (2, identity), skin=skin)
    node = network.add('relay', kind).start()
    wait_for('listens', 15, lambda: node.is_alive and listens(node.or_port), pause=0.005)
    listening = time.monotonic() - node.started
    link = Link(node.or_port)
    link.handshake()
    circuit = Circuit(link)
    linked = time.monotonic() - node.started
    circuit.send(EXTEND2, 0, body, early=True)
    answer = circuit.receive()
    relayed, worked = time.monotonic() - node.started, node.cpu_seconds()
    link.close()
    if answer[0] != EXTENDED2:
        raise Failure(f'EXTEND2 to a stock relay answered {answer[:2]}')
    return listening, linked, relayed, worked


SUITES = {f.__name__: f for f in (cells, descriptors, socks, directory, torrc, footprint)}

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('suite', nargs='?', choices=SUITES)
    parser.add_argument('--kind', default='mote', choices=('mote', 'tor'))
    parser.add_argument('--seeds', type=int, default=40 * int(os.environ.get('DUSTCLOUD_SEEDS') or 1))
    chosen = parser.parse_args()
    suites = [SUITES[chosen.suite]] if chosen.suite else [cells, descriptors, socks, directory, torrc]
    sys.exit(max(run(lambda: suite(chosen.kind, chosen.seeds)) for suite in suites))
