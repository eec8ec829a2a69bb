"""The initiator's end of a Tor link, small and free to misbehave: what the hostile-input scenarios send with."""
import ctypes
import ctypes.util
import hashlib
import os
import select
import socket
import ssl
import struct
import time

ANSWER_LIMIT_SECONDS = 60
BODY_BYTES = 509
CREATE_FAST, CREATED_FAST, RELAY, DESTROY, VERSIONS, NETINFO, RELAY_EARLY, CREATE2, CREATED2, CERTS, AUTH_CHALLENGE = 5, 6, 3, 4, 7, 8, 9, 10, 11, 129, 130

crypto = ctypes.CDLL(ctypes.util.find_library('crypto') or 'libcrypto.so.3')
crypto.EVP_CIPHER_CTX_new.restype = crypto.EVP_aes_128_ctr.restype = ctypes.c_void_p


class Keystream:
    """AES-128 in counter mode from zero, going on from call to call."""

    def __init__(self, key):
        self.context = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new())
        crypto.EVP_EncryptInit_ex(self.context, ctypes.c_void_p(crypto.EVP_aes_128_ctr()), None, key, bytes(16))

    def apply(self, text):
        out, count = ctypes.create_string_buffer(len(text)), ctypes.c_int()
        crypto.EVP_EncryptUpdate(self.context, out, ctypes.byref(count), text, len(text))
        return out.raw

    def __del__(self):
        crypto.EVP_CIPHER_CTX_free(self.context)


class Closed(Exception):
    """The other end closed the link."""


def fixed(circuit, command, body=b''):
    return struct.pack('>IB', circuit, command) + body[:BODY_BYTES].ljust(BODY_BYTES, b'\0')


def variable(circuit, command, body=b''):
    return struct.pack('>IBH', circuit, command, len(body)) + body


def versions(*numbers):
    body = b''.join(struct.pack('>H', n) for n in numbers)
    return struct.pack('>HBH', 0, VERSIONS, len(body)) + body


def netinfo():
    return fixed(0, NETINFO, struct.pack('>I', 0) + b'\x04\x04\x7f\0\0\1' + b'\0')


class Link:
    """A TLS connection to an ORPort. `handshake` makes it an ordinary client's link; without it anything may be sent."""

    def __init__(self, port, source='127.0.0.1'):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers('DEFAULT:@SECLEVEL=0')
        plain = socket.create_connection(('127.0.0.1', port), timeout=ANSWER_LIMIT_SECONDS, source_address=(source, 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain)
        self.buffer, self.identifier_bytes = b'', 2

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (ConnectionError, ssl.SSLError):
            raise Closed from None

    def read(self, count, limit):
        deadline = time.monotonic() + limit
        while len(self.buffer) < count:
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                piece = self.socket.recv(65536)
            except (ConnectionError, ssl.SSLError) as error:
                if isinstance(error, ssl.SSLError) and 'timed out' in str(error):
                    raise TimeoutError from None
                raise Closed from None
            if not piece:
                raise Closed
            self.buffer += piece
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def cell(self, limit=ANSWER_LIMIT_SECONDS):
        """(circuit, command, body) of the next cell; Closed or TimeoutError when there is none."""
        head = self.read(self.identifier_bytes + 1, limit)
        circuit, command = int.from_bytes(head[:-1], 'big'), head[-1]
        if command == VERSIONS or command >= 128:
            size = int.from_bytes(self.read(2, limit), 'big')
        else:
            size = BODY_BYTES
        return circuit, command, self.read(size, limit)

    def handshake(self):
        self.send(versions(4, 5))
        seen = []
        while NETINFO not in seen:
            seen.append(self.cell()[1])
            self.identifier_bytes = 4
        self.send(netinfo())
        return seen

    def answer(self, circuit, limit=ANSWER_LIMIT_SECONDS):
        """The next cell on one circuit; padding and other circuits are passed over."""
        deadline = time.monotonic() + limit
        while True:
            got, command, body = self.cell(max(0.001, deadline - time.monotonic()))
            if got == circuit:
                return command, body

    def close(self):
        self.socket.close()


class Circuit:
    """One hop made with CREATE_FAST."""

    def __init__(self, link, identifier=0x80000001):
        self.link, self.identifier = link, identifier
        x = os.urandom(20)
        link.send(fixed(identifier, CREATE_FAST, x))
        command, body = link.answer(identifier)
        if command != CREATED_FAST:
            raise ValueError(f'answer to CREATE_FAST: command {command}')
        seed = x + body[:20]
        keys = b''.join(hashlib.sha1(seed + bytes([i])).digest() for i in range(6))
        if keys[:20] != body[20:40]:
            raise ValueError('CREATED_FAST proves nothing')
        self.forward_digest, self.backward_digest = hashlib.sha1(keys[20:40]), hashlib.sha1(keys[40:60])
        self.forward, self.backward = Keystream(keys[60:76]), Keystream(keys[76:92])

    def send(self, command, stream=0, data=b'', early=False, length=None):
        """A relay cell, well made but for what the caller asks: `length` may lie."""
        head = struct.pack('>BHH4xH', command, 0, stream, len(data) if length is None else length)
        body = (head + data).ljust(BODY_BYTES, b'\0')
        self.forward_digest.update(body)
        body = body[:5] + self.forward_digest.digest()[:4] + body[9:]
        self.link.send(fixed(self.identifier, RELAY_EARLY if early else RELAY, self.forward.apply(body)))

    def receive(self, limit=ANSWER_LIMIT_SECONDS):
        """('destroy', reason) or (relay command, stream, data) of the next cell on this circuit."""
        command, body = self.link.answer(self.identifier, limit)
        if command == DESTROY:
            return 'destroy', body[0]
        body = self.backward.apply(body)
        relay, _, stream, _, length = struct.unpack('>BHH4sH', body[:11])
        return relay, stream, body[11:11 + length]
