"""The providers' own clients, against a double on loopback: what our driver rented must be there for them, and the other way round.

usage: clients.py PROVIDER URL OURS KEY THEIRS TAG=VALUE…      (run by `make test` with the Python of .build/peers)

OURS is the name of the machine that is there, KEY its mote's; THEIRS is the name of the one to rent, with these tags. The account may have two.
"""
import os
import subprocess
import sys
import pathlib

PEERS = pathlib.Path(sys.executable).parent
# All of this is on loopback.
for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
    del os.environ[name]


def refused(error, read, expected, act):
    """`act` is refused, and the client reads the refusal as it is meant."""
    try:
        act()
    except error as refusal:
        assert read(refusal) == expected, (read(refusal), expected)
        return
    raise AssertionError(f"not refused: {expected}")


def ec2(url, ours, key, theirs, tags):
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError

    def client(secret="sesame", region="fra"):
        return boto3.client("ec2", region_name=region, endpoint_url=url, aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key=secret,
                            config=Config(retries={"total_max_attempts": 1}, connect_timeout=20, read_timeout=20))

    def code(refusal):
        return refusal.response["Error"]["Code"]

    def order(place="fra", token=theirs, size="small"):
        pairs = [{"Key": name, "Value": value} for name, value in tags.items()]
        return client(region=place).run_instances(
            ImageId="17", InstanceType=size, MinCount=1, MaxCount=1, ClientToken=token, InstanceInitiatedShutdownBehavior="terminate",
            TagSpecifications=[{"ResourceType": "instance", "Tags": pairs}])["Instances"][0]["InstanceId"]

    def listed():
        pages = client().get_paginator("describe_instances").paginate(Filters=[{"Name": "tag:mote-fleet", "Values": ["test"]}])
        return {i["InstanceId"]: i for page in pages for r in page["Reservations"] for i in r["Instances"]}

    regions = [r["RegionName"] for r in client().describe_regions()["Regions"] if r.get("OptInStatus") != "not-opted-in"]
    assert "fra" in regions, regions
    refused(ClientError, code, "AuthFailure", lambda: client("wrong").describe_regions())
    (mine, seen), = listed().items()
    assert {t["Key"]: t["Value"] for t in seen["Tags"]}["mote-key"] == key and seen["State"]["Name"] == "running", seen
    made = order()
    assert order() == made, "one token makes one machine"
    refused(ClientError, code, "IdempotentParameterMismatch", lambda: order(size="large"))
    refused(ClientError, code, "VcpuLimitExceeded", lambda: order(place="nyc"))
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": "fra",
                   "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "sesame"}
    words = ["ec2", "terminate-instances", "--instance-ids", mine, "--output", "text", "--query", "TerminatingInstances[].InstanceId"]
    done = subprocess.run([PEERS / "aws", *words], env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == mine, done.stdout + done.stderr
    assert listed()[mine]["State"]["Name"] == "terminated" and listed()[made]["State"]["Name"] == "running"
    client().terminate_instances(InstanceIds=[order(token="third")])
    refused(ClientError, code, "IdempotentInstanceTerminated", lambda: order(token="third"))
    refused(ClientError, code, "InvalidInstanceID.NotFound", lambda: client().terminate_instances(InstanceIds=["i-0fffffffffffffff0"]))
    notices = client().describe_spot_instance_requests(
        Filters=[{"Name": "tag:mote-fleet", "Values": ["test"]}, {"Name": "status-code", "Values": ["marked-for-termination"]}])
    assert notices["SpotInstanceRequests"] == [], notices


def hetzner(url, ours, key, theirs, tags):
    from hcloud import APIException, Client
    from hcloud.images import Image
    from hcloud.locations import Location
    from hcloud.server_types import ServerType

    def client(token="letmein"):
        return Client(token=token, api_endpoint=url + "/v1")

    def order(name):
        return client().servers.create(
            name=name, server_type=ServerType(name="small"), image=Image(name="17"), location=Location(name="fra"), labels=tags).server

    def listed():
        return {s.name: s for s in client().servers.get_all(label_selector="mote-fleet==test")}

    refused(APIException, lambda e: e.code, "unauthorized", lambda: client("wrong").servers.get_all(label_selector="mote-fleet==test"))
    seen = listed()
    assert list(seen) == [ours] and seen[ours].labels["mote-key"] == key and seen[ours].status == "running", seen
    assert seen[ours].public_net.ipv4.ip == "192.0.2.1" and seen[ours].location.name == "fra"
    assert order(theirs).name == theirs
    refused(APIException, lambda e: e.code, "uniqueness_error", lambda: order(theirs))
    refused(APIException, lambda e: e.code, "resource_limit_exceeded", lambda: order("third"))
    assert client().servers.get_by_name(theirs).labels == tags
    assert client().servers.delete(seen[ours]).command == "delete_server"
    assert list(listed()) == [theirs]
    refused(APIException, lambda e: e.code, "not_found", lambda: client().servers.delete(seen[ours]))


def digitalocean(url, ours, key, theirs, tags):
    os.environ["DIGITALOCEAN_END_POINT"] = url + "/v2/"
    import digitalocean as sdk

    words = [f"{name}:{value}" for name, value in tags.items()]

    def order():
        droplet = sdk.Droplet(token="letmein", name=theirs, region="fra", size_slug="small", image="17", tags=words)
        droplet.create()
        return droplet

    def listed(token="letmein"):
        return {d.name: d for d in sdk.Manager(token=token).get_all_droplets(tag_name="mote-fleet:test")}

    seen = listed()
    assert list(seen) == [ours] and f"mote-key:{key}" in seen[ours].tags and seen[ours].status == "active", seen
    assert seen[ours].ip_address == "192.0.2.1" and seen[ours].region["slug"] == "fra"
    refused(sdk.DataReadError, str, "Unable to authenticate you", lambda: listed("wrong"))
    assert order().id and sorted(listed()) == sorted([ours, theirs])
    refused(sdk.DataReadError, lambda e: "droplet limit" in str(e), True, order)
    assert seen[ours].destroy()
    assert list(listed()) == [theirs]
    refused(sdk.NotFoundError, lambda e: True, True, seen[ours].destroy)


def openstack(url, ours, key, theirs, tags):
    import openstack as sdk
    from keystoneauth1.exceptions import Unauthorized

    def client(password="sesame"):
        return sdk.connect(
            auth=dict(auth_url=url + "/v3", username="me", password=password, user_domain_name="Default", project_name="motes", project_domain_name="Default"),
            region_name="fra", compute_api_version="2", load_yaml_config=False, load_envvars=False).compute

    def order():
        return client().create_server(name=theirs, image_id="17", flavor_id="small", metadata=tags)

    def listed():
        return {s.name: s for s in client().servers()}

    refused(Unauthorized, lambda e: e.http_status, 401, lambda: list(client("wrong").servers()))
    seen = listed()
    assert list(seen) == [ours] and seen[ours].metadata["mote-key"] == key and seen[ours].status == "ACTIVE", seen
    made = order()
    assert listed()[theirs].id == made.id
    refused(sdk.exceptions.HttpException, lambda e: (e.status_code, "Quota exceeded" in str(e)), (403, True), order)
    client().delete_server(seen[ours].id, ignore_missing=False)
    assert list(listed()) == [theirs]
    refused(sdk.exceptions.NotFoundException, lambda e: e.status_code, 404, lambda: client().delete_server(seen[ours].id, ignore_missing=False))


provider, url, ours, key, theirs, *pairs = sys.argv[1:]
{"ec2": ec2, "hetzner": hetzner, "digitalocean": digitalocean, "openstack": openstack}[provider](url, ours, key, theirs, dict(pair.split("=", 1) for pair in pairs))
