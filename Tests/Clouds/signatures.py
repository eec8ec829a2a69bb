"""Requests signed by botocore, as JSON for the tests of SignatureV4.

usage: signatures.py COUNT [SEED] > FILE      (needs botocore; `make clouds` has it)
"""
import datetime
import json
import random
import sys
from urllib.parse import quote

import botocore.auth
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

TEXTS = ["", "a", "tag:mote-fleet", "a b", "ä€", "+/=&?", "%41", "~-._", "a=b", "*", "'()", "0" * 70, "x\ty"]


def value(r):
    return "".join(r.choice(TEXTS) for _ in range(r.randint(0, 3)))


def case(r):
    # Unsorted, and some names twice.
    query = [["".join(r.choice("aAbZ09-_~ :") for _ in range(r.randint(1, 6))), value(r)] for _ in range(r.randint(0, 5))]
    path = r.choice(["/", "/", "/v1/servers", "/a%20b/c", "/arn%3Aaws%3Alambda", "/a//b", "/a/./b/../c", "/ends/", "/%E1%88%B4", "/~user", "/a/../../b", "/..", "/.", "//", "/a/.", "/a/..", "/%2F", "/a;b=c", "/a+b", "/a,b@c:1", "/(x)'*!", "/%C3%A4/%20"])
    if query and r.random() < 0.2:
        query += [[query[0][0], value(r)]]
    headers = [["content-type", "application/x-www-form-urlencoded; charset=utf-8"]] if r.random() < 0.6 else []
    headers += [[f"x-amz-{i}", r.choice(["plain", "  two  blanks ", "a,b", "UPPER", "ß"])] for i in range(r.randint(0, 3))]
    host = r.choice(["ec2.us-east-1.amazonaws.com", "127.0.0.1:5000", "lambda.eu-west-3.amazonaws.com"])
    return {
        "method": r.choice(["GET", "POST", "PUT", "DELETE"]), "endpoint": f"http://{host}" if ":" in host else f"https://{host}", "path": path,
        "query": query, "headers": headers, "body": value(r) if r.random() < 0.7 else "", "now": r.randint(1_000_000_000, 4_000_000_000),
        "region": r.choice(["us-east-1", "eu-central-2"]), "service": r.choice(["ec2", "lambda", "sts"]),
        "id": "AKIDEXAMPLE", "secret": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "token": r.choice([None, None, "AQoDYXdzEPT//////////wEX=="]),
    }


def sign(c):
    now = datetime.datetime.fromtimestamp(c["now"], datetime.timezone.utc)
    # The name differs between versions; both are only the clock.
    for name in ("get_current_datetime", "get_datetime"):
        if hasattr(botocore.auth, name):
            setattr(botocore.auth, name, lambda *_, **__: now.replace(tzinfo=None))
    url = c["endpoint"] + c["path"]
    if c["query"]:
        url += "?" + "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in c["query"])
    request = AWSRequest(method=c["method"], url=url, headers=dict(c["headers"]), data=c["body"].encode())
    SigV4Auth(Credentials(c["id"], c["secret"], c["token"]), c["service"], c["region"]).add_auth(request)
    assert request.headers["X-Amz-Date"] == now.strftime("%Y%m%dT%H%M%SZ"), "botocore took another clock"
    return c | {"authorization": request.headers["Authorization"]}


def main():
    r = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    json.dump([sign(case(r)) for _ in range(int(sys.argv[1]))], sys.stdout, ensure_ascii=False, separators=(",", ":"))


main()
