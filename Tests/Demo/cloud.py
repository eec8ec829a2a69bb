"""What the demo sees of a running cloud: the coordinator as a child, its tables as JSON, and the processes themselves."""
import collections
import json
import os
import subprocess
import threading
from pathlib import Path

from network import ROOT, Failure, end, say, spawn

DUSTCLOUD = os.environ.get('DUSTCLOUD', str(ROOT / '.build/release/dustcloud'))
COMMAND_LIMIT_SECONDS = 60


class Cloud:
    """A cloud in its own state folder, driven through the commands that people use."""

    def __init__(self, state, clock):
        self.state, self.clock, self.coordinator = Path(state), clock, None

    def up(self, *arguments):
        """Starts the coordinator in the foreground and passes on what it tells."""
        self.coordinator = spawn([DUSTCLOUD, 'up', '--state', str(self.state), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        threading.Thread(target=self.pass_on, args=(self.coordinator.stdout,), daemon=True).start()

    def pass_on(self, lines):
        for line in lines:
            say(f'{self.clock()}   | {line.rstrip()}')

    def ask(self, *command):
        done = subprocess.run([DUSTCLOUD, *command, '--json', '--state', str(self.state)], capture_output=True, text=True, timeout=COMMAND_LIMIT_SECONDS)
        if done.returncode:
            raise Failure(f'dustcloud {" ".join(command)}: exit {done.returncode}: {done.stdout}{done.stderr}')
        return json.loads(done.stdout)

    def motes(self):
        """Motes that are not gone, by key."""
        return {mote['key']: mote for mote in self.ask('mote', 'list')}

    def status(self):
        return self.ask('status')

    def circuits(self):
        """The client's circuits that carry streams, by the client's own word."""
        try:
            told = json.loads((self.state / 'client/data/mote-status').read_text())
        except (OSError, ValueError):
            return []
        return [circuit for circuit in told.get('clientCircuits') or [] if circuit['streams']]

    def authority_line(self):
        lines = (self.state / 'client/torrc').read_text().splitlines()
        return next(line for line in lines if line.startswith('DirAuthority '))

    def processes(self):
        """How many processes run from each torrc of this cloud, by looking at all processes of the machine."""
        found = collections.defaultdict(list)
        for entry in Path('/proc').iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / 'cmdline').read_bytes().decode(errors='replace').split('\0')
            except OSError:
                continue
            for word in words:
                if word.startswith(f'{self.state}/') and word.endswith('/torrc'):
                    found[word].append(int(entry.name))
        return dict(found)

    def kill_coordinator(self):
        self.coordinator.kill()
        self.coordinator.wait(10)

    def down(self):
        """Ends everything, and returns what is left: nothing, if all went well."""
        if self.coordinator:
            end([self.coordinator])
        done = subprocess.run([DUSTCLOUD, 'down', '--state', str(self.state)], capture_output=True, text=True, timeout=COMMAND_LIMIT_SECONDS)
        if done.returncode:
            say('dustcloud down:', done.stdout, done.stderr)
        return self.processes()


class Lineage:
    """Which mote replaced which: a new mote follows the one, of those without a follower, that ends first."""

    def __init__(self, motes):
        self.chains = [[key] for key in sorted(motes, key=lambda key: motes[key]['expires'])]
        self.known, self.gone = dict(motes), set()

    def see(self, motes):
        """Takes in a new look; returns (motes that came, motes that went)."""
        came = sorted((key for key in motes if key not in self.known), key=lambda key: motes[key]['intended'])
        went = [key for key in self.known if key not in motes and key not in self.gone]
        self.known.update(motes)
        self.gone.update(went)
        for key in came:
            min(self.chains, key=lambda chain: self.known[chain[-1]]['expires']).append(key)
        return came, went

    @property
    def generations(self):
        """How many generations are wholly gone and replaced."""
        return min(min(sum(key in self.gone for key in chain), len(chain) - 1) for chain in self.chains)

    def names(self):
        return {mote['nickname']: mote for mote in self.known.values()}
