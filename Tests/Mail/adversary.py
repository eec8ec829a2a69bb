#!/usr/bin/env python3
"""Somebody who sees when every packet goes from which mote to which, and nothing else: `adversary.py TRACE MEAN-SECONDS PACKETS-PER-SECOND` says how well letters hide from them;
with `simulated` for TRACE, in a network that keeps the law exactly.

The trace has a line for each packet: milliseconds, from, to. Delays have no memory, so of all that leaves a mote each is any of those that it holds with the same chance, or one of
the mote's own, which it sends at a known rate. So the chances of every packet to be a letter that went in are carried along until it has been held three times, and the
entropy of where it then came is taken: no bit is guessed, and nothing is known but times (the rule of the simulation, for a network of real processes).
"""
import collections
import heapq
import math
import random
import re
import sys

HOLDS = 3                    # by motes on the way; the gateway where a letter ends does not hold it
FULL, OUT = 8, 16            # mean delays: until the mix is as full as it stays, and until a letter is out but for one in ten thousand
FOLLOWED = 64


def shape(holds):
    """Differential entropy of the sum of so many exponential delays of mean 1, in bits."""
    digamma = -0.5772156649015329 + sum(1 / n for n in range(1, holds))
    return (holds + math.lgamma(holds) + (1 - holds) * digamma) / math.log(2)


def formula(rate, mean):
    """Bits of a letter among so many packets a second that come into the whole network, where any mote may hold a packet at any stage: it hides among all that move."""
    return math.log2((HOLDS + 1) * rate * mean) + shape(HOLDS)


class Watcher:
    """What is known of the motes at a moment: how many packets each is thought to hold, and each followed letter's chances to be one of them."""

    def __init__(self, mean, rate):
        self.mean, self.rate = mean, rate
        self.held = collections.defaultdict(float)
        self.letters, self.entropy, self.best, self.left = [], [], [], []

    def follow(self, to):
        self.letters.append({(to, 1): 1.0})
        self.entropy.append(0.0)
        self.best.append(0.0)
        self.left.append(0.0)

    def sees(self, source, target):
        """A packet went from one mote to another; `rate` is what each sends of its own."""
        among = self.held[source] + self.rate * self.mean
        share = 1 / max(among, 1)
        self.held[source] -= self.held[source] * share
        # Each comes to so many motes and one more, and that one does not hold it.
        self.held[target] += HOLDS / (HOLDS + 1)
        for number, chances in enumerate(self.letters):
            for hold in range(HOLDS, 0, -1):
                part = chances.get((source, hold), 0) * share
                if part <= 0:
                    continue
                chances[source, hold] -= part
                if hold < HOLDS:
                    chances[target, hold + 1] = chances.get((target, hold + 1), 0) + part
                else:
                    self.entropy[number] -= part * math.log2(part)
                    self.best[number] = max(self.best[number], part)
                    self.left[number] += part


def measure(events, mean, rate, seed=1):
    """Mean entropy and min-entropy in bits of letters that might be any packets of the trace's middle: (bits, guess, letters).

    `events`: (milliseconds, from, to) in order; `rate`: packets a second that each mote sends of its own.
    """
    first, last = events[0][0] / 1000 + FULL * mean, events[-1][0] / 1000 - OUT * mean
    if first >= last:
        raise SystemExit(f'the trace must be longer than {(FULL + OUT) * mean} s')
    middle = [n for n, event in enumerate(events) if first <= event[0] / 1000 <= last]
    chosen = set(random.Random(seed).sample(middle, min(FOLLOWED, len(middle))))
    watcher = Watcher(mean, rate)
    for number, (_, source, target) in enumerate(events):
        watcher.sees(source, target)
        if number in chosen:
            watcher.follow(target)
    done = [n for n, left in enumerate(watcher.left) if left > 0.99]
    if not done:
        raise SystemExit('no letter came out')
    # What is still inside would be a little more.
    bits = sum(watcher.entropy[n] / watcher.left[n] + math.log2(watcher.left[n]) for n in done) / len(done)
    return bits, sum(-math.log2(watcher.best[n]) for n in done) / len(done), len(done)


def trace(logs):
    """What the links of motes showed, from debugging logs: `logs` by the mote's name on the mix."""
    events = []
    for name, text in logs.items():
        for time, count, target in re.findall(r'At (\d+) ms went (\d+) packets to ([0-9a-f]+)', text):
            events += [(int(time), name, target)] * int(count)
    return sorted(events)


def read(path):
    with open(path) as lines:
        return sorted((int(time), source, target) for time, source, target in (line.split() for line in lines))


def network(rate, mean, seconds, motes=5, seed=1):
    """A trace of a network that keeps the law exactly, for comparison."""
    dice, events, queue = random.Random(seed), [], []
    for mote in range(motes):
        now = 0.0
        while (now := now + dice.expovariate(rate)) < seconds:
            route = []
            while len(route) < HOLDS + 1:
                hop = dice.randrange(motes)
                if hop not in route and (hop != mote or len(route) == HOLDS):
                    route.append(hop)
            heapq.heappush(queue, (now, len(queue), mote, tuple(route)))
    order = len(queue)
    while queue:
        now, _, source, route = heapq.heappop(queue)
        events.append((int(now * 1000), f'm{source}', f'm{route[0]}'))
        if len(route) > 1:
            order += 1
            heapq.heappush(queue, (now + dice.expovariate(1 / mean), order, route[0], route[1:]))
    return events


if __name__ == '__main__':
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    mean, rate = float(sys.argv[2]), float(sys.argv[3])
    events = network(rate, mean, 100 * mean) if sys.argv[1] == 'simulated' else read(sys.argv[1])
    motes = len({event[1] for event in events})
    bits, guess, letters = measure(events, mean, rate)
    print(f'{letters} letters among {len(events)} packets: {bits:.2f} bits, best guess {guess:.2f} bits; by the formula {formula(rate * motes, mean):.2f} bits')
