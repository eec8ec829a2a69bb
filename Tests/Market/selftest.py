#!/usr/bin/env python3
"""Whether `link.py` finds a link where there is one, and none where there is none: `selftest.py selftest`.

Markets are made up of random bytes in the exchange's layout, with a seed: one that keeps the rules, and one for each way of breaking them.
"""
import random
import sqlite3
import struct
import sys
import tempfile
from pathlib import Path

import link
import orders

OWNERS, SLICES, AGES = 60, 400, 96
CODES = {name: code for code, name in orders.SHAPES.items()}


class Market:
    """Each owner pays for one pack and buys three times."""

    def __init__(self, seed, hurried=False, shared_key=False):
        self.random, self.hurried, self.shared_key = random.Random(seed), hurried, shared_key
        self.payers, self.owners, self.rows = {}, {}, []
        for owner in range(OWNERS):
            self.live(f'owner{owner}')
        self.rows.sort(key=lambda row: (row[0], self.random.random()))

    def live(self, owner):
        paid, key = self.random.randrange(SLICES), self.random.randbytes(32)
        receipt = self.random.randbytes(96)
        self.payers[receipt[:32].hex()] = owner
        self.add(owner, paid, 'prepay', 0, receipt, 0, 2, key)
        for _ in range(3):
            age = 1 if self.hurried else self.random.randint(1, AGES)
            self.add(owner, paid + age, 'buy', 64, struct.pack('>Q', 20), 3, 1, key if self.shared_key else self.random.randbytes(32))

    def add(self, owner, at, shape, worth, detail, inputs, outputs, order_key):
        body = struct.pack('>BBH', 1, CODES[shape], worth) + detail + order_key + bytes([inputs])
        for _ in range(inputs):
            body += struct.pack('>H', 5) + self.random.randbytes(32) + b'c' * 32 + b'k' * 32 + self.random.randbytes(64)
        body += bytes([outputs])
        for _ in range(outputs):
            body += b'k' * 32 + struct.pack('>H', 5) + bytes([3]) + self.random.randbytes(96)
        body += self.random.randbytes(64)
        order = orders.parse(body, at, 0)
        self.owners[order.id.hex()] = owner
        self.rows.append((at, order.id, body))

    def judged(self, lines=()):
        """The faults that `link.py` finds in it."""
        with tempfile.TemporaryDirectory() as folder:
            path, log = Path(folder) / 'market.sqlite', Path(folder) / 'log'
            with sqlite3.connect(path) as database:
                database.execute('CREATE TABLE intake (id BLOB PRIMARY KEY, slice INTEGER NOT NULL, body BLOB NOT NULL, answer BLOB)')
                database.executemany('INSERT INTO intake VALUES (?, ?, ?, NULL)', [(id, at, body) for at, id, body in self.rows])
            log.write_text(''.join(line + '\n' for line in lines))
            found, _, refused = link.read(path)
            return link.judge(found, refused, [log], {'payers': self.payers, 'owners': self.owners, 'names': ['owner7']}, AGES)


def selftest():
    honest = Market(1)
    some = next(iter(honest.owners))
    cases = {
        'nothing where the rules are kept': (honest.judged(['settled 12 orders of slice 5']), ''),
        'orders that share a key': (Market(2, shared_key=True).judged(), 'bytes tie together'),
        'credit that is spent at once': (Market(3, hurried=True).judged(), 'names the payer'),
        'an order in a log': (honest.judged([f'took order {some}']), 'a log tells'),
        'a name in a log': (honest.judged(['owner7 paid']), 'a log tells'),
    }
    wrong = [name for name, (faults, expected) in cases.items() if not (any(expected in f for f in faults) if expected else not faults)]
    for name, (faults, _) in cases.items():
        print(f'{name}: {len(faults)} faults')
    if wrong:
        print('NOT as it should be:', ', '.join(wrong))
    return 1 if wrong else 0


if __name__ == '__main__':
    if sys.argv[1:] != ['selftest']:
        sys.exit('usage: selftest.py selftest')
    sys.exit(selftest())
