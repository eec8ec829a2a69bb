"""`dustcloud machine` against moto's EC2 on loopback, with the AWS CLI as the other witness of the same server.

moto checks every signature with botocore, and every call against what the user may do. What it does not know is that one token makes one machine.

usage: moto.py DUSTCLOUD      (run by `make test` with the Python of .build/peers)
"""
import json
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from rig import IMAGE, Account, moto, say

REGIONS = ["eu-central-1", "us-east-1"]
RENT = ["--size", "t3.nano", "--image", IMAGE, "--ttl", "45m"]


class Bench(Account):
    def __init__(self, program, folder, url):
        super().__init__(folder, url)
        self.program, self.state = program, folder + "/state"

    def words(self, verb, *more):
        return [self.program, "machine", verb, "--provider", "ec2", "--state", self.state, *more]

    def dustcloud(self, verb, *more, expect=0, complains="", **environment):
        done = subprocess.run(self.words(verb, *more), env=self.renter | environment, capture_output=True, text=True, timeout=240)
        assert done.returncode == expect and complains in done.stderr, f"machine {verb}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert self.renter["AWS_SECRET_ACCESS_KEY"] not in done.stdout + done.stderr
        return done.stdout

    def running(self):
        return {i for region in REGIONS for i, one in self.instances(region).items() if one["State"]["Name"] == "running"}


def rents(bench):
    ours = {region: bench.dustcloud("rent", "--place", region, *RENT).split()[:2] for region in REGIONS}
    for region, (machine, key) in ours.items():
        seen = bench.instances(region)[machine]
        tags = {t["Key"]: t["Value"] for t in seen["Tags"]}
        assert tags["mote-fleet"] == "dustcloud" and tags["mote-key"] == key and 0 < int(tags["mote-expires"]) - time.time() < 2701, tags
        assert seen["ClientToken"] == f"mote-{key}-1" == tags["Name"] and seen["InstanceType"] == "t3.nano", seen
        shutdown = bench.aws(region, "describe-instance-attribute", "--instance-id", machine, "--attribute", "instanceInitiatedShutdownBehavior")
        assert shutdown["InstanceInitiatedShutdownBehavior"]["Value"] == "terminate", shutdown
    say("rented in two regions; the AWS CLI sees token, tags and what a shutdown does")
    return ours


def refuses(bench):
    for words, code, complains in [(["list"], 77, "AuthFailure"), (["sweep"], 77, "AuthFailure"), (["rent", "--place", REGIONS[0], *RENT], 77, "AuthFailure")]:
        bench.dustcloud(*words, expect=code, complains=complains, AWS_SECRET_ACCESS_KEY="wrong")
    bench.dustcloud("rent", "--place", "evil.example/", *RENT, expect=65, complains="a region has")
    bench.dustcloud("list", expect=78, complains="AWS_SECRET_ACCESS_KEY is not set", AWS_SECRET_ACCESS_KEY="")
    bench.dustcloud("end", "f" * 32, expect=66, complains="no machine")
    say("a wrong signature, no signature and a false region are refused by name")


def sweeps(bench, ours):
    past = int(time.time()) - 60
    ages = dict(fleet="dustcloud", attempt=1, expires=past)
    forgotten = bench.plant(REGIONS[1], key="0" * 32, **ages)
    doubled = bench.plant(REGIONS[0], fleet="dustcloud", attempt=1, key=ours[REGIONS[0]][1], expires=past + 9999)
    foreign = {bench.plant(REGIONS[1]), bench.plant(REGIONS[1], key="0" * 32, **ages | {"fleet": "other"})}
    listed = {one["machine"] for one in json.loads(bench.dustcloud("list", "--json"))}
    assert listed == {forgotten, doubled} | {m for m, _ in ours.values()}, listed
    swept = bench.dustcloud("sweep")
    assert f"{forgotten}  expired  ending" in swept and f"{doubled}  doubled  ending" in swept and len(swept.splitlines()) == 2, swept
    assert bench.running() == {m for m, _ in ours.values()} | foreign
    assert bench.dustcloud("sweep") == ""
    say("a sweep over all regions ends what expired and what was doubled; strangers' machines live on")
    for machine, key in ours.values():
        assert bench.dustcloud("end", key[:8]) == f"{machine}  ending\n"
    assert bench.running() == foreign
    say("ended by key")


def survives(bench):
    """Killed with the order under way: the next sweep finishes it."""
    before = bench.running()
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        environment = bench.renter | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{deaf.getsockname()[1]}"}
        child = subprocess.Popen(bench.words("rent", "--place", REGIONS[0], *RENT), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deaf.settimeout(120)
        line, _ = deaf.accept()
        assert line.recv(8).startswith(b"POST")
        child.send_signal(signal.SIGKILL)
        child.wait(30)
    machine = bench.dustcloud("sweep").split()[0]
    assert bench.running() == before | {machine}
    bench.dustcloud("end", bench.instances(REGIONS[0])[machine]["ClientToken"].split("-")[1])
    assert bench.running() == before
    say("killed while it asked: the next sweep finished the rental, once")


def main():
    folder = tempfile.mkdtemp(prefix="dustcloud-moto-")
    try:
        with moto(folder) as url:
            bench = Bench(str(pathlib.Path(sys.argv[1]).resolve()), folder, url)
            say("moto is up")
            ours = rents(bench)
            refuses(bench)
            sweeps(bench, ours)
            survives(bench)
            kept = b"".join(path.read_bytes() for path in pathlib.Path(bench.state).rglob("*") if path.is_file())
            assert kept and bench.renter["AWS_SECRET_ACCESS_KEY"].encode() not in kept
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
