"""A peer of the enrolment server that shares no code with it: Python's TLS and openssl's keys. Reads an order on standard input and tries what strangers
and thieves try, then enrols, reports and comes back. Prints one line per finding; silence is good."""
import hashlib
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading

order = dict(line.split(" ", 1) for line in sys.stdin.read().splitlines())
host, port = order["Coordinator"].rsplit(":", 1)
folder = tempfile.mkdtemp()
REFUSED = struct.pack(">IB", 1, 2)
KEY, SECRET = bytes.fromhex(order["Mote"]), bytes.fromhex(order["Secret"])


def identity(name, algorithm):
    """A key and a certificate that openssl made."""
    key, certificate = f"{folder}/{name}.key", f"{folder}/{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", *algorithm, "-nodes", "-keyout", key, "-out", certificate, "-subj", "/CN=x", "-days", "30"],
                   check=True, capture_output=True)
    return certificate, key


def connect(own=None, highest=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if own:
        context.load_cert_chain(*own)
    if highest:
        context.maximum_version = highest
    return context.wrap_socket(socket.create_connection((host, int(port)), timeout=60))


def frame(kind, body=b""):
    return struct.pack(">IB", len(body) + 1, kind) + body


def answer(connection):
    """The next frame; None when the peer closed."""
    try:
        head = b""
        while len(head) < 4:
            part = connection.recv(4 - len(head))
            if not part:
                return None
            head += part
        body = b""
        while len(body) < struct.unpack(">I", head)[0]:
            part = connection.recv(65536)
            if not part:
                return None
            body += part
        return head + body
    except (ssl.SSLError, ConnectionError):
        return None


def ask(own, *frames):
    with connect(own) as connection:
        try:
            for one in frames:
                connection.sendall(one)
        except (ssl.SSLError, ConnectionError):
            return None
        return answer(connection)


def expect(what, found, wanted):
    if found != wanted:
        print(f"{what}: {found!r}, not {wanted!r}")


mote, thief = identity("mote", ["ed25519"]), identity("thief", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
enrol = frame(1, KEY + SECRET + b"\x01\x08platform\x00\x04none")
report = frame(3, b"\x64\x00" + struct.pack(">IIQQ", 1, 2, 3, 4) + b"\x00")

with connect(mote) as connection:
    certificate = connection.getpeercert(binary_form=True)
    expect("protocol", connection.version(), "TLSv1.3")
public = subprocess.run(["openssl", "x509", "-inform", "der", "-pubkey", "-noout"], input=certificate, capture_output=True, check=True).stdout
public = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=public, capture_output=True, check=True).stdout
expect("pin", hashlib.sha256(public).hexdigest(), order["CoordinatorPin"])

try:
    connect(mote, ssl.TLSVersion.TLSv1_2)
    print("TLS 1.2 is spoken")
except (ssl.SSLError, ConnectionError):
    pass
expect("no certificate", ask(None, enrol), None)
expect("plain text", socket.create_connection((host, int(port)), timeout=60).sendall(b"GET / HTTP/1.0\r\n\r\n"), None)
for name, garbage in [("oversized", b"\xff\xff\xff\xff"), ("just oversized", struct.pack(">I", 65537)), ("empty", bytes(4)), ("unknown kind", frame(77)),
                      ("short", frame(1, KEY)), ("trailing", frame(2, KEY + b"x")), ("report first", report), ("noise", os.urandom(2000))]:
    expect(name, ask(thief, garbage), None)
expect("wrong secret", ask(thief, frame(1, KEY + os.urandom(32) + b"\0")), REFUSED)
expect("unknown mote", ask(thief, frame(1, os.urandom(16) + SECRET + b"\0")), REFUSED)
expect("resume before enrolment", ask(thief, frame(2, KEY)), REFUSED)

welcome = ask(mote, enrol)
expect("welcome", welcome and (welcome[4], welcome[13:]), (1, b"Address 127.0.0.1\n"))
expect("replayed secret", ask(thief, enrol), REFUSED)
expect("thief resumes", ask(thief, frame(2, KEY)), REFUSED)
expect("lost welcome", ask(mote, enrol), welcome)
standing = ask(mote, frame(2, KEY))
expect("resumed", standing and standing[4:6], b"\x03\x00")
expect("enrolled twice on one connection", ask(mote, enrol + enrol) and "answered once", "answered once")

# As many strangers that say nothing as one address may have, and more: the mote still gets through once they are thrown out.
silent = [socket.create_connection((host, int(port)), timeout=60) for _ in range(60)]
for stranger in silent:
    stranger.settimeout(40)
    try:
        expect("a silent stranger", stranger.recv(1), b"")
    except ConnectionError:
        pass
with connect(mote) as connection:
    connection.sendall(frame(2, KEY))
    expect("after the flood", answer(connection), standing)
    for _ in range(3):
        connection.sendall(report)
        expect("a report", answer(connection), standing)
