"""`dustcloud up` with motes on EC2, at moto, with the AWS CLI as the witness: what is rented, what a killed coordinator leaves, what 'down' leaves, and what is
refused. moto's machines run nothing, so that motes stay unlisted: this is about machines and money.

usage: fleet.py DUSTCLOUD [SEED [KILLS]]      (run by `make test` with the Python of .build/peers)
"""
import contextlib
import json
import pathlib
import os
import random
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

from faulty import faulty
from rig import IMAGE, Account, moto, say

REGIONS = ["eu-central-1", "us-west-2"]
MOTES = 4
HERE = pathlib.Path(__file__).resolve().parents[2]


def tariff(price):
    return {
        "currency": "USD", "price": price, "perSeconds": 3600, "grainSeconds": 1, "minimumSeconds": 60, "minimumCharge": "0", "addressPrice": "0.005",
        "traffic": {"price": "0.09", "perBytes": 1000000000, "includedBytes": 0}}


def policies(folder, regions=REGIONS, **changes):
    """A fleet whose machines have ten minutes to report, and two regions to be in."""
    prices = {
        "name": "test", "why": "two regions at one price", "groups": {}, "providers": [{
            "id": "ec2", "parent": "Amazon", "seat": "US", "regions": [{"id": regions[0], "country": "DE"}, {"id": regions[1], "country": "US"}],
            "offers": [{"machine": "t3.nano", "regions": regions, "tariff": tariff("0.0052")}], "sources": ["nobody's, 2026-11-21"]}]}
    placement = {
        "name": "test", "why": "half of the motes in each region", "catalogue": "prices.json", "accounts": [{"payer": "first", "provider": "ec2"}],
        "caps": {"region": "0.75"}, "groupCaps": {}, "denyPlaces": [], "denySeats": [], "targets": {"region": {"effective": 2, "weight": 1}}, "costWeight": 0,
        "hopTolerance": 0, "sentBitsPerSecond": 1000, "ceilings": {"USD": "5.00"}} | changes
    fleet = json.loads((HERE / "Policies/default.json").read_text()) | {
        "name": "test", "normal": {"motes": MOTES, "lifetimeSeconds": 2400}, "startLimitSeconds": 600, "drainLimitSeconds": 60, "startsPerMinute": 60}
    for name, data in [("prices", prices), ("placement", placement), ("fleet", fleet)]:
        (folder / f"{name}.json").write_text(json.dumps(data))
    return ["--placement", str(folder / "placement.json"), "--policy", str(folder / "fleet.json"), "--address", "127.0.0.1"]


def taken(machines):
    return sum(len(found) for found in machines.values())


class Cloud(Account):
    """One cloud in a folder of its own; its calls go over `line`, the witness's straight to moto."""

    def __init__(self, program, folder, url, line):
        super().__init__(folder, url)
        self.program, self.folder, self.state = program, pathlib.Path(folder), folder + "/state"
        self.coordinator, self.line = None, self.renter | {"AWS_ENDPOINT_URL": line}
        self.policies = policies(self.folder)

    def words(self, verb, *more):
        return [self.program, *verb.split(), "--state", self.state, *more]

    def dustcloud(self, verb, *more, expect=0, says="", timeout=240, room=resource.RLIM_INFINITY, **environment):
        """`room`: the most bytes that a file may have, which to a program is a full disk."""
        done = subprocess.run(
            self.words(verb, *more), env=self.line | environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)))
        assert done.returncode == expect and says in done.stdout + done.stderr, f"{verb}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert self.renter["AWS_SECRET_ACCESS_KEY"] not in done.stdout + done.stderr
        return done.stdout

    def up(self, *more):
        """A coordinator in the background."""
        with open(self.folder / "up.log", "ab") as log:
            self.coordinator = subprocess.Popen(
                self.words("up", *more), env=self.line, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def rise(self):
        self.up("--yes", "--budget", "1USD", "--socks", free(), "--boot", f"ec2={IMAGE}", *self.policies)

    def kill(self):
        self.coordinator.send_signal(signal.SIGKILL)
        self.coordinator.wait(30)

    def log(self):
        return (self.folder / "up.log").read_text()

    def machines(self):
        """Live machines of any fleet of ours, by order: the AWS CLI's word."""
        orders = {}
        for region in REGIONS:
            for machine, one in self.instances(region).items():
                tags = {t["Key"]: t["Value"] for t in one.get("Tags", [])}
                if one["State"]["Name"] in ["pending", "running", "stopped", "stopping"] and tags.get("mote-fleet", "").startswith("dust-"):
                    orders.setdefault(tags["Name"], []).append((region, machine, tags))
        return orders

    def motes(self):
        return json.loads(self.dustcloud("mote list", "--json"))

    def wait(self, what, holds, seconds=240):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.coordinator is None or self.coordinator.poll() is None, self.log()[-4000:]
            with contextlib.suppress(subprocess.TimeoutExpired, sqlite3.OperationalError):
                if found := holds():
                    return found
            time.sleep(0.3)
        raise AssertionError(f"not within {seconds} s: {what}\n{self.log()[-4000:]}\n{self.machines()}")


def free():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{s.getsockname()[1]}"


def prices(cloud):
    """Nothing is bought before somebody said yes, and nothing that cannot be had is begun."""
    said = cloud.dustcloud("up", "--dry-run", "--boot", f"ec2={IMAGE}", *cloud.policies, says="a day of it costs at most")
    assert "nothing is bought" in said and said.count("t3.nano") >= MOTES, said
    cloud.dustcloud("up", *cloud.policies, expect=64, says="--yes")
    cloud.dustcloud("up", "--yes", *cloud.policies, expect=77, says="AuthFailure", AWS_SECRET_ACCESS_KEY="wrong")
    cloud.dustcloud("up", "--yes", *cloud.policies, expect=78, says="AWS_SECRET_ACCESS_KEY is not set", AWS_SECRET_ACCESS_KEY="")
    cloud.dustcloud("up", "--yes", "--budget", "0.01USD", *cloud.policies, expect=78, says="0.01 USD")
    cloud.dustcloud("up", "--yes", "--provider", "hetzner", *cloud.policies, expect=78, says="no account at hetzner")
    cloud.dustcloud("up", "--yes", "--provider", "ec2", expect=64, says="--placement")
    nowhere = cloud.folder / "nowhere"
    nowhere.mkdir()
    cloud.dustcloud("up", "--yes", *policies(nowhere, ["eu-central-1", "mars-1"]), expect=78, says="the region mars-1 is not open")
    cloud.dustcloud("up", "--yes", *policies(nowhere, caps={"provider": "0.5"}), expect=78, says="provider")
    assert not pathlib.Path(cloud.state, "state.sqlite").exists()
    cloud.dustcloud("up", "--yes", *cloud.policies, room=2048, expect=69, says="state.sqlite")
    (cloud.folder / "file").write_text("")
    cloud.dustcloud("up", "--yes", "--state", str(cloud.folder / "file/state"), *cloud.policies, expect=73, says="file/state")
    assert not cloud.machines()
    say("a dry run prices everything; no credentials, wrong ones, a small budget, an unknown region, a cap that cannot hold, a full disk and a folder that cannot be are refused by name; nothing was bought")


def rises(cloud):
    cloud.rise()
    found = cloud.wait("as many machines as motes", lambda: (m := cloud.machines()) and len(m) == MOTES and m)
    now = time.time()
    for order, [(region, machine, tags)] in found.items():
        assert tags["Name"] == order and 0 < int(tags["mote-expires"]) - now < 3001, tags
    assert {region for [(region, _, _)] in found.values()} == set(REGIONS), found
    motes = {f"mote-{mote['key']}-1": mote for mote in cloud.motes()}
    assert motes.keys() == found.keys() and {mote["provider"] for mote in motes.values()} == {"ec2"}, motes
    assert {order: mote["region"] for order, mote in motes.items()} == {order: region for order, [(region, _, _)] in found.items()}
    status = json.loads(cloud.dustcloud("status", "--json"))
    assert 0 < float(status["promised"]["USD"]) <= 1 == float(status["budget"]["USD"]), status
    say(f"{MOTES} motes in {len(REGIONS)} regions; the AWS CLI sees them where 'mote list' says, with their tags")


def survives(cloud, line, seed, kills):
    """Killed at random moments while half of the calls go wrong and a mote is wished away each time."""
    chance = random.Random(seed)
    line.share = 0.5
    for _ in range(kills):
        with contextlib.suppress(AssertionError):
            cloud.dustcloud(f"mote terminate {chance.choice(cloud.motes())['key']}")
        time.sleep(chance.uniform(0, 2.5))
        cloud.kill()
        cloud.up()
    line.share = 0
    say(f"killed {kills} times; what the line did: {dict(line.done)}")

    def settled():
        found, motes = cloud.machines(), cloud.motes()
        return len(motes) == MOTES == len(found) == taken(found) and {order.split("-")[1] for order in found} == {mote["key"] for mote in motes}

    # That a machine which may have been asked for was never made is proven by listings of more than five minutes and two calls.
    cloud.wait("one machine for each mote and no other", settled, seconds=600)
    say("one machine for each mote that is recorded, and no other")


def expires(cloud):
    """A machine whose time is over ends by its tags alone: from a computer that knows nothing else, and by the coordinator."""
    def age(machine):
        order, [(region, machine, tags)] = machine
        cloud.aws(region, "create-tags", "--resources", machine, "--tags", f"Key=mote-expires,Value={int(time.time()) - 60}")
        return order, tags["mote-fleet"]

    cloud.kill()
    order, fleet = age(next(iter(cloud.machines().items())))
    done = subprocess.run(
        [cloud.program, "machine", "sweep", "--provider", "ec2", "--fleet", fleet, "--state", cloud.state + "-elsewhere"], env=cloud.line, capture_output=True,
        text=True, timeout=240)
    assert done.returncode == 0 and done.stdout.count("expired  ending") == 1, done.stdout + done.stderr
    assert order not in cloud.machines()
    cloud.up()
    cloud.wait("another mote for the one that expired", lambda: len(cloud.machines()) == MOTES and order not in cloud.machines())
    say("what expired was ended by its tags alone while no coordinator was there, and replaced once one was")


def falls(cloud, foreign):
    cloud.dustcloud("down", says="proven gone")
    cloud.coordinator.wait(60)
    assert not cloud.machines()
    assert all(cloud.instances(REGIONS[0])[machine]["State"]["Name"] == "running" for machine in foreign)
    say("down: not one machine is left, and those of strangers run on")


def main():
    program, seed, kills = str(pathlib.Path(sys.argv[1]).resolve()), int((sys.argv[2:] or [2026])[0]), int((sys.argv[3:] or [4])[0])
    folder = tempfile.mkdtemp(prefix="dustcloud-fleet-")
    cloud = None
    try:
        with moto(folder) as url, faulty(url, seed) as (line, address):
            cloud = Cloud(program, folder, url, address)
            say("moto is up")
            foreign = [cloud.plant(REGIONS[0]), cloud.plant(REGIONS[0], fleet="other", key="0" * 32, attempt=1, expires=int(time.time()) - 60)]
            prices(cloud)
            rises(cloud)
            survives(cloud, line, seed, kills)
            expires(cloud)
            falls(cloud, foreign)
            kept = b"".join(path.read_bytes() for path in cloud.folder.rglob("*") if path.is_file() and "moto.log" not in path.name)
            assert kept and cloud.renter["AWS_SECRET_ACCESS_KEY"].encode() not in kept
    finally:
        if cloud:
            if cloud.coordinator and cloud.coordinator.poll() is None:
                cloud.kill()
            for line in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    if f"{folder}/".encode() in line.read_bytes() and line.read_bytes().startswith(b"mote\0"):
                        os.kill(int(line.parent.name), signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


main()
