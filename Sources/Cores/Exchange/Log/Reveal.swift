package import Bytes
package import Sealing

/// Which orders a slice has: said, and logged, before anybody knows in which order they will be carried out.
package struct OrdersSeal: Hashable, Sendable {
    package enum Failure: Error { case malformed }

    package let slice: Slice
    package let count: Int
    /// Of the tree of their identifiers, in ascending order.
    package let root: [UInt8]

    package init(slice: Slice, count: Int, root: [UInt8]) { (self.slice, self.count, self.root) = (slice, count, root) }

    package init(slice: Slice, ids: [[UInt8]]) { self.init(slice: slice, count: ids.count, root: MerkleTree.root(ids.map { MerkleTree.leaf($0) })) }

    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 64)
        writer.append("dust-orders-1\n")
        writer.append(slice.bytes)
        writer.u32(UInt32(count))
        writer.append(root)
        return writer.bytes
    }

    package init(_ bytes: [UInt8]) throws(Failure) {
        do {
            var reader = ByteReader(bytes)
            guard String(decoding: try reader.bytes(until: 0x0A), as: UTF8.self) == "dust-orders-1" else { throw Failure.malformed }
            let slice = Int64(bitPattern: try reader.u64())
            guard (0...LogLeaf.numberLimit).contains(slice) else { throw Failure.malformed }
            self.init(slice: Slice(slice), count: Int(try reader.u32()), root: try reader.bytes(32))
            guard reader.isAtEnd else { throw Failure.malformed }
        } catch { throw .malformed }
    }
}

/// A witness's part of a slice's beacon. Its signature ties the value to the orders, so that a value that becomes known later, out of the
/// witness's next one, is no part of an earlier beacon.
package struct Reveal: Hashable, Sendable {
    package let witness: String
    package let value: [UInt8]
    package let signature: [UInt8]

    private init(witness: String, value: [UInt8], signature: [UInt8]) { (self.witness, self.value, self.signature) = (witness, value, signature) }

    package init(witness: String, value: [UInt8], of seal: OrdersSeal, key: Ed25519Key) {
        self.init(witness: witness, value: value, signature: key.sign(Self.signed(value, seal)))
    }

    private static func signed(_ value: [UInt8], _ seal: OrdersSeal) -> [UInt8] { Array("dust-reveal".utf8) + value + seal.bytes }

    package func isSigned(by key: [UInt8], of seal: OrdersSeal) -> Bool { Ed25519.verify(signature, of: Self.signed(value, seal), by: key) }

    package static let nameLimitBytes = 64

    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 192)
        writer.u8(UInt8(witness.utf8.count))
        writer.append(witness)
        writer.append(value + signature)
        return writer.bytes
    }

    /// A witness's name behind its length; `nil` for one that is too long, or no text: mended, it would be longer than its length can say.
    static func name(_ reader: inout ByteReader) throws(ByteError) -> String? {
        let bytes = try reader.slice(Int(try reader.u8()))
        return bytes.count <= nameLimitBytes ? String(validating: bytes, as: UTF8.self) : nil
    }

    /// `nil` for a name that no witness has.
    package init?(_ reader: inout ByteReader) throws(ByteError) {
        let name = try Self.name(&reader), value = try reader.bytes(32), signature = try reader.bytes(64)
        guard let name else { return nil }
        self.init(witness: name, value: value, signature: signature)
    }

    /// Alone, as a witness answers; `nil` for anything else.
    package init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard let reveal = try? Reveal(&reader), reader.isAtEnd else { return nil }
        self = reveal
    }
}

/// A slice's beacon, with all that it is made of: anybody can make it again.
package struct BeaconRecord: Hashable, Sendable {
    package enum Failure: Error, Hashable { case malformed }

    package enum Fault: Error, Hashable, Sendable {
        /// Fewer than two of three witnesses: orders wait until there are.
        case tooFew
        /// A value or signature that is not that witness's, or twice the same witness.
        case wrong(witness: String)
    }

    package let seal: OrdersSeal
    package let reveals: [Reveal]

    package init(seal: OrdersSeal, reveals: [Reveal]) { (self.seal, self.reveals) = (seal, reveals.sorted { $0.witness < $1.witness }) }

    /// The number that nobody could know before the orders were fixed.
    package var value: [UInt8] { Beacon.value(reveals.map { ($0.witness, $0.value) }, root: seal.root) }

    /// Who should have revealed a value and did not: each can have moved the beacon to one of two values.
    package func missing(_ trust: LogTrust, _ chains: ChainBook) -> [String] {
        trust.witnesses.keys.filter { name in chains.expects(name, seal.slice) && !reveals.contains { $0.witness == name } }.sorted()
    }

    package func check(_ trust: LogTrust, _ chains: inout ChainBook) throws(Fault) {
        guard reveals.count >= LogTrust.witnessesNeeded else { throw .tooFew }
        for (index, reveal) in reveals.enumerated() {
            guard let key = trust.witnesses[reveal.witness], index == 0 || reveals[index - 1].witness != reveal.witness, reveal.isSigned(by: key, of: seal),
                chains.isGenuine(reveal.value, of: reveal.witness, at: seal.slice)
            else { throw .wrong(witness: reveal.witness) }
        }
    }

    package var bytes: [UInt8] { seal.bytes + [UInt8(reveals.count)] + reveals.flatMap(\.bytes) }

    private static let sealBytes = 58

    package init(_ bytes: [UInt8]) throws(Failure) {
        guard bytes.count > Self.sealBytes, bytes[Self.sealBytes] <= MarketTerms.witnessesCount else { throw .malformed }
        do {
            var reader = ByteReader(bytes.dropFirst(Self.sealBytes + 1)), reveals: [Reveal] = []
            for _ in 0..<bytes[Self.sealBytes] {
                guard let reveal = try Reveal(&reader) else { throw Failure.malformed }
                reveals.append(reveal)
            }
            self.init(seal: try OrdersSeal(Array(bytes.prefix(Self.sealBytes))), reveals: reveals)
            guard reader.isAtEnd, self.bytes == bytes else { throw Failure.malformed }
        } catch { throw .malformed }
    }
}
