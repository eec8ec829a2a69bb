"""What travels through a network under test: a local web server, a local name server, and curl with digests compared."""
import hashlib
import http.server
import os
import socket
import struct
import subprocess
import tempfile
import threading
import time

from network import Failure, end, spawn

MIB = 1 << 20
FETCH_LIMIT_SECONDS = 240


class Web:
    """Serves GET /BYTES from one random block, GET /slow until `enough` is set, and answers a PUT with its SHA-256."""

    def __init__(self, port=0, host='127.0.0.1'):
        self.block, web = os.urandom(MIB), self
        self.enough, self.slow_digest = threading.Event(), None

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def log_message(self, *_):
                pass

            def do_GET(self):
                self.send_response(200)
                if self.path == '/slow':
                    self.send_header('Transfer-Encoding', 'chunked')
                    self.end_headers()
                    return web.trickle(self.wfile)
                self.send_header('Content-Length', self.path[1:])
                self.end_headers()
                for start in range(0, int(self.path[1:]), MIB):
                    self.wfile.write(web.block[:int(self.path[1:]) - start])

            def do_PUT(self):
                answer = web.read(self.rfile, int(self.headers['Content-Length'])).encode()
                self.send_response(200)
                self.send_header('Content-Length', str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            address_family = socket.AF_INET6 if ':' in host else socket.AF_INET

            def handle_error(self, *_):
                pass   # a client that goes away is the client's affair: its digest will not match

        self.server = Server((host, port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def trickle(self, to):
        """Chunks of 8 KiB, eight a second, until there was enough; remembers the digest of what went out."""
        digest, at = hashlib.sha256(), 0
        while not self.enough.wait(0.125):
            piece, at = self.block[at:at + 8192], (at + 8192) % MIB
            to.write(b'%x\r\n%b\r\n' % (len(piece), piece))
            digest.update(piece)
        self.slow_digest = digest.hexdigest()
        to.write(b'0\r\n\r\n')

    def read(self, source, size):
        digest = hashlib.sha256()
        while size > 0:
            piece = source.read(min(size, 1 << 16))
            if not piece:
                break
            digest.update(piece)
            size -= len(piece)
        return digest.hexdigest()

    def digest(self, size):
        digest = hashlib.sha256(self.block * (size // MIB))
        digest.update(self.block[:size % MIB])
        return digest.hexdigest()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Names(threading.Thread):
    """A name server on loopback: every name below .test is 127.0.0.1, every other name does not exist, unless it lies."""

    def __init__(self, folder, is_lying=False):
        super().__init__(daemon=True)
        self.is_lying = is_lying
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(('127.0.0.1', 0))
        self.resolv_conf = folder / 'resolv.conf'
        self.resolv_conf.write_text(f'nameserver 127.0.0.1:{self.socket.getsockname()[1]}\noptions timeout:30\n')
        self.asked = []
        self.start()

    def run(self):
        while True:
            try:
                query, peer = self.socket.recvfrom(512)
                self.socket.sendto(self.answer(query), peer)
            except OSError:
                return

    def answer(self, query):
        name, at = [], 12
        while query[at]:
            name.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        kind = struct.unpack('>H', query[at + 1:at + 3])[0]
        self.asked.append('.'.join(name))
        known, question = self.is_lying or name[-1] == 'test', query[12:at + 5]
        record = b'\xc0\x0c' + struct.pack('>HHIH4B', 1, 1, 60, 4, 127, 0, 0, 1) if known and kind == 1 else b''
        flags = 0x8580 if known else 0x8583
        return query[:2] + struct.pack('>HHHHH', flags, 1, 1 if record else 0, 0, 0) + question + record

    def close(self):
        self.socket.close()


def curl(socks_port, *arguments, user='user', limit=FETCH_LIMIT_SECONDS):
    """A curl command line through a SOCKS port; `user` isolates: another name, another circuit."""
    return ['curl', '-sS', '-f', '-m', str(limit), '--socks5-hostname', f'127.0.0.1:{socks_port}', '--proxy-user', f'{user}:x', *arguments]


class Fetch:
    """One running download, hashed as it comes."""

    def __init__(self, socks_port, url, user='user', limit=FETCH_LIMIT_SECONDS):
        self.digest, self.size, self.began = hashlib.sha256(), 0, time.monotonic()
        self.errors = tempfile.TemporaryFile()
        self.process = spawn(curl(socks_port, url, user=user, limit=limit), stdout=subprocess.PIPE, stderr=self.errors)
        self.reader = threading.Thread(target=self.drain, daemon=True)
        self.reader.start()

    def drain(self):
        while piece := self.process.stdout.read1(1 << 18):
            self.digest.update(piece)
            self.size += len(piece)
        self.finished = time.monotonic()

    @property
    def is_over(self):
        return self.process.poll() is not None

    def result(self):
        """(status, hexadecimal digest, seconds, what curl complained of)"""
        status = self.process.wait()
        self.reader.join()
        self.errors.seek(0)
        return status, self.digest.hexdigest(), self.finished - self.began, self.errors.read().decode(errors='replace').strip()

    def close(self):
        end([self.process])


def download(web, socks_port, size, parallel=1, host='127.0.0.1', prefix='user', limit=FETCH_LIMIT_SECONDS):
    """Fetches `size` bytes over `parallel` circuits at once, compares digests; returns the seconds taken."""
    fetches = [Fetch(socks_port, f'http://{host}:{web.port}/{size}', f'{prefix}{i}', limit) for i in range(parallel)]
    results, wanted = [f.result() for f in fetches], web.digest(size)
    for status, digest, _, complaint in results:
        if status != 0 or digest != wanted:
            raise Failure(f'download of {size} bytes: curl status {status} {complaint}' + ('' if status else ', digest differs'))
    return max(seconds for _, _, seconds, _ in results)


def upload(web, socks_port, size, user='user', host='127.0.0.1', limit=FETCH_LIMIT_SECONDS):
    """Sends `size` bytes and compares the digest the server computed; returns the seconds taken."""
    with tempfile.NamedTemporaryFile(prefix='dustcloud-up-') as file:
        file.write((web.block * (size // MIB + 1))[:size])
        file.flush()
        began = time.monotonic()
        child = spawn(curl(socks_port, '-H', 'Expect:', '-T', file.name, f'http://{host}:{web.port}/up', user=user, limit=limit), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        answer, complaint = child.communicate(timeout=limit + 5)
    if child.returncode != 0 or answer != web.digest(size):
        raise Failure(f'upload of {size} bytes: curl status {child.returncode} {complaint.strip()}' + ('' if child.returncode else ', digest differs'))
    return time.monotonic() - began
