"""Asks a stock tor's control port which paths its circuits take."""
import re
import socket

from network import Failure


class Control:
    def __init__(self, node):
        self.socket = socket.create_connection(('127.0.0.1', node.control_port), timeout=10)
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
                raise Failure(f'control port: {command.split()[0]}: {line}')
            answer.append(line[4:])
            if line[3] == ' ':
                return answer
            if line[3] == '+':
                while (more := self.lines.readline().rstrip('\r\n')) != '.':
                    answer.append(more)

    def paths(self):
        """Nicknames along every built circuit of three hops or more."""
        circuits = '\n'.join(self.ask('GETINFO circuit-status'))
        found = [re.findall(r'\$[0-9A-F]{40}[~=](\w+)', line) for line in circuits.splitlines() if ' BUILT ' in line]
        return [path for path in found if len(path) >= 3]

    def close(self):
        self.lines.close()
        self.socket.close()
