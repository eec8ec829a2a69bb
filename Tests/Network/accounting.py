"""A relay with a quota of bytes: used up, asleep, and awake again in the next interval; `accounting.py NAME`."""
import argparse
import datetime
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from content import MIB, download
from control import Control
from network import Failure, say, wait_for
from scenarios import PATH, check_path, run, world

QUOTA = 24 * MIB
SMALL = 64 << 10   # slow enough not to jump over the soft limit within a second


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
    node.process.wait(5)


def hibernation():
    """A relay of ours with a small quota is used, survives kill -9 with its counts, takes nothing new, sleeps, says so as stock does, and wakes in the next interval."""
    with world(relays=('tor', 'mote', 'tor')) as (network, web, _):
        relay = network['relay1']
        relay.extra += [f'AccountingMax {QUOTA}', 'AccountingRule max', 'AccountingStart day 00:00', 'CountPrivateBandwidth 1']
        network.start()
        client = network.add_client('tor', PATH)
        download(web, client.socks_port, 6 * MIB, prefix='used')
        check_path(client, PATH)
        before = wait_for('the bytes are counted', 10, lambda: (a := told(relay))['bytes'][1] > 6 * MIB and a)
        expect(f'awake with a quota: {before}', before['enabled'] == '1' and before['hibernating'] == 'awake' and before['bytes-left'][1] == QUOTA - before['bytes'][1])
        expect(f'the interval is a day: {before}', before['interval-end'] - before['interval-start'] in [datetime.timedelta(hours=h) for h in (23, 24, 25)])
        kept = int(wait_for('the count is on disk', 10, lambda: state(relay).get('AccountingBytesWrittenInInterval')))
        kill(relay)
        relay.start()
        after = wait_for('the relay is back', 15, lambda: answers(relay))
        say(f'{before["bytes"][1]} bytes written before kill -9, {after["bytes"][1]} remembered')
        expect('a hundredth of the quota and a second at most are forgotten', after['bytes'][1] >= kept and after['bytes'][1] > 5 * MIB)
        wait_for('relay0 knows that the link is gone, and the client has a new path', 40, lambda: reached(web, client))
        use_up(web, client, relay)
        asleep = told(relay)
        expect(f'asleep: {asleep}', asleep['hibernating'] == 'hard' and 0 in asleep['bytes-left'])
        expect('no client gets through', not reached(web, client))
        expect('said in stock\'s words', 'Bandwidth soft limit reached; commencing hibernation.' in relay.log and 'Going dormant.' in relay.log)
        wait_for('the authority does not list it as Running', 60, lambda: network.check_alive() and 'Running' not in network.flags().get('relay1', ['Running']))
        wake(network, relay)
        network.wait_listed({'relay1'})
        wait_for('a client gets through again', 60, lambda: reached(web, client))
        network.check_alive()


def answers(node):
    try:
        return told(node)
    except OSError:
        return None


def reached(web, client):
    try:
        download(web, client.socks_port, SMALL, prefix='again', limit=8)
        return True
    except Failure:
        return False


def use_up(web, client, relay):
    """Fetches until the soft limit, sees `hibernating 1`, and then uses the rest on the circuits that there are."""
    slow = []
    while told(relay)['bytes'][1] < QUOTA * 9 // 10:
        reached(web, client) and download(web, client.socks_port, MIB, prefix='more')
    return slow


def wake(network, relay):
    """The interval is over: the state file says that it began two days ago."""
    relay.stop()
    path = relay.folder / 'state'
    text = path.read_text()
    began = datetime.datetime.strptime(state(relay)['AccountingIntervalStart'], '%Y-%m-%d %H:%M:%S') - datetime.timedelta(days=2)
    path.write_text(re.sub(r'^AccountingIntervalStart .*$', f'AccountingIntervalStart {began:%Y-%m-%d %H:%M:%S}', text, flags=re.M))
    relay.start()
    awake = wait_for('the relay is back', 15, lambda: answers(relay))
    expect(f'awake in a new interval: {awake}', awake['hibernating'] == 'awake' and awake['bytes'][1] < MIB)


SCENARIOS = {f.__name__: f for f in (hibernation,)}

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('scenario', choices=SCENARIOS)
    sys.exit(run(SCENARIOS[parser.parse_args().scenario]))
