"""A line to moto that fails as lines and providers do: answers lost after the call was carried out, answers late, refusals, half an XML, yesterday's list.

What comes is drawn from a seed, call by call. moto takes a ClientToken and forgets it; here a token makes one machine, as EC2 says it does.
"""
import collections
import contextlib
import http.server
import random
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

THROTTLED = b"<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>Request limit exceeded.</Message></Error></Errors></Response>"
BROKEN = b"<Response><Errors><Error><Code>InternalError</Code><Message>An internal error has occurred.</Message></Error></Errors></Response>"
FAULTS = ["lost", "unsent", "late", "throttled", "broken", "cut", "stale"]


class Line:
    """How the line behaves now, and what it did so far."""

    def __init__(self, url, seed):
        self.url, self.random, self.share = url, random.Random(seed), 0.0
        self.lock, self.done = threading.Lock(), collections.Counter()
        self.tokens, self.lists = {}, {}

    def draw(self, action):
        with self.lock:
            if self.random.random() >= self.share:
                return None
            fault = self.random.choice(FAULTS)
            if fault == "stale" and action != "DescribeInstances":
                fault = "lost"
            self.done[fault] += 1
            return fault

    def forward(self, path, headers, body):
        request = urllib.request.Request(self.url + path, body, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()

    def carry(self, path, headers, body, fields, region):
        """The call, once for each token."""
        token = fields.get("ClientToken")
        if fields.get("Action") != "RunInstances" or not token:
            return self.forward(path, headers, body)
        with self.lock:
            gate = self.tokens.setdefault((region, token), [threading.Lock(), None])
        with gate[0]:
            if gate[1] is None:
                answer = self.forward(path, headers, body)
                if answer[0] != 200:
                    return answer
                gate[1] = answer
            return gate[1]


def handler(line):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *words):
            pass

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            fields = {name: values[0] for name, values in urllib.parse.parse_qs(body.decode()).items()}
            scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/", self.headers.get("Authorization", ""))
            region = scope.group(1) if scope else ""
            fault = line.draw(fields.get("Action"))
            if fault == "unsent":
                return self.hang_up()
            if fault == "throttled":
                return self.answer(429, THROTTLED, {"Retry-After": "1"})
            if fault == "broken" and line.random.random() < 0.5:
                return self.answer(500, BROKEN)
            status, text = line.carry(self.path, dict(self.headers), body, fields, region)
            if fields.get("Action") == "DescribeInstances" and status == 200:
                key = (region, fields.get("Filter.1.Value.1"))
                old = line.lists.get(key, text)
                if fault == "stale":
                    return self.answer(status, old)
                line.lists[key] = text
            if fault == "lost":
                return self.hang_up()
            if fault == "broken":
                return self.answer(500, BROKEN)
            if fault == "late":
                time.sleep(line.random.uniform(0.2, 1.5))
            if fault == "cut":
                text = text[: len(text) * 2 // 3]
            self.answer(status, text)

        def answer(self, status, text, headers=None):
            self.send_response(status)
            for name, value in ({"Content-Type": "text/xml", "Content-Length": str(len(text))} | (headers or {})).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def hang_up(self):
            self.close_connection = True
            self.connection.close()

    return Handler


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        pass  # Whoever was killed does not wait for its answer.


@contextlib.contextmanager
def faulty(url, seed):
    """The line and its address."""
    line = Line(url, seed)
    server = Server(("127.0.0.1", 0), handler(line))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield line, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join(30)
        server.server_close()
