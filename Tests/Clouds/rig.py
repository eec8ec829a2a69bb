"""What the scenarios against moto's EC2 share: the server, users with a policy of their own, and the AWS CLI as the other witness."""
import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request

import boto3

PEERS = pathlib.Path(sys.executable).parent
IMAGE = "ami-0123456789abcdef0"
NEEDED = ["ec2:RunInstances", "ec2:CreateTags", "ec2:DescribeInstances", "ec2:DescribeRegions", "ec2:TerminateInstances"]

START = time.monotonic()
# All of this is on loopback.
for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
    del os.environ[name]


def say(words):
    print(f"{time.monotonic() - START:.0f} s: {words}", flush=True)


def call(url, body=None):
    return urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "text/plain"}), timeout=30).read()


def start(folder):
    """moto and its address; nothing if somebody took its port first."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    environment = {"PATH": os.environ["PATH"], "HOME": folder, "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
    with open(folder + "/moto.log", "ab") as log:
        server = subprocess.Popen([PEERS / "moto_server", "-H", "127.0.0.1", "-p", str(port)], env=environment, stdout=log, stderr=log)
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and server.poll() is None:
        try:
            call(f"http://127.0.0.1:{port}/moto-api/data.json")
            time.sleep(0.1)
            if server.poll() is None:
                return server, f"http://127.0.0.1:{port}"
        except OSError:
            time.sleep(0.1)
    server.kill()
    server.wait(30)
    return None


@contextlib.contextmanager
def moto(folder):
    started = start(folder) or start(folder) or start(folder)
    assert started, "moto does not start:\n" + pathlib.Path(folder + "/moto.log").read_text()
    server, url = started
    try:
        yield url
    finally:
        server.kill()
        server.wait(30)


def user(url, name, actions):
    """A user's credentials, as environment variables."""
    iam = boto3.client("iam", region_name="us-east-1", endpoint_url=url, aws_access_key_id="none", aws_secret_access_key="none")
    iam.create_user(UserName=name)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


class Account:
    """Somebody who rents, and a witness who sees all; from then on nobody may do anything without a signature."""

    def __init__(self, folder, url):
        self.common = {"PATH": os.environ["PATH"], "HOME": folder, "AWS_ENDPOINT_URL": url, "AWS_EC2_METADATA_DISABLED": "true"}
        self.renter = self.common | user(url, "dustcloud", NEEDED)
        self.witness = self.common | user(url, "witness", ["ec2:*"])
        call(f"{url}/moto-api/reset-auth", b"0")

    def aws(self, region, *words):
        done = subprocess.run(
            [PEERS / "aws", "ec2", "--region", region, "--output", "json", *words], env=self.witness, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def instances(self, region):
        return {i["InstanceId"]: i for r in self.aws(region, "describe-instances")["Reservations"] for i in r["Instances"]}

    def plant(self, region, **tags):
        """A machine that dustcloud did not order."""
        pairs = ",".join(f"{{Key=mote-{name},Value={value}}}" for name, value in tags.items())
        spec = ["--tag-specifications", f"ResourceType=instance,Tags=[{pairs}]"] if tags else []
        made = self.aws(region, "run-instances", "--image-id", IMAGE, "--instance-type", "t3.nano", "--count", "1", *spec)
        return made["Instances"][0]["InstanceId"]
