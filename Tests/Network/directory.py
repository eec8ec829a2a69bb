#!/usr/bin/env python3
"""Scenarios of directory caches: `directory.py NAME` prints figures and exits 0 only if everything held."""
import argparse
import re
import sys
import time
import urllib.error
import urllib.request
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from content import MIB, download
from network import ANSWER_LIMIT_SECONDS, Failure, Network, say, wait_for
from scenarios import run, world

DIFF_LIMIT_SECONDS = 70
STATUS_LIMIT_SECONDS = 10
CODINGS = {'0': 'plain', '1': 'gzip', '2': 'deflate', '3': 'lzma', '4': 'zstd'}
CONSENSUS = '/tor/status-vote/current/consensus-microdesc'


def listen_closely(nodes):
    """Has nodes log what they fetch: stock tells codings only at debug level."""
    for node in nodes:
        node.extra.append(f'Log [dir]debug file {node.folder}/dir' if node.kind == 'tor' else f'Log info file {node.folder}/dir')


def heard(node, pattern):
    return re.findall(pattern, (node.folder / 'dir').read_text(errors='replace')) if (node.folder / 'dir').exists() else []


def served(node):
    """What our node says it has served."""
    return node.status('directory', {})


def stock_diffs(node, server=None):
    """(sizes of diffs, sizes of what they made) that a stock node has applied, from one server if so asked."""
    where = rf'[^\n]*:(?:{server.or_port}|{server.dir_port})' if server else r'[^\n]*'
    return [(int(a), int(b)) for a, b in heard(node, rf'Applied consensus diff \(size (\d+)\) from server {where}, resulting in a new consensus document \(size (\d+)\)')]


def codings(node):
    """How often a stock node got a document in each coding."""
    found = [c for status, size, c in heard(node, r'Received response .*: (\d+) .* response size: (\d+).*, compression: (\d)\)') if status == '200' and int(size) > 500]
    return {CODINGS[c]: found.count(c) for c in sorted(set(found))}


def from_ours():
    """Stock relays and a stock client take consensus diffs and Zstandard documents from our authority and our caches."""
    with world(authorities=('mote',), relays=('mote', 'tor', 'tor'), exits=('tor',)) as (network, web, _):
        stock = [n for n in network.nodes if n.kind == 'tor']
        listen_closely(stock)
        network.start()
        guard, authority = network['relay0'], network['authority0']
        client = network.add_client('tor', ('relay0', 'relay1', 'exit0'), extra=[f'Log [dir]debug file {network.folder}/client0/dir'])
        wait_for('every stock relay applies a diff from our authority', DIFF_LIMIT_SECONDS, lambda: network.check_alive() and all(stock_diffs(n, authority) for n in stock))
        wait_for('the stock client applies a diff from our cache', DIFF_LIMIT_SECONDS, lambda: network.check_alive() and stock_diffs(client, guard))
        for node in (*stock, client):
            (diff, whole), kinds = stock_diffs(node)[-1], codings(node)
            say(f'{node.name} (stock): {len(stock_diffs(node))} diffs applied, the last {diff} bytes in place of {whole}; documents came as {kinds}')
            if not kinds.get('zstd'):
                raise Failure(f'{node.name} got nothing in zstd')
        for node in (authority, guard):
            counts = wait_for(f'{node.name} says that it served a diff', STATUS_LIMIT_SECONDS, lambda: served(node).get('diffs') and served(node))
            say(f'{node.name} (mote): {counts}')
        download(web, client.socks_port, MIB)
        network.check_alive()
        network.check_warnings()


def from_stock():
    """Our caches and our client take consensus diffs and packed documents from stock."""
    with world(authorities=('tor',), relays=('mote', 'tor', 'tor'), exits=('mote',)) as (network, web, _):
        listen_closely(network.of('relay', 'exit'))
        network.start()
        client = network.add_client('mote', extra=[f'EntryNodes {network["relay1"].fingerprint}', f'Log info file {network.folder}/client0/dir'])
        for node in (network['relay0'], network['exit0'], client):
            found = wait_for(f'{node.name} applies a diff', DIFF_LIMIT_SECONDS, lambda: network.check_alive() and heard(
                node, r'Applied a consensus diff of (\d+) bytes \((\d+) as sent\) from (\w+) in place of (\d+)'))
            diff, sent, source, whole = found[-1]
            say(f'{node.name} (mote): {len(found)} diffs applied, the last {diff} bytes, {sent} as {source} sent it, in place of {whole}')
            if int(sent) >= int(diff):
                raise Failure('the diff came unpacked')
        download(web, client.socks_port, MIB)
        network.check_alive()
        network.check_warnings()


def ask(port, path, **headers):
    """(status, headers, body as sent) of an answer by a DirPort."""
    request = urllib.request.Request(f'http://127.0.0.1:{port}{path}', headers={k.replace('_', '-'): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_LIMIT_SECONDS) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def expect(what, found, wanted):
    if found != wanted:
        raise Failure(f'{what}: {found}, expected {wanted}')


def answers():
    """A DirPort of ours answers as stock's does: statuses and headers of the same requests to both are compared."""
    page = '<html>This is an exit.</html>\n'
    with Network(authorities=('tor', 'mote'), relays=('tor',), exits=('mote',)) as network:
        for node in network.of('authority'):
            (node.folder / 'page.html').write_text(page)
            node.extra.append(f'DirPortFrontPage {node.folder}/page.html')
        network.start()
        stock, ours = (n.dir_port for n in network.of('authority'))
        nobody, identity = '00' * 20, re.search(r'v3ident=(\w+)', network.authority_lines[1])[1]
        entry = re.search(r'^m (\S+)$', network.consensus('-microdesc'), re.M)[1]
        future, past = 'Fri, 01 Jan 2038 00:00:00 GMT', 'Sat, 01 Jan 2000 00:00:00 GMT'
        cases = [(path, headers) for path in (
            '/', '/tor/', '/robots.txt', '/none', '/tor/none', CONSENSUS, CONSENSUS + '.z', f'{CONSENSUS}/{identity}', f'{CONSENSUS}/{identity[:6]}', f'{CONSENSUS}/{nobody}',
            f'{CONSENSUS}/{identity}+{nobody}', f'{CONSENSUS}/diff/{"00" * 32}', f'{CONSENSUS}/diff/zz', f'/tor/micro/d/{entry}', f'/tor/micro/d/{entry}-{"A" * 43}', '/tor/micro/d/' + 'A' * 43,
            '/tor/server/all', '/tor/server/authority', f'/tor/server/fp/{network["relay0"].fingerprint}', f'/tor/server/fp/{nobody}', f'/tor/server/d/{nobody}', '/tor/server/none',
            '/tor/extra/all', '/tor/extra/authority', f'/tor/extra/fp/{network["relay0"].fingerprint}', f'/tor/extra/d/{nobody}', '/tor/keys/all', '/tor/keys/authority',
            f'/tor/keys/fp/{identity}', f'/tor/keys/fp/{nobody}', f'/tor/keys/sk/{nobody}', '/tor/keys/none') for headers in ({},)]
        cases += [(CONSENSUS, {'If_Modified_Since': future}), (CONSENSUS, {'If_Modified_Since': past}), ('/tor/keys/all', {'If_Modified_Since': future}),
                  (CONSENSUS, {'Accept_Encoding': 'gzip'}), (CONSENSUS, {'Accept_Encoding': 'deflate, x-zstd'}), (CONSENSUS, {'X_Or_Diff_From_Consensus': '00' * 32}),
                  ('/tor/server/all', {'Accept_Encoding': 'deflate'}), (CONSENSUS, {'Accept_Encoding': 'snappy'})]
        signed = lambda name: (network.document(CONSENSUS, name) or name).split('\ndirectory-signature ')[0]
        wait_for('both authorities serve the same consensus', DIFF_LIMIT_SECONDS, lambda: signed('authority0') == signed('authority1'))
        for path, headers in cases:
            theirs, own = ask(stock, path, **headers), ask(ours, path, **headers)
            if own[0] != theirs[0]:   # one of them was the first to have what is new
                time.sleep(2)
                theirs, own = ask(stock, path, **headers), ask(ours, path, **headers)
            # Stock has consensuses in deflate only and sends that to whoever takes gzip; from several codings it picks by another order.
            for part in ('Content-Type', 'Vary') + (() if headers.get('Accept_Encoding', '') in ('gzip', 'deflate, x-zstd') else ('Content-Encoding',)):
                expect(f'{part} of {path} {headers}', own[1][part], theirs[1][part])
            expect(f'status of {path} {headers}', own[0], theirs[0])
            expect(f'{path} {headers} may be kept', bool(own[1]['Expires']), bool(theirs[1]['Expires']))
            if 'Date' not in own[1]:
                raise Failure(f'{path}: no Date')
        say(f'{len(cases)} requests answered with the same status, type, coding and expiry as stock answers them')
        expect('front page', ask(ours, '/')[2].decode(), page)
        wait_for('plain and deflated consensus are the same', 5, lambda: zlib.decompress(ask(ours, CONSENSUS + '.z')[2]) == ask(ours, CONSENSUS)[2])
        for coding in ('identity', 'gzip', 'deflate', 'x-zstd'):
            say(f'consensus of {len(network.of("relay", "exit", "authority"))} relays as {coding}: {len(ask(ours, CONSENSUS, Accept_Encoding=coding)[2])} bytes')


SCENARIOS = {f.__name__: f for f in (from_ours, from_stock, answers)}

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('scenario', choices=SCENARIOS)
    sys.exit(run(SCENARIOS[parser.parse_args().scenario]))
