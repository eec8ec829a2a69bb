"""A relay with a quota of bytes: used up, asleep, and awake again in the next interval; `accounting.py NAME`."""
import argparse
import datetime
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from content import MIB, download
from control import Control
from network import Failure, say, wait_for
from scenarios import PATH, check_path, run, world

QUOTA = 40 * MIB
SOFT_LIMIT = QUOTA * 95 // 100
SMALL = 64 << 10


def told(node):
    """What the control port says of accounting; stock's form is checked."""
    with Control(node) as control:
        answer = {key: control.ask(f'GETINFO accounting/{key}')[0].split('=', 1)[1]
                  for key in ('enabled', 'hibernating', 'bytes', 'bytes-left', 'interval-start', 'interval-wake', 'interval-end')}
    answer['bytes'], answer['bytes-left'] = ([int(word) for word in answer[key].split()] for key in ('bytes', 'bytes-left'))
    for key in ('interval-start', 'interval-wake', 'interval-end'):
        answer[key] = datetime.datetime.strptime(answer[key], '%Y-%m-%d %H:%M:%S')
    return answer


def expect(what, held):
    if not held:
        raise Failure(what)


def state(node):
    return dict(line.split(' ', 1) for line in (node.folder / 'state').read_text().splitlines() if ' ' in line)


def kill(node):
    """As the kernel does it: nothing can be kept any more."""
    node.process.kill()
    node.process.wait(60)


def hibernation():
    """A relay of ours with a small quota is used, survives kill -9 with its counts, takes nothing new, sleeps, says so as stock does, and wakes in the next interval."""
    with world(relays=('tor', 'mote', 'tor')) as (network, web, _):
        relay = network['relay1']
        # The interval that the clock ends is half a day away.
        relay.extra += [f'AccountingMax {QUOTA}', 'AccountingRule max', time.strftime('AccountingStart day %H:%M', time.localtime(time.time() + 43_200)), 'CountPrivateBandwidth 1']
        network.start()
        client = network.add_client('tor', PATH)
        download(web, client.socks_port, 6 * MIB, prefix='used')
        check_path(client, PATH)
        before = wait_for('the bytes are counted', 10, lambda: (a := told(relay))['bytes'][1] > 6 * MIB and a)
        expect(f'awake with a quota: {before}', before['enabled'] == '1' and before['hibernating'] == 'awake' and before['bytes-left'][1] == QUOTA - before['bytes'][1])
        expect(f'the interval is a day: {before}', before['interval-end'] - before['interval-start'] in [datetime.timedelta(hours=h) for h in (23, 24, 25)])
        wait_for('the count is on disk', 10, lambda: before['bytes'][1] - int(state(relay).get('AccountingBytesWrittenInInterval', 0)) <= QUOTA // 50)
        kill(relay)
        relay.start()
        after = wait_for('the relay is back', 15, lambda: answers(relay))
        say(f'{before["bytes"][1]} bytes written before kill -9, {after["bytes"][1]} remembered')
        expect('a fiftieth of the quota at most is forgotten', after['bytes'][1] >= before['bytes'][1] - QUOTA // 50)
        use_up(network, web, client, relay)
        wake(relay)
        wait_for('a client gets through again', 60, lambda: network.check_alive() and reached(web, client))


def answers(node):
    try:
        return told(node)
    except OSError:
        return None


def reached(web, client, size=SMALL, limit=8):
    """Over the one circuit that streams of this name share, or a new one."""
    try:
        download(web, client.socks_port, size, prefix='used', limit=limit)
        return True
    except Failure:
        return False


def used(node):
    return max(told(node)['bytes'])


def fetch_counted(web, client, relay, size):
    """Returns when the relay, which counts once a second, knows of these bytes."""
    before = used(relay)
    if reached(web, client, size, limit=60):
        wait_for('the bytes are counted', 20, lambda: used(relay) >= before + size)


def is_awake_after_more(network, web, client, relay):
    network.check_alive()
    fetch_counted(web, client, relay, max(SMALL, (SOFT_LIMIT - used(relay)) * 2 // 3))
    return told(relay)['hibernating'] == 'awake'


def use_up(network, web, client, relay):
    """Fetches until nothing new is taken, each time too little to jump over the soft limit; then uses the rest on the circuit that there is."""
    wait_for('the soft limit', 120, lambda: not is_awake_after_more(network, web, client, relay), pause=0)
    expect(f'nothing new, but not asleep: {told(relay)}', told(relay)['hibernating'] == 'soft')
    wait_for('the authority has a descriptor that says so', 60, lambda: 'hibernating 1' in (network.document(f'/tor/server/fp/{relay.fingerprint}') or ''))
    wait_for('what was there goes on', 30, lambda: reached(web, client))
    wait_for('the hard limit', 60, lambda: (reached(web, client), told(relay)['hibernating'] == 'hard')[1], pause=0)
    asleep = told(relay)
    expect(f'asleep: {asleep}', 0 in asleep['bytes-left'])
    expect('no client gets through', not reached(web, client))
    expect('said in stock\'s words', 'Bandwidth soft limit reached; commencing hibernation.' in relay.log and 'Going dormant.' in relay.log)
    say(f'asleep after {max(asleep["bytes"])} of {QUOTA} bytes')


def wake(relay):
    """The interval is over: the state file says that it began two days ago."""
    relay.stop()
    path = relay.folder / 'state'
    began = datetime.datetime.strptime(state(relay)['AccountingIntervalStart'], '%Y-%m-%d %H:%M:%S') - datetime.timedelta(days=2)
    path.write_text(re.sub(r'^AccountingIntervalStart .*$', f'AccountingIntervalStart {began:%Y-%m-%d %H:%M:%S}', path.read_text(), flags=re.M))
    relay.start()
    awake = wait_for('the relay is back', 15, lambda: answers(relay))
    expect(f'awake in a new interval: {awake}', awake['hibernating'] == 'awake' and awake['bytes'][1] < MIB)


SCENARIOS = {f.__name__: f for f in (hibernation,)}

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('scenario', choices=SCENARIOS)
    sys.exit(run(SCENARIOS[parser.parse_args().scenario]))
