"""Asks a stock tor's control port which paths its circuits take."""
import re
import socket


ANSWER_LIMIT_SECONDS = 60


class ControlError(Exception):
    """The control port refused."""


class Control:
    def __init__(self, node):
        self.socket = socket.create_connection(('127.0.0.1', node.control_port), timeout=ANSWER_LIMIT_SECONDS)
        self.lines = self.socket.makefile('r')
        cookie = (node.folder / 'control_auth_cookie').read_bytes().hex()
        self.ask(f'AUTHENTICATE {cookie}')

    def ask(self, command):
        """The lines of one answer, without the status codes."""
        self.socket.sendall(command.encode() + b'\r\n')
        answer = []
        while True:
            line = self.lines.readline().rstrip('\r\n')
            if line[:1] != '2':
                raise ControlError(f'control port: {command.split()[0]}: {line}')
            answer.append(line[4:])
            if line[3] == ' ':
                return answer
            if line[3] == '+':
                while (more := self.lines.readline().rstrip('\r\n')) != '.':
                    answer.append(more)

    def nicknames(self):
        """Every relay of the consensus that the node goes by."""
        return set(re.findall(r'^r (\S+)', '\n'.join(self.ask('GETINFO ns/all')), re.M))

    def path_of_streams(self, target):
        """Nicknames along the circuits that carry streams to `target` now."""
        circuits = {line.split()[0]: re.findall(r'\$[0-9A-F]{40}[~=](\w+)', line) for line in '\n'.join(self.ask('GETINFO circuit-status')).splitlines() if ' ' in line}
        streams = [line.split() for line in '\n'.join(self.ask('GETINFO stream-status')).replace('stream-status=', '').splitlines()]
        return [circuits[s[2]] for s in streams if len(s) > 3 and s[1] == 'SUCCEEDED' and s[3] == target and s[2] in circuits]

    def extend(self, path):
        """Starts a circuit through relays with these fingerprints; its id."""
        return self.ask('EXTENDCIRCUIT 0 ' + ','.join(path))[0].split()[1]

    def is_built(self, circuit):
        """Whether it is there; an error if it is not, and will not be."""
        found = re.search(rf'^(?:circuit-status=)?{circuit} (\w+)', '\n'.join(self.ask('GETINFO circuit-status')), re.M)
        if not found or found[1] in ('FAILED', 'CLOSED'):
            raise ControlError(f'circuit {circuit} is gone')
        return found[1] == 'BUILT'

    def attach_new(self, circuit, port):
        """Attaches every stream to this port that waits for a circuit; only with __LeaveStreamsUnattached."""
        for line in '\n'.join(self.ask('GETINFO stream-status')).replace('stream-status=', '').splitlines():
            stream, state, _, target = [*line.split(), '', '', '', ''][:4]
            if state in ('NEW', 'DETACHED') and target.endswith(f':{port}'):
                self.ask(f'ATTACHSTREAM {stream} {circuit}')

    def paths(self):
        """Nicknames along every built circuit that can carry a stream to an exit."""
        circuits = '\n'.join(self.ask('GETINFO circuit-status'))
        usable = [line for line in circuits.splitlines()
                  if ' BUILT ' in line and 'PURPOSE=GENERAL' in line and 'INTERNAL' not in line and 'ONEHOP' not in line]
        return [re.findall(r'\$[0-9A-F]{40}[~=](\w+)', line) for line in usable]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.lines.close()
        self.socket.close()
