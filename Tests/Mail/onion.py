#!/usr/bin/env python3
"""Letters to mail servers that are onion services of a stock tor, through a stock client: `onion.py NAME` prints figures and exits 0 only if everything held."""
import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'Network'))
from network import say, wait_for
from scenarios import run, world
from services import reachable
from doubles import Certificates, MailServer, Names
from out import Driver, content, expect

LIMIT_SECONDS = 90


class Server(MailServer):
    """Behind the service, on this machine."""

    def __init__(self, network, certificate):
        self.port = network.ports.take()
        super().__init__('127.0.0.1', self.port, tls=certificate)


def deliver():
    """To a domain of the operator's map and to one that announces its service; a letter of 2 MB among them."""
    with world(authorities=('mote',), relays=('mote',) * 3, exits=('mote',)) as (network, _, _):
        network.start()
        folder = network.folder / 'letters'
        folder.mkdir()
        server = Server(network, Certificates(network.folder).own('localhost'))
        _, client, host = reachable(network, server)
        port = network.ports.take()
        names = Names('127.0.0.1', port)
        names.add('_onion-mx._tcp.announced.example', 'SRV', (10, 5, server.port, host), signed=True)
        driver = Driver(folder, routes='onion', proxy=f'127.0.0.1:{client.socks_port}', resolver=f'127.0.0.1:{port}', onions=f'mapped.example={host}:{server.port}', retry=2, patience=600)
        try:
            began = time.monotonic()
            large = b'From: alice@example.com\r\n\r\n' + b'some words of a letter that is not small at all\r\n' * 42_000
            numbers = [driver.bring('bob@mapped.example'), driver.bring('bob@announced.example'), driver.bring('bob@mapped.example', text=large)]
            for number in numbers:
                driver.taken(number)
            letters = wait_for('all letters', LIMIT_SECONDS, lambda: len(server.letters) >= 3 and list(server.letters))
            took = time.monotonic() - began
            for text in (content(numbers[0]), content(numbers[1]), large):
                expect('once and intact', sum(letter['content'].endswith(text) for letter in letters) == 1, [letter['content'][:200] for letter in letters])
            expect('under TLS, with anybody, for the service is its own proof', all(letter['tls'] for letter in letters))
            wait_for('nothing waits any more', LIMIT_SECONDS, driver.is_empty)
            expect('each once', len(server.letters) == 3)
            expect('the server learns nothing of who brings them', not any(b'127.0.0.1' in line for line in server.lines), server.lines)
            say(f'3 letters, one of {len(large) / 1e6:.1f} MB, to an onion service of a stock tor through a stock client, over TLS, in {took:.1f} s')
        finally:
            driver.close()
        network.check_alive()


SCENARIOS = {f.__name__: f for f in (deliver,)}

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('scenario', choices=SCENARIOS)
    sys.exit(run(SCENARIOS[parser.parse_args().scenario]))
