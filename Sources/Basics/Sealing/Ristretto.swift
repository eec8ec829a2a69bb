internal import CSodium

/// A number modulo the order of ristretto255 (RFC 9496), in locked memory that is zeroed: keys, blinds, nonces. Never zero.
package struct RistrettoScalar: Sendable {
    package static let bytes = 32

    private let secret: SecretBytes

    /// Where it is.
    package var secretBytes: SecretBytes { secret }

    /// Any number from 1 to the order less 1, all equally likely.
    package static func random() -> RistrettoScalar {
        _ = Sodium.ready
        return RistrettoScalar { crypto_core_ristretto255_scalar_random($0) }!
    }

    /// The canonical form: 32 bytes, little-endian, below the order. `nil` for anything else, zero included.
    package init?(canonical bytes: [UInt8]) {
        guard bytes.count == Self.bytes, let reduced = RistrettoScalar(reducing: bytes + [UInt8](repeating: 0, count: Self.bytes)) else { return nil }
        guard reduced.secret.read({ sodium_memcmp($0, bytes, Self.bytes) }) == 0 else { return nil }
        self = reduced
    }

    /// 64 bytes, little-endian, modulo the order; uniform when they are. `nil` for another length and for zero.
    package init?(reducing wide: [UInt8]) {
        guard wide.count == 2 * Self.bytes else { return nil }
        self.init { crypto_core_ristretto255_scalar_reduce($0, wide) }
    }

    // SAFETY: `fill` writes 32 bytes and keeps no pointer.
    private init?(_ fill: (UnsafeMutablePointer<UInt8>) -> Void) {
        _ = Sodium.ready
        secret = SecretBytes(count: Self.bytes, fill)
        guard read({ sodium_is_zero($0, Self.bytes) }) == 0 else { return nil }
    }

    /// A copy on the heap; keep it short-lived and `wipe` it.
    package var copy: [UInt8] { secret.copy }

    fileprivate func read<R>(_ body: (UnsafePointer<UInt8>) -> R) -> R { secret.read(body) }

    package var inverse: RistrettoScalar { read { own in RistrettoScalar { crypto_core_ristretto255_scalar_invert($0, own) }! } }

    /// `nil` when the difference is zero, which no honest choice of numbers comes to.
    package static func - (a: RistrettoScalar, b: RistrettoScalar) -> RistrettoScalar? {
        a.read { a in b.read { b in RistrettoScalar { crypto_core_ristretto255_scalar_sub($0, a, b) } } }
    }

    package static func * (a: RistrettoScalar, b: RistrettoScalar) -> RistrettoScalar {
        a.read { a in b.read { b in RistrettoScalar { crypto_core_ristretto255_scalar_mul($0, a, b) }! } }
    }

    /// Takes the same time wherever they differ.
    package static func == (a: RistrettoScalar, b: RistrettoScalar) -> Bool {
        a.read { a in b.read { b in sodium_memcmp(a, b, bytes) } } == 0
    }
}

/// An element of the group ristretto255 in its only encoding, 32 bytes.
package struct RistrettoElement: Hashable, Sendable {
    package static let bytesCount = 32

    package let bytes: [UInt8]

    /// From a peer: `nil` unless this is the encoding of an element other than the identity.
    package init?(canonical bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        guard bytes.count == Self.bytesCount, crypto_core_ristretto255_is_valid_point(bytes) == 1, sodium_is_zero(bytes, bytes.count) == 0 else { return nil }
        self.bytes = bytes
    }

    /// The one-way map of RFC 9496, section 4.3.4. `nil` unless there are 64 bytes, and for the few that come to the identity.
    package init?(mapping wide: [UInt8]) {
        guard wide.count == 64, let bytes = Self.made({ crypto_core_ristretto255_from_hash($0, wide) == 0 }), sodium_is_zero(bytes, bytes.count) == 0
        else { return nil }
        self.bytes = bytes
    }

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The generator times a scalar.
    package static func generator(times scalar: RistrettoScalar) -> RistrettoElement {
        RistrettoElement(scalar.read { scalar in made { crypto_scalarmult_ristretto255_base($0, scalar) == 0 } }!)
    }

    /// Neither factor is zero, and the order is prime: so the product is an element again.
    package static func * (scalar: RistrettoScalar, element: RistrettoElement) -> RistrettoElement {
        RistrettoElement(scalar.read { scalar in made { crypto_scalarmult_ristretto255($0, scalar, element.bytes) == 0 } }!)
    }

    /// `nil` when the sum is the identity.
    package static func + (a: RistrettoElement, b: RistrettoElement) -> RistrettoElement? {
        guard let sum = made({ crypto_core_ristretto255_add($0, a.bytes, b.bytes) == 0 }), sodium_is_zero(sum, sum.count) == 0 else { return nil }
        return RistrettoElement(sum)
    }

    // SAFETY: `fill` writes 32 bytes and keeps no pointer.
    private static func made(_ fill: (UnsafeMutablePointer<UInt8>) -> Bool) -> [UInt8]? {
        _ = Sodium.ready
        var isMade = false
        let bytes = [UInt8](unsafeUninitializedCapacity: bytesCount) { memory, count in
            memory.initialize(repeating: 0)
            isMade = fill(memory.baseAddress!)
            count = bytesCount
        }
        return isMade ? bytes : nil
    }
}
