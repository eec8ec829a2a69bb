"""Orders as the exchange keeps them, read by a parser of its own: from the layout that `Order.swift` and `Token.swift` document, not from their code."""
import hashlib
import struct
from dataclasses import dataclass, field

SHAPES = {1: 'buy', 2: 'roll', 3: 'split', 4: 'merge', 5: 'refund', 6: 'deposit', 7: 'prepay', 8: 'permit', 9: 'trial', 10: 'unstake', 11: 'right', 12: 'barter'}
# Of an authenticator and of a blinded message, by the token's type.
AUTHENTICATOR_BYTES, BLINDED_BYTES = {2: 256, 5: 64}, {2: 256, 5: 32}
EVIDENCE_BYTES = {'refund': 64, 'deposit': 8 + 32 + 32 + 64}
DETAIL_BYTES = {'buy': 8, 'deposit': 32, 'prepay': 96, 'permit': 8, 'trial': 16, 'right': 41}


@dataclass
class Order:
    """What the exchange sees of an order, and in which slice and at which place it came."""
    id: bytes
    slice: int
    place: int
    shape: str = ''
    worth: int = 0
    detail: bytes = b''
    order_key: bytes = b''
    signature: bytes = b''
    # (type, nonce, challenge digest, key, authenticator, evidence), and (key, blinded messages).
    inputs: list = field(default_factory=list)
    outputs: list = field(default_factory=list)

    @property
    def keys(self):
        return {i[3] for i in self.inputs} | {key for key, _ in self.outputs}

    def values(self):
        """Everything in it that somebody chose or that was random, but not what the exchange gave everybody."""
        yield self.order_key
        yield self.signature
        if len(self.detail) >= 32:
            # A right's goes on with its bucket and slice, which many have.
            yield self.detail[:32] if self.shape == 'right' else self.detail
        for _, nonce, _, _, authenticator, evidence in self.inputs:
            yield from (v for v in (nonce, authenticator, evidence) if v)
        for _, blinded in self.outputs:
            yield from blinded


class Reader:
    def __init__(self, body):
        self.body, self.at = body, 0

    def take(self, count):
        if self.at + count > len(self.body):
            raise ValueError('an order ends too early')
        self.at += count
        return self.body[self.at - count:self.at]

    def number(self, code):
        return struct.unpack('>' + code, self.take(struct.calcsize('>' + code)))[0]


def parse(body, slice_index, place):
    """An order from its bytes, without padding."""
    reader = Reader(body)
    if reader.number('B') != 1:
        raise ValueError('no order of version 1')
    order = Order(hashlib.sha256(body).digest(), slice_index, place, SHAPES[reader.number('B')], reader.number('H'))
    order.detail = reader.take(DETAIL_BYTES.get(order.shape, 0))
    order.order_key = reader.take(32)
    for _ in range(reader.number('B')):
        kind = reader.number('H')
        nonce, challenge, key = reader.take(32), reader.take(32), reader.take(32)
        order.inputs.append((kind, nonce, challenge, key, reader.take(AUTHENTICATOR_BYTES[kind]), reader.take(EVIDENCE_BYTES.get(order.shape, 0))))
    for _ in range(reader.number('B')):
        key, kind = reader.take(32), reader.number('H')
        order.outputs.append((key, [reader.take(BLINDED_BYTES[kind]) for _ in range(reader.number('B'))]))
    if order.shape == 'unstake':
        order.detail = reader.take(64)
    order.signature = reader.take(64)
    if reader.at != len(body):
        raise ValueError('an order has bytes left over')
    return order
