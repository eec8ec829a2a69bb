"""Transparency logs as C2SP's texts have them (signed-note, tlog-checkpoint, tlog-cosignature, tlog-tiles, tlog-witness, with RFC 6962's tree),
written from those texts and with the Python package `cryptography`: nothing here knows our code."""
import base64
import hashlib
import http.server
import struct
import threading
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519, COSIGNATURE = 1, 4      # kinds of signatures in a note
TILE = 256


class Bad(Exception):
    """Not as the texts say."""


def sha256(data):
    return hashlib.sha256(data).digest()


# MARK: RFC 6962, section 2.1

def leaf_hash(entry):
    return sha256(b'\0' + entry)


def node(left, right):
    return sha256(b'\1' + left + right)


def split(count):
    """The largest power of two below it."""
    return 1 << (count - 1).bit_length() - 1


def tree_head(leaves):
    if not leaves:
        return sha256(b'')
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node(tree_head(leaves[:k]), tree_head(leaves[k:]))


def consistency(leaves, old, whole=True):
    """The proof that the first `old` leaves are a prefix (section 2.1.2)."""
    if old == len(leaves):
        return [] if whole else [tree_head(leaves)]
    k = split(len(leaves))
    if old <= k:
        return consistency(leaves[:k], old, whole) + [tree_head(leaves[k:])]
    return consistency(leaves[k:], old - k, False) + [tree_head(leaves[:k])]


def included(leaf, index, size, proof, root):
    """Whether an audit path leads from a leaf to the root (RFC 9162, 2.1.3.2)."""
    if index >= size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def consistent(old, new, old_root, new_root, proof):
    """Whether a consistency proof holds (RFC 9162, 2.1.4.2)."""
    if old == 0:
        return not proof
    if old == new:
        return not proof and old_root == new_root
    if not proof:
        return False
    proof = ([old_root] if old & (old - 1) == 0 else []) + proof
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = proof[0]
    for c in proof[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node(c, fr), node(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and (fr, sr) == (old_root, new_root)


# MARK: notes and checkpoints

def public(key):
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def key_id(name, kind, key):
    return sha256(name.encode() + b'\n' + bytes([kind]) + key)[:4]


def is_signed(key, message, signature):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except InvalidSignature:
        return False


class Checkpoint:
    """A signed note whose text is a tree's origin, size and root."""

    def __init__(self, text):
        self.body, gap, lines = text.partition('\n\n')
        self.body += '\n'
        fields = self.body.split('\n')
        if not gap or not lines.endswith('\n') or len(fields) != 4:
            raise Bad(f'no checkpoint: {text!r}')
        self.origin, size, root = fields[:3]
        self.size, self.root = int(size), base64.b64decode(root, validate=True)
        if str(self.size) != size or len(self.root) != 32:
            raise Bad(f'no checkpoint: {text!r}')
        self.lines = [self.line(line) for line in lines.splitlines()]

    @staticmethod
    def line(line):
        mark, name, signature = line.split(' ')
        if mark != '—':
            raise Bad(f'no signature: {line!r}')
        raw = base64.b64decode(signature, validate=True)
        return name, raw[:4], raw[4:]

    def is_signed(self, name, key):
        return any((n, i) == (name, key_id(name, ED25519, key)) and is_signed(key, self.body.encode(), s) for n, i, s in self.lines)

    def cosigned(self, name, key):
        """When that witness cosigned it, in seconds since 1970."""
        for n, i, signature in self.lines:
            if (n, i, len(signature)) == (name, key_id(name, COSIGNATURE, key), 72):
                then, = struct.unpack('>Q', signature[:8])
                if is_signed(key, cosigned_message(self.body, then), signature[8:]):
                    return then
        return None


def cosigned_message(body, then):
    return f'cosignature/v1\ntime {then}\n{body}'.encode()


def line(name, kind, key, signature):
    return f'— {name} {base64.b64encode(key_id(name, kind, public(key)) + signature).decode()}\n'


def checkpoint(origin, key, leaves):
    """The note of a log with these leaves."""
    body = f'{origin}\n{len(leaves)}\n{base64.b64encode(tree_head(leaves)).decode()}\n'
    return body + '\n' + line(origin, ED25519, key, key.sign(body.encode()))


def add_checkpoint(old, proof, note):
    """The body of tlog-witness's call."""
    return f'old {old}\n' + ''.join(base64.b64encode(p).decode() + '\n' for p in proof) + '\n' + note


# MARK: tiles

def tile_path(level, index, width=TILE):
    digits = [f'{index % 1000:03}']
    while index := index // 1000:
        digits.insert(0, f'x{index % 1000:03}')
    return f'/tile/{level}/' + '/'.join(digits) + (f'.p/{width}' if width < TILE else '')


def tiles(size, level=0):
    """Index and width of each tile at a level of a tree of that size."""
    count = size // TILE ** level
    return [(n, min(TILE, count - n * TILE)) for n in range((count + TILE - 1) // TILE)]


def bundle(body):
    """The entries of an entry bundle."""
    entries, at = [], 0
    while at < len(body):
        count, = struct.unpack_from('>H', body, at)
        entries.append(body[at + 2:at + 2 + count])
        at += 2 + count
    if at != len(body):
        raise Bad('an entry bundle ends too early')
    return entries


# MARK: a witness

class Witness:
    """Cosigns a log that only grows."""

    def __init__(self, name, port):
        self.name, self.key, self.port = name, Ed25519PrivateKey.generate(), port
        self.log_key, self.origin, self.size, self.root, self.steps, self.trouble = None, None, 0, b'', [], []
        witness = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers['Content-Length']))
                status, kind, answer = witness.answer(body.decode()) if self.path == '/add-checkpoint' else (404, 'text/plain', '')
                self.send_response(status)
                self.send_header('Content-Type', kind)
                self.send_header('Content-Length', str(len(answer.encode())))
                self.end_headers()
                self.wfile.write(answer.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', port), Handler)
        self.lock = threading.Lock()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, body):
        with self.lock:
            try:
                return self.decide(body)
            except (Bad, ValueError) as error:
                self.trouble.append(f'{error}')
                return 400, 'text/plain', ''

    def decide(self, body):
        head, _, note = body.partition('\n\n')
        first, *hashes = head.split('\n')
        word, old = first.split(' ')
        new, proof = Checkpoint(note), [base64.b64decode(h, validate=True) for h in hashes]
        if word != 'old' or len(proof) > 63:
            raise Bad(f'no call: {first!r}')
        if new.origin != self.origin:
            return 404, 'text/plain', ''
        if not new.is_signed(self.origin, self.log_key):
            self.trouble.append('the log did not sign')
            return 403, 'text/plain', ''
        if int(old) != self.size:
            return 409, 'text/x.tlog.size', f'{self.size}\n'
        if not consistent(self.size, new.size, self.root, new.root, proof):
            self.trouble.append(f'no proof from {self.size} to {new.size}')
            return 422, 'text/plain', ''
        self.steps.append((self.size, new.size))
        self.size, self.root = new.size, new.root
        then = int(time.time())
        signature = struct.pack('>Q', then) + self.key.sign(cosigned_message(new.body, then))
        return 200, 'text/plain', line(self.name, COSIGNATURE, self.key, signature)
