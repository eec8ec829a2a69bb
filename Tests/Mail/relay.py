#!/usr/bin/python3
"""A relay by aiosmtpd: ADDRESS PORT CERTIFICATE KEY FOLDER [implicit]. It takes letters after STARTTLS and a login, or under TLS from the first byte on, and writes
them into the folder."""
import logging
import ssl
import sys
import time
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

# It complains of its own old names at each login, and at length of who breaks off.
logging.getLogger('mail.log').setLevel(logging.CRITICAL)
address, port, certificate, key, folder = sys.argv[1:6]
folder = Path(folder)
written = 0


class Handler:
    async def handle_DATA(self, server, session, envelope):
        global written
        for _ in envelope.rcpt_tos:
            (folder / f'part{written}').write_bytes(envelope.original_content)
            (folder / f'part{written}').rename(folder / f'letter{written}')
            written += 1
        return '250 2.0.0 taken'


def authenticate(server, session, envelope, mechanism, login):
    (folder / 'login').write_text(mechanism)
    return AuthResult(success=(login.login, login.password) == (b'me', b'secret'), handled=False)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
# aiosmtpd takes logins on a port of TLS from the start only if it is told not to ask for STARTTLS.
way = {'ssl_context': context, 'auth_require_tls': False} if sys.argv[6:] == ['implicit'] else {'tls_context': context, 'require_starttls': True}
Controller(Handler(), hostname=address, port=int(port), authenticator=authenticate, auth_required=True, **way).start()
(folder / 'ready').touch()
while True:
    time.sleep(60)
