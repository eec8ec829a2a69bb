"""What an operator sees and touches: control port, metrics, statistics, signals, with the field's own programs (stem, nyx) and stock tor beside us."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import socket
import subprocess
import sys
import termios
import time
import urllib.error
import urllib.request

sys.path.append('/usr/lib/python3/dist-packages')   # where Debian puts stem, whichever Python runs this
import stem
import stem.connection
import stem.control
import stem.descriptor.extrainfo_descriptor
import stem.descriptor.server_descriptor
from stem.control import EventType

from content import MIB, download, upload
from network import ANSWER_LIMIT_SECONDS, Failure, is_running, program, say, wait_for

PASSWORD = 'correct horse'
# Keys of stock's `GETINFO info/names` that a mote does not answer: it does nothing that they could tell of.
ABSENT = {
    'config/*',
    'dir/status/*', 'exit-policy/reject-private/relay', 'hs/client/desc/id*', 'hs/service/desc/id/*', 'limits/max-mem-in-queues', 'network-status',
    'status/clients-seen', 'current-time/*',
}
# Whose form must be that of stock's answer, numbers and names put aside.
SAME_FORM = (
    'address', 'address/v4', 'bw-event-cache', 'circuit-status', 'config-can-saveconf', 'current-time/local', 'current-time/utc', 'dormant', 'entry-guards',
    'features/names', 'network-liveness', 'process/descriptor-limit', 'process/pid', 'process/uid', 'process/user', 'signal/names',
    'status/bootstrap-phase', 'status/circuit-established', 'status/enough-dir-info', 'stream-status', 'traffic/read', 'traffic/written', 'uptime',
    'exit-policy/default', 'exit-policy/full', 'accounting/enabled', 'accounting/hibernating',
    'accounting/bytes', 'accounting/bytes-left', 'accounting/interval-start', 'accounting/interval-end', 'accounting/interval-wake', 'net/listeners/or', 'net/listeners/socks', 'net/listeners/control',
    'net/listeners/dir', 'address-mappings/all', 'onions/current', 'orconn-status',
)


def expect(what, held):
    if not held:
        raise Failure(f'{what}: does not hold')


def hashed(password):
    """Our own hash of a password."""
    out = subprocess.run([program('mote'), '--hash-password', password], capture_output=True, text=True, check=True, timeout=ANSWER_LIMIT_SECONDS).stdout
    return out.strip().splitlines()[-1]


def control_lines(network, node):
    """More ways in than the cookie that every node of the harness has."""
    node.extra += [f'HashedControlPassword {hashed(PASSWORD)}', f'ControlSocket {node.folder}/control']
    return node


def controller(node):
    made = stem.control.Controller.from_port(port=node.control_port)
    made.authenticate()
    return made


def ways_in(node):
    """Cookie, safecookie and password each let stem in, the wrong ones do not, and a Unix socket serves too."""
    methods = {
        'cookie': lambda c: stem.connection.authenticate_cookie(c, str(node.folder / 'control_auth_cookie')),
        'safecookie': lambda c: stem.connection.authenticate_safecookie(c, str(node.folder / 'control_auth_cookie')),
        'password': lambda c: stem.connection.authenticate_password(c, PASSWORD),
    }
    for name, method in methods.items():
        with stem.control.Controller.from_port(port=node.control_port) as made:
            method(made)
            expect(name, made.get_info('process/pid') == str(node.process.pid))
    with stem.control.Controller.from_port(port=node.control_port) as made:
        try:
            stem.connection.authenticate_password(made, 'wrong')
        except stem.connection.IncorrectPassword:
            pass
        else:
            raise Failure('a wrong password lets in')
    with stem.control.Controller.from_socket_file(str(node.folder / 'control')) as made:
        made.authenticate(password=PASSWORD)
    say(f'{node.name}: in by {", ".join(methods)} and by its Unix socket; not by a wrong password')


def form(value):
    """What is left of a value when numbers and names are put aside; of a list one element."""
    value = re.sub(r'CONFLUX_\w+', 'GENERAL', value)
    value = re.sub(r'NEED_UPTIME,?|IS_INTERNAL,?| CONFLUX_ID=\S+| CONFLUX_RTT=\S+', '', value)
    value = re.sub(r'\$[0-9A-F]{40}([~=]\w+)?', '$', value)
    value = re.sub(r'^[\d.]+:\d+ (?=CONN)', '$ ', value)   # a client on a link
    value = re.sub(r'(\$,)*\$', '$', value)
    value = re.sub(r'("[^"]*" ?)+', '""', value)
    value = re.sub(r'\b(up|down|never-connected|unusable)\b.*', 'up', value) if value.startswith('$') else value
    value = re.sub(r',?[a-z]+=[A-Z_,]*,?', '', value)
    value = re.sub(r'TAG=.*', 'TAG', value)
    value = re.sub(r'(\d+,\d+ )+', '', value)   # a pair for each second
    return re.sub(r'\d+', '0', value.strip().splitlines()[0] if value.strip() else '')


def same_answers(ours, stock):
    """Every key that stock lists is answered, but for those named above, and the answers have stock's form."""
    names = lambda c: {line.split(' -- ')[0] for line in c.get_info('info/names').splitlines()}
    skipped = {n for n in names(stock) if n.startswith(('downloads/', 'stats/'))}
    missing = names(stock) - names(ours) - ABSENT - skipped
    expect(f'keys of stock without an answer: {sorted(missing)}', not missing)
    asked = 0
    for name in sorted(names(ours)):
        if '*' not in name:
            ours.get_info(name, None)
            asked += 1
    for key in SAME_FORM:
        answers = []

        def alike():
            answers[:] = [asked.get_info(key, None) for asked in (ours, stock)]
            return None not in answers and (not all(answers) or form(answers[0]) == form(answers[1]))
        try:
            wait_for(key, 5, alike)   # what the first circuit is doing may differ for a moment
        except Failure:
            raise Failure(f'{key}: {answers[0]!r:.300} is not of the form of {answers[1]!r:.300}') from None
    say(f'{asked} plain keys answered, {len(SAME_FORM)} of stock\'s form; not answered: {len(ABSENT & names(stock))} listed keys, downloads/* and stats/*')


def same_refusals(ours, stock):
    for command in ('GETCONF Blah', 'SETEVENTS BLAH', 'SIGNAL BLAH', 'BLAH', 'GETINFO blah', 'CLOSECIRCUIT 9999', 'CLOSESTREAM 9999 1', 'USEFEATURE BLAH',
                    'USEFEATURE VERBOSE_NAMES', 'SETCONF Blah=1', 'SETCONF BandwidthRate=blah', 'SETEVENTS EXTENDED CIRC BW', 'SETEVENTS', 'RESETCONF ContactInfo'):
        a, b = ours.msg(command), stock.msg(command)
        if a.content()[0][0] != b.content()[0][0]:
            raise Failure(f'{command}: {a} instead of {b}')


def looks_at_relay(node, made, network):
    """What stem's own parsers make of our answers."""
    fingerprint = made.get_info('fingerprint')
    expect('fingerprint', fingerprint == node.fingerprint)
    expect('listeners', made.get_listeners(stem.control.Listener.OR) == [('127.0.0.1', node.or_port)])
    expect('control listener', ('127.0.0.1', node.control_port) in made.get_listeners(stem.control.Listener.CONTROL))
    expect('own descriptor', made.get_server_descriptor().fingerprint == fingerprint)
    expect('own status', made.get_network_status().nickname == node.name)
    listed = {s.nickname: s for s in made.get_network_statuses()}
    expect(f'statuses {sorted(listed)}', {n.name for n in network.of('relay', 'exit')} <= set(listed))
    expect('flags', {'Running', 'Valid'} <= set(listed[node.name].flags))
    expect('other descriptor', made.get_server_descriptor(listed['relay0'].fingerprint).nickname == 'relay0')
    expect('microdescriptor', made.get_microdescriptor(listed['relay0'].fingerprint) is not None)
    expect('policy', str(made.get_exit_policy()) == 'reject *:*' or not made.get_exit_policy().is_exiting_allowed())
    expect('pid', made.get_pid() == node.process.pid)
    fresh = made.get_info('status/fresh-relay-descs')
    stem.descriptor.server_descriptor.RelayDescriptor.from_str(fresh[:fresh.index('extra-info ' + node.name)].encode())
    say(f'{node.name}: stem reads its {len(listed)} statuses, descriptors and listeners; version {made.get_version()}')


def changes(node, made):
    """Options change through the torrc's own parser; what needs a restart is refused."""
    told = []
    made.add_event_listener(lambda e: told.append(e.changed), EventType.CONF_CHANGED)
    made.set_conf('ContactInfo', 'me # and you')
    expect('SETCONF', made.get_conf('ContactInfo') == 'me # and you')
    wait_for('CONF_CHANGED', 5, lambda: told)
    for option, value in (('BandwidthRate', 'blah'), ('ORPort', '1')):
        try:
            made.set_conf(option, value)
        except stem.ControllerError:
            continue
        raise Failure(f'SETCONF {option}={value} was taken')
    expect('data size', int(made.get_conf('BandwidthRate')) == 1 << 30)
    expect('unset', made.get_conf('HiddenServiceDir', None) is None)
    made.save_conf()
    expect('SAVECONF', 'ContactInfo "me # and you"' in (node.folder / 'torrc').read_text())
    reloaded = node.log.count('Read the torrc again')
    made.signal(stem.Signal.RELOAD)
    wait_for('SIGNAL RELOAD', 5, lambda: node.log.count('Read the torrc again') > reloaded)
    expect('saved options hold', made.get_conf('ContactInfo') == 'me # and you')
    made.reset_conf('ContactInfo')
    expect('RESETCONF', made.get_conf('ContactInfo', None) is None)


def events_of(made, *kinds):
    seen = {kind: [] for kind in kinds}
    for kind in kinds:
        made.add_event_listener(lambda event, kind=kind: seen[kind].append(event), kind)
    return seen


def watch_client(client, web):
    """A client's circuits and streams as events, and as stem reads the lists."""
    with controller(client) as made:
        seen = events_of(made, EventType.CIRC, EventType.STREAM, EventType.BW, EventType.SIGNAL)
        made.signal(stem.Signal.NEWNYM)
        download(web, client.socks_port, MIB)
        wait_for('events', 15, lambda: {'SUCCEEDED', 'CLOSED'} <= {e.status for e in seen[EventType.STREAM]} and seen[EventType.BW] and seen[EventType.SIGNAL]
                 and any(e.status == 'BUILT' and len(e.path) == 3 for e in seen[EventType.CIRC]))
        circuits = made.get_circuits()
        expect('circuits', circuits and any(c.status == 'BUILT' and len(c.path) == 3 for c in circuits))
        made.get_streams()
        expect('guards', made.get_info('entry-guards').startswith('$'))
        victim = wait_for('a circuit can be closed', 15, lambda: close_one(made))
        wait_for('CLOSECIRCUIT', 5, lambda: victim not in {c.id for c in made.get_circuits()})
        say(f'{client.name}: {len(seen[EventType.CIRC])} CIRC, {len(seen[EventType.STREAM])} STREAM, {len(seen[EventType.BW])} BW events')


def close_one(made):
    """The circuit that was closed; none if it went by itself before."""
    for circuit in made.get_circuits():
        if circuit.status == 'BUILT':
            try:
                made.close_circuit(circuit.id)
                return circuit.id
            except stem.InvalidArguments:
                continue
    return None


class Screen:
    """A terminal for one program: what it wrote, with the escape sequences put aside."""

    def __init__(self, command, rows=60, columns=140):
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.execvpe(command[0], command, {**os.environ, 'TERM': 'xterm', 'LINES': str(rows), 'COLUMNS': str(columns)})
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
        self.raw, self.status = b'', None

    @property
    def text(self):
        return re.sub(r'\x1b(\[[0-9;?]*[A-Za-z]|\([A-Z0-9]|[=>])', '', self.raw.decode(errors='replace'))

    def watch(self, seconds, until=lambda text: False):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not until(self.text):
            if select.select([self.terminal], [], [], 0.2)[0]:
                try:
                    self.raw += os.read(self.terminal, 1 << 16)
                except OSError:
                    break
        return self.text

    def press(self, keys):
        for key in keys:
            os.write(self.terminal, key.encode())
            self.watch(0.5)

    def end(self):
        """Its exit status; killed when it does not end by itself."""
        deadline = time.monotonic() + ANSWER_LIMIT_SECONDS
        while time.monotonic() < deadline:
            done, status = os.waitpid(self.child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            self.watch(0.2)
        os.kill(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)
        return None


def nyx(node, network):
    """nyx, unmodified, on our relay: its header, bandwidth and connections pages, and no complaint."""
    # Its own debug log (-d) asks Python for something that 3.8 dropped; what it complains of it also shows on its screen.
    screen = Screen(['nyx', '-i', f'127.0.0.1:{node.control_port}', '-c', str(network.folder / 'nyxrc')])
    header = (node.name, node.fingerprint, 'Running', 'Valid', 'Download', 'Upload')
    text = screen.watch(ANSWER_LIMIT_SECONDS, lambda t: all(needed in t for needed in header))
    for needed in header:
        expect(f'nyx shows {needed}: {text[-1500:]!r}', needed in text)
    for page, needed in (('\x1bOC', 'Connections'), ('\x1bOC', 'Tor Configuration')):
        os.write(screen.terminal, page.encode())
        text = screen.watch(ANSWER_LIMIT_SECONDS, lambda t: needed in t)
        expect(f'nyx shows the page {needed!r}: {text[-1500:]!r}', needed in text)
    screen.press('qq')
    status = screen.end()
    expect(f'nyx ends well: {status} {screen.text[-600:]!r}', status == 0 and 'Traceback' not in screen.text)
    complaints = re.findall(r'NYX_(?:WARN|ERR)\w*\][^\r\n]*', screen.text)
    expect(f'nyx has nothing to complain of: {complaints[:5]}', not complaints)
    say(f'nyx: {node.name} {node.fingerprint}, flags, bandwidth, connections and configuration; exit status {status}')


def control(world):
    """stem and nyx, unmodified, look at our relay and our client and steer them; what they get is what stock answers beside us."""
    with world(relays=('tor', 'mote', 'tor'), exits=('tor',)) as (network, web, _):
        relay = control_lines(network, network['relay1'])
        network.start()
        ways_in(relay)
        client = network.add_client('mote')
        with controller(relay) as ours, controller(network['relay0']) as stock:
            same_answers(ours, stock)
            same_refusals(ours, stock)
            looks_at_relay(relay, ours, network)
            changes(relay, ours)
        watch_client(client, web)
        nyx(relay, network)
        network.check_alive()   # what we asked stock wrongly on purpose, it warns of


def metrics_of(port):
    """Types by name, and samples by name and labels."""
    with urllib.request.urlopen(f'http://127.0.0.1:{port}/metrics', timeout=ANSWER_LIMIT_SECONDS) as answer:
        text = answer.read().decode()
    types = dict(re.findall(r'^# TYPE (\S+) (\S+)$', text, re.M))
    helps = dict(re.findall(r'^# HELP (\S+) (.*)$', text, re.M))
    samples = {m[1]: int(m[2]) for m in re.finditer(r'^([a-z]\S*(?:\{.*\})?) (-?\d+)$', text, re.M)}
    return types, helps, samples


def same_metrics(ours, stock):
    """Our metrics are stock's by name, help, type and labels, and count."""
    # A relay knows its flags once it has the consensus that lists it.
    wait_for('our relay knows its flags', 30, lambda: metrics_of(ours)[2].get('tor_relay_flag{type="Running"}') == 1)
    types, helps, samples = metrics_of(ours)
    stock_types, stock_helps, stock_samples = metrics_of(stock)
    expect(f'the same metrics: {set(stock_types) ^ set(types)}', set(types) == set(stock_types))
    expect('types and helps', all(types[n] == stock_types[n] and helps[n] == stock_helps[n] for n in types))
    expect(f'labels: {set(samples) ^ set(stock_samples)}', set(samples) == set(stock_samples))
    counted = ('tor_relay_load_onionskins_total{type="ntor_v3",action="processed"}', 'tor_relay_connections_total{type="OR",direction="received",state="created",family="ipv4"}',
               'tor_relay_connections{type="OR",direction="initiated",state="opened",family="ipv4"}')
    expect(f'counted: {[n for n in counted if not samples[n]]}', all(samples[n] for n in counted))
    expect('numbers', samples['tor_relay_traffic_bytes{direction="read"}'] > MIB and samples['tor_relay_flag{type="Running"}'] == 1)
    for path, code in (('/', 404), ('/metrics/', 404)):
        try:
            urllib.request.urlopen(f'http://127.0.0.1:{ours}{path}', timeout=5)
        except urllib.error.HTTPError as error:
            expect(f'{path} is {code}', error.code == code)
    say(f'{len(types)} metrics with stock\'s names, types and labels; {len(samples)} samples')


# Histories as stock keeps them in its state file: of a day that is over, and of the one that began yesterday.
HISTORIES = ('Write', 'Read', 'IPv6Write', 'IPv6Read', 'DirWrite', 'DirRead')


def seed_history(node):
    ends = time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(time.time() + 3600))
    node.folder.mkdir(parents=True, exist_ok=True)
    (node.folder / 'state').write_text(''.join(
        f'BWHistory{name}Ends {ends}\nBWHistory{name}Interval 86400\nBWHistory{name}Values 1048576,2048\nBWHistory{name}Maxima 512000,1024\n' for name in HISTORIES))


def check_statistics(node, authority):
    """The stock authority took our extra-info, stem finds nothing wrong with it, and what was carried before the start is told."""
    url = f'http://127.0.0.1:{authority.dir_port}/tor/extra/fp/{node.fingerprint}'

    def fetch():
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.read()
        except urllib.error.URLError:
            return None
    text = wait_for('the authority has our extra-info', 30, fetch)
    told = stem.descriptor.extrainfo_descriptor.RelayExtraInfoDescriptor(text, validate=True)
    for name in ('write_history', 'read_history', 'ipv6_write_history', 'ipv6_read_history', 'dir_write_history', 'dir_read_history'):
        values = getattr(told, f'{name}_values', None)
        expect(f'{name} {values}: {text[:600]}', name.startswith('ipv6') or values == [1048576])
    with urllib.request.urlopen(f'http://127.0.0.1:{authority.dir_port}/tor/server/fp/{node.fingerprint}', timeout=5) as answer:
        ours = stem.descriptor.server_descriptor.RelayDescriptor(answer.read(), validate=True)
    expect(f'observed bandwidth {ours.observed_bandwidth}', ours.observed_bandwidth == 512000)


def check_filtered(node):
    """Every thread of the node is under a filter of system calls."""
    tasks = os.listdir(f'/proc/{node.process.pid}/task')
    for task in tasks:
        with open(f'/proc/{node.process.pid}/task/{task}/status') as status:
            expect(f'{node.name}: thread {task} is filtered', 'Seccomp:\t2' in status.read())
    return len(tasks)


def check_signals(node):
    """SIGHUP opens the log anew, SIGUSR1 dumps, SIGUSR2 makes the log chatty until the next SIGHUP."""
    log, pid = node.folder / 'log', node.process.pid
    log.rename(node.folder / 'log.1')
    os.kill(pid, signal.SIGHUP)
    wait_for('a new log after SIGHUP', 5, log.exists)
    os.kill(pid, signal.SIGUSR1)
    wait_for('SIGUSR1 dumps', 5, lambda: 'Heartbeat: ' in log.read_text() and 'bytesRead' in log.read_text())
    os.kill(pid, signal.SIGUSR2)
    wait_for('SIGUSR2 debugs', 5, lambda: 'Going to loglevel debug' in log.read_text())
    os.kill(pid, signal.SIGHUP)
    say(f'{node.name}: signals as stock takes them')


def daemon(network):
    """A daemon of another user under a service manager: its command returns when it serves, and the manager hears of it."""
    folder, port = network.folder / 'daemon', network.ports.take()
    folder.mkdir()
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(str(network.folder / 'notify'))
    notify.settimeout(ANSWER_LIMIT_SECONDS)
    user = []
    if os.geteuid() == 0:
        network.folder.chmod(0o711)
        (network.folder / 'notify').chmod(0o777)
        os.chown(folder, 65534, 65534)
        user = ['User nobody']
    lines = [f'DataDirectory {folder}/data', f'ORPort 127.0.0.1:{port}', 'SocksPort 0', 'RunAsDaemon 1', f'PidFile {folder}/pid', f'Log notice file {folder}/log',
             'PublishServerDescriptor 0', 'AssumeReachable 1', 'ShutdownWaitLength 0', 'NoExec 1', *user]
    (folder / 'torrc').write_text('\n'.join(lines) + '\n')
    done = subprocess.run([program('mote'), '-f', str(folder / 'torrc')], capture_output=True, text=True, timeout=ANSWER_LIMIT_SECONDS, env={**os.environ, 'NOTIFY_SOCKET': str(network.folder / 'notify')})
    expect(f'the command returns well: {done}', done.returncode == 0)
    pid = int((folder / 'pid').read_text())
    try:
        socket.create_connection(('127.0.0.1', port), timeout=ANSWER_LIMIT_SECONDS).close()
        expect('READY', notify.recv(256).startswith(b'READY=1'))
        with open(f'/proc/{pid}/status') as status:
            text = status.read()
        expect('no right of the superuser is left', not user or re.search(r'Uid:\s+65534\s+65534\s+65534', text) and re.search(r'CapPrm:\s+0+\n', text))
    finally:
        os.kill(pid, signal.SIGTERM)
    expect('STOPPING', notify.recv(256).startswith(b'STOPPING=1'))
    wait_for('the daemon ends', 10, lambda: not is_running(pid))
    say(f'a daemon{" of user nobody" if user else ""}: served when its command returned, told its manager READY and STOPPING')


def sandboxed(world):
    """With Sandbox 1 in every mote data moves through guard, middle, exit and client; metrics are stock's; signals and daemons as operators know them."""
    with world(relays=('mote', 'mote', 'tor'), exits=('mote',)) as (network, web, _):
        for node in network.of('relay', 'exit'):
            node.metrics_port = network.ports.take()
            node.extra += [f'MetricsPort 127.0.0.1:{node.metrics_port}', 'MetricsPortPolicy accept 127.0.0.1'] + (['Sandbox 1'] if node.kind == 'mote' else [])
        seed_history(network['relay0'])
        network.start()
        check_statistics(network['relay0'], network.of('authority')[0])
        client = network.add_client('mote', ('relay0', 'relay1', 'exit0'), ['Sandbox 1'])
        for move in (download, upload):
            seconds = move(web, client.socks_port, 4 * MIB)
            say(f'{move.__name__}: 4 MiB intact in {seconds:.2f} s')
        download(web, client.socks_port, 1000, host='name.test')
        threads = sum(check_filtered(node) for node in network.nodes if node.kind == 'mote')
        say(f'{threads} threads of 4 motes under a filter')
        same_metrics(network['relay0'].metrics_port, network['relay2'].metrics_port)
        check_signals(network['relay0'])
        daemon(network)
        network.check_alive()
        network.check_warnings()
