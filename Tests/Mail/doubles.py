"""Servers that letters meet on their way out, as they should be and as they should not: name server, mail server, web server, proxy. Each on an address
of its own within 127.0.0.0/8, in threads of the script that uses them."""
import base64
import hashlib
import socket
import ssl
import struct
import subprocess
import threading

TYPES = {'A': 1, 'CNAME': 5, 'MX': 15, 'TXT': 16, 'AAAA': 28, 'SRV': 33, 'TLSA': 52}


def listen(address, port, serve):
    """Runs `serve(connection)` in a thread for each connection, until the script ends."""
    listener = socket.create_server((address, port), backlog=128)

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.settimeout(120)
            threading.Thread(target=guarded, args=(serve, connection), daemon=True).start()

    def guarded(serve, connection):
        try:
            serve(connection)
        except (OSError, EOFError, ValueError):
            pass
        finally:
            connection.close()
    threading.Thread(target=accept, daemon=True).start()
    return listener


def exactly(connection, count):
    found = b''
    while len(found) < count:
        more = connection.recv(count - len(found))
        if not more:
            raise EOFError
        found += more
    return found


class Names:
    """A name server over TCP. It signs nothing and sets AD as it is told."""

    def __init__(self, address, port):
        self.records, self.signed, self.asked = {}, set(), []
        listen(address, port, self.serve)

    def add(self, name, kind, *values, signed=False):
        self.records[name, TYPES[kind]] = [self.encode(kind, value) for value in values]
        if signed:
            self.signed.add((name, TYPES[kind]))

    def encode(self, kind, value):
        if kind in ('A', 'AAAA'):
            return socket.inet_pton(socket.AF_INET if kind == 'A' else socket.AF_INET6, value)
        if kind == 'MX':
            return struct.pack('>H', value[0]) + self.name(value[1])
        if kind == 'SRV':
            return struct.pack('>HHH', *value[:3]) + self.name(value[3])
        if kind == 'TXT':
            return bytes([len(value)]) + value.encode()
        return value if kind == 'TLSA' else self.name(value)

    @staticmethod
    def name(text):
        return b''.join(bytes([len(label)]) + label.encode() for label in text.split('.') if label) + b'\0'

    def serve(self, connection):
        while True:
            question = exactly(connection, struct.unpack('>H', exactly(connection, 2))[0])
            answer = self.answer(question)
            connection.sendall(struct.pack('>H', len(answer)) + answer)

    def answer(self, question):
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode().lower())
            at += 1 + question[at]
        name, kind = '.'.join(labels), struct.unpack('>H', question[at + 1:at + 3])[0]
        self.asked.append((name, kind))
        found = self.records.get((name, kind), [])
        isKnown = any(known == name or known.endswith('.' + name) for known, _ in self.records)
        isSigned = (name, kind) in self.signed or not found and any(known == name for known, _ in self.signed)
        flags = 0x8180 | (0x20 if isSigned else 0) | (0 if isKnown else 3)
        head = question[:2] + struct.pack('>HHHHH', flags, 1, len(found), 0, 0)
        return head + question[12:at + 5] + b''.join(b'\xc0\x0c' + struct.pack('>HHIH', kind, 1, 60, len(value)) + value for value in found)


class Certificates:
    """An authority of our own, and certificates of it and of nobody."""

    def __init__(self, folder):
        self.folder = folder
        self.authority = self.make('authority', ['-x509', '-days', '2', '-subj', '/CN=an authority', '-addext', 'basicConstraints=critical,CA:TRUE'])

    def make(self, name, words):
        path = self.folder / name
        subprocess.run(['openssl', 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', f'{path}.key', '-out', f'{path}.pem', *words],
                       check=True, capture_output=True, timeout=60)
        return path

    def own(self, name):
        """Signed by itself."""
        return self.make(name, ['-x509', '-days', '2', '-subj', f'/CN={name}', '-addext', f'subjectAltName=DNS:{name}'])

    def issued(self, name):
        """Signed by the authority."""
        path = self.make(name, ['-subj', f'/CN={name}'])
        (self.folder / 'extensions').write_text(f'subjectAltName=DNS:{name}\n')
        subprocess.run(['openssl', 'x509', '-req', '-in', f'{path}.pem', '-CA', f'{self.authority}.pem', '-CAkey', f'{self.authority}.key', '-CAcreateserial', '-days', '2',
                        '-extfile', self.folder / 'extensions', '-out', f'{path}.pem'], check=True, capture_output=True, timeout=60)
        return path

    @staticmethod
    def association(path):
        """A TLSA record for the certificate's key: 3 1 1."""
        key = subprocess.run(['openssl', 'x509', '-in', f'{path}.pem', '-pubkey', '-noout'], check=True, capture_output=True, timeout=60).stdout
        der = subprocess.run(['openssl', 'pkey', '-pubin', '-outform', 'DER'], input=key, check=True, capture_output=True, timeout=60).stdout
        return bytes([3, 1, 1]) + hashlib.sha256(der).digest()

    @staticmethod
    def context(path):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f'{path}.pem', f'{path}.key')
        return context


class MailServer:
    """Takes letters as it is told: `replies` by verb (`RCPT`, `DATA`, `.`), else 250; `tls`: a certificate, or 'broken', or 'injected'; `login`: name and password,
    without which it takes nothing."""

    def __init__(self, address, port, tls=None, replies=None, lost=lambda letter: False, login=None):
        self.tls, self.replies, self.lost, self.login = tls, replies or {}, lost, login
        self.letters, self.lines, self.lock = [], [], threading.Lock()
        self.connections = 0
        self.listener = listen(address, port, self.serve)

    def serve(self, connection):
        self.connections += 1
        state = {'tls': False, 'envelope': [], 'user': False}
        connection.sendall(self.reply('CONNECT', '220 double ESMTP'))
        file = connection.makefile('rb')
        while True:
            line = file.readline(4096)
            if not line:
                return
            with self.lock:
                self.lines.append(line)
            verb = line.split(b' ')[0].strip().upper().decode()
            if verb == 'EHLO':
                extra = ['STARTTLS'] if self.tls and not state['tls'] else ['AUTH PLAIN'] if self.login else []
                words = ['double', 'PIPELINING', 'SIZE 50000000', '8BITMIME', *extra]
                connection.sendall(''.join(f'250{"-" if at + 1 < len(words) else " "}{word}\r\n' for at, word in enumerate(words)).encode())
            elif verb == 'STARTTLS' and self.tls:
                if self.tls == 'injected':
                    connection.sendall(b'220 go\r\n250 injected\r\n')
                    return
                connection.sendall(b'220 go\r\n')
                if self.tls == 'broken':
                    # Not before the handshake begins: what comes behind the answer at once is injected.
                    connection.recv(64 << 10)
                    connection.sendall(b'this is no TLS at all\r\n')
                    return
                connection = Certificates.context(self.tls).wrap_socket(connection, server_side=True)
                file, state = connection.makefile('rb'), {'tls': True, 'envelope': [], 'user': False}
            elif verb == 'AUTH' and self.login:
                state['user'] = base64.b64decode(line.split()[2]) == b'\0' + b'\0'.join(word.encode() for word in self.login)
                connection.sendall(b'235 come in\r\n' if state['user'] else b'535 5.7.8 no\r\n')
            elif self.login and not state['user'] and verb in ('MAIL', 'RCPT', 'DATA'):
                connection.sendall(b'530 5.7.0 log in first\r\n')
            elif verb == 'DATA':
                connection.sendall(self.reply('DATA', '354 go'))
                if 'DATA' in self.replies:
                    continue
                if not self.take(connection, file, state):
                    return
            elif verb == 'QUIT':
                connection.sendall(b'221 bye\r\n')
                return
            else:
                if verb in ('MAIL', 'RCPT'):
                    state['envelope'].append(line.strip().decode())
                connection.sendall(self.reply(verb, '250 ok'))

    def take(self, connection, file, state):
        content = b''
        while True:
            line = file.readline(2000)
            if not line:
                return False
            if line == b'.\r\n':
                break
            content += line[1:] if line.startswith(b'.') else line
        letter = {'content': content, 'tls': state['tls'], 'envelope': state['envelope']}
        state['envelope'] = []
        reply = self.reply('.', '250 2.0.0 taken')
        if reply.startswith(b'2'):
            with self.lock:
                self.letters.append(letter)
        if self.lost(letter):
            return False
        connection.sendall(reply)
        return True

    def reply(self, verb, usual):
        answer = self.replies.get(verb, usual)
        return ((answer() if callable(answer) else answer) + '\r\n').encode()


class WebServer:
    """Serves one policy file over HTTPS."""

    def __init__(self, address, port, certificate, policy):
        self.certificate, self.policy, self.asked = certificate, policy, 0
        listen(address, port, self.serve)

    def serve(self, connection):
        connection = Certificates.context(self.certificate).wrap_socket(connection, server_side=True)
        question = b''
        while b'\r\n\r\n' not in question:
            more = connection.recv(4096)
            if not more:
                return
            question += more
        self.asked += 1
        isThere = question.startswith(b'GET /.well-known/mta-sts.txt HTTP/1.')
        body = self.policy.encode() if isThere else b'no'
        connection.sendall(f'HTTP/1.1 {"200 OK" if isThere else "404 No"}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n'.encode() + body)
        connection.unwrap()


class Proxy:
    """SOCKS 5 with names: leads to where a name is kept in `places`, anything else to its address."""

    def __init__(self, address, port, places):
        self.places, self.asked, self.logins = places, [], []
        listen(address, port, self.serve)

    def serve(self, connection):
        ways = exactly(connection, exactly(connection, 2)[1])
        if 2 not in ways:
            return
        connection.sendall(b'\5\2')
        name = exactly(connection, exactly(connection, 2)[1])
        self.logins.append((name, exactly(connection, exactly(connection, 1)[0])))
        connection.sendall(b'\1\0')
        kind = exactly(connection, 4)[3]
        host = socket.inet_ntoa(exactly(connection, 4)) if kind == 1 else exactly(connection, exactly(connection, 1)[0]).decode()
        port = struct.unpack('>H', exactly(connection, 2))[0]
        self.asked.append((host, port))
        place = self.places.get(host, (host, port) if kind == 1 else None)
        if not place:
            connection.sendall(b'\5\4\0\1' + bytes(6))
            return
        with socket.create_connection(place, timeout=60) as other:
            connection.sendall(b'\5\0\0\1' + bytes(6))
            back = threading.Thread(target=self.pump, args=(other, connection), daemon=True)
            back.start()
            self.pump(connection, other)
            back.join(120)

    @staticmethod
    def pump(source, sink):
        try:
            while True:
                more = source.recv(65536)
                if not more:
                    break
                sink.sendall(more)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
