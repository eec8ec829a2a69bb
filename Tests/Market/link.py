#!/usr/bin/env python3
"""Tries to link who paid to who used, with everything an exchange has: `link.py --database FILE --log FILE… --truth FILE`.

The insider has the whole database, all logs, and from the payment side who bought which pack. He does not have the truth, which says whose
each order was: that is for the referee, who counts what he got right (`insider` is not given it). What he tries:

1. *Bytes.* Any eight bytes in a row that two orders or their rows share, other than what the exchange gave everybody, tie them together.
2. *Time.* First in first out, the latest payer, the place in the order of arrival, and Bayes' rule with the ages that the wallets' rules
   are published to have.
3. *Logs.* Any line that has a piece of an order in it, in hexadecimal or base 64, or somebody's name.

It prints each rule's success beside what is published: that of naming one of all who had paid by then. Exits 0 if no rule does better
(beyond what chance explains once in ten thousand), no bytes tie orders of different purposes, and no log tells anything.
"""
import argparse
import base64
import json
import math
import sqlite3
import sys
from collections import defaultdict
from pathlib import Path

import orders

PIECE_BYTES = 8
CHANCE = 1e-4
# Motes are public while they are listed, and swaps are: deposits of one mote are known to belong together, and rights of one swap.
OPEN_SHAPES = {'deposit', 'unstake', 'right'}


def read(database):
    """Orders in the order of their arrival, other rows by table, and what the exchange gave everybody."""
    connection = sqlite3.connect(f'file:{database}?mode=ro', uri=True)
    tables = [name for name, in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found, refused, rows = [], 0, {}
    for place, (slice_index, body) in enumerate(connection.execute('SELECT slice, body FROM intake ORDER BY rowid')):
        try:
            found.append(orders.parse(bytes(body), slice_index, place))
        except (ValueError, KeyError):
            refused += 1
    for table in tables:
        rows[table] = connection.execute(f'SELECT * FROM "{table}"').fetchall()
    connection.close()
    return found, rows, refused


# MARK: bytes

def pieces(value):
    """Every stretch of PIECE_BYTES in it that is not one byte over and over."""
    for start in range(len(value) - PIECE_BYTES + 1):
        piece = value[start:start + PIECE_BYTES]
        if len(set(piece)) > 2:
            yield piece


def ties(found):
    """Groups of orders that bytes tie together, as lists of indices. A mote's own key ties its deposits only."""
    owners = defaultdict(set)
    for index, order in enumerate(found):
        for value in order.values():
            for piece in pieces(value):
                owners[piece].add(index)
    groups = list(range(len(found)))

    def head(index):
        while groups[index] != index:
            index = groups[index]
        return index
    for members in owners.values():
        first, *rest = sorted(members)
        for other in rest:
            groups[head(other)] = head(first)
    together = defaultdict(list)
    for index in range(len(found)):
        together[head(index)].append(index)
    return [members for members in together.values() if len(members) > 1]


def forbidden(found, groups):
    """Ties that say something which is not public: between anything but one mote's deposits."""
    return [g for g in groups if not all(found[i].shape in OPEN_SHAPES for i in g)]


# MARK: time

def age_weights(hops, ages=96):
    """How likely a use is so many slices after its payment, when credit waits one of 1…96 slices each time it changes hands."""
    weights = [1.0]
    for _ in range(hops):
        longer = [0.0] * (len(weights) + ages)
        for at, weight in enumerate(weights):
            for age in range(1, ages + 1):
                longer[at + age] += weight / ages
        weights = longer
    return weights


class Insider:
    """Knows who paid when, and names payers of purchases: each rule gives the chance of each payer."""

    def __init__(self, found, payers, ages):
        self.found = found
        self.paid = sorted((o.slice, o.place, payers[o.detail[:32].hex()]) for o in found if o.shape == 'prepay')
        # Packs have tokens of 256 and 64; each denomination below them is one change more.
        self.weights = {4: age_weights(3, ages), 16: age_weights(2, ages), 64: age_weights(1, ages)}

    def before(self, use):
        return [p for p in self.paid if (p[0], p[1]) < (use.slice, use.place)]

    @staticmethod
    def sure(payer):
        return {payer: 1.0} if payer is not None else {}

    def published(self, use):
        """All who had paid by then, one as likely as another."""
        names = sorted({p[2] for p in self.before(use)})
        return {name: 1 / len(names) for name in names}

    def latest(self, use):
        return self.sure(self.before(use)[-1][2] if self.before(use) else None)

    def first_in_first_out(self, use):
        worth = sum(3 * o.worth for o in self.found if o.shape == 'buy' and (o.slice, o.place) < (use.slice, use.place))
        return self.sure(self.paid[min(worth // 960, len(self.paid) - 1)][2] if self.paid else None)

    def neighbour(self, use):
        """Whoever paid nearest before it in the order of arrival, whatever the slice."""
        return self.sure(max(((p[1], p[2]) for p in self.paid if p[1] < use.place), default=(0, None))[1])

    def most_paid(self, use):
        totals = defaultdict(int)
        for p in self.before(use):
            totals[p[2]] += 1
        return self.sure(max(sorted(totals), key=totals.get, default=None))

    def bayes(self, use):
        weights, chances = self.weights.get(use.worth, [1.0]), defaultdict(float)
        for slice_index, _, name in self.before(use):
            age = use.slice - slice_index
            # Beyond the longest that it must wait, it waited for its owner: then any age is as likely.
            chances[name] += weights[age] if age < len(weights) and weights[age] else min(w for w in weights if w)
        best = max(sorted(chances), key=chances.get, default=None)
        return self.sure(best)

    RULES = ('latest', 'first_in_first_out', 'neighbour', 'most_paid', 'bayes')


def allowed(successes):
    """The most hits that chance explains, when each try succeeds with a probability of its own."""
    spread = [1.0]
    for p in successes:
        spread = [(spread[i] if i < len(spread) else 0) * (1 - p) + (spread[i - 1] * p if i else 0) for i in range(len(spread) + 1)]
    tail, hits = 0.0, len(successes)
    while hits > 0 and tail + spread[hits] < CHANCE:
        tail += spread[hits]
        hits -= 1
    return hits


# MARK: logs

def told(found, logs, names):
    """Lines of logs that have a piece of an order in them, or somebody's name."""
    needles = set()
    for order in found:
        for value in (order.id, *order.values()):
            needles.add(value[:12].hex())
            needles.add(base64.b64encode(value[:12]).decode())
    lines = []
    for log in logs:
        for line in Path(log).read_text(errors='replace').splitlines():
            words = line.replace('"', ' ').replace('=', ' ').replace(',', ' ').split()
            if any(word[:24].lower() in needles or word[:16] in needles for word in words) or any(name in line for name in names):
                lines.append(f'{Path(log).name}: {line[:200]}')
    return lines


def judge(found, refused, logs, truth, ages):
    """Prints what was found; the faults."""
    faults, groups = [], ties(found)
    bad = forbidden(found, groups)
    print(f'{len(found)} orders ({refused} that are none), {len(groups)} groups that bytes tie together, of them {len(bad)} that should not be')
    for group in bad[:5]:
        faults.append('bytes tie together: ' + ', '.join(f'{found[i].shape} in slice {found[i].slice}' for i in group[:6]))
    insider, owners = Insider(found, truth['payers'], ages), truth['owners']
    uses = [o for o in found if o.shape == 'buy' and o.id.hex() in owners and insider.before(o)]
    if not uses:
        return faults + ['there was no purchase to link']
    published = [insider.published(u).get(owners[u.id.hex()], 0) for u in uses]
    limit = allowed(published)
    print(f'{len(uses)} purchases of {len(set(owners.values()))} owners; naming one of all who had paid by then: {sum(published) / len(uses):.3f}, '
          f'by chance at most {limit} right')
    for rule in Insider.RULES:
        hits = sum(getattr(insider, rule)(u).get(owners[u.id.hex()], 0) for u in uses)
        print(f'  {rule:20} {hits:3.0f} right, {hits / len(uses):.3f}')
        if hits > limit:
            faults.append(f'{rule} names the payer of {hits:.0f} of {len(uses)} purchases')
    lines = told(found, logs, truth.get('names', []))
    print(f'{len(lines)} lines of {len(logs)} logs tell something of an order')
    return faults + [f'a log tells: {line}' for line in lines[:5]]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument('--database', required=True)
    arguments.add_argument('--log', nargs='*', default=[])
    arguments.add_argument('--truth', required=True, help='JSON: payers (receipt to name), owners (order to name), names that no log may have')
    arguments.add_argument('--ages', type=int, default=96, help='slices that credit waits at most')
    options = arguments.parse_args()
    found, _, refused = read(options.database)
    faults = judge(found, refused, options.log, json.loads(Path(options.truth).read_text()), options.ages)
    for fault in faults:
        print('FAULT', fault)
    return 1 if faults else 0


if __name__ == '__main__':
    sys.exit(main())
