internal import Bytes
package import Sealing

/// What a witness says before it takes part in beacons: the end of a chain of digests whose values it will reveal, one each slice, from the
/// end to the beginning. It has them all fixed when it says so, and nobody knows the next one before it is revealed.
package struct BeaconChain: Hashable, Sendable {
    /// A year's slices. Whoever checks a value hashes so often at most.
    package static let lengthLimit = 366 * 96
    package static let bytesLimit = 512

    package enum Failure: Error { case malformed }

    package let witness: String
    package let first: Slice
    package let length: Int
    /// The digest of the first value that is revealed.
    package let anchor: [UInt8]
    package let signature: [UInt8]

    private init(witness: String, first: Slice, length: Int, anchor: [UInt8], signature: [UInt8]) {
        (self.witness, self.first, self.length, self.anchor, self.signature) = (witness, first, length, anchor, signature)
    }

    package init(witness: String, first: Slice, secret: ChainSecret, key: Ed25519Key) {
        let unsigned = BeaconChain(witness: witness, first: first, length: secret.length, anchor: secret.anchor, signature: [])
        self.init(witness: witness, first: first, length: secret.length, anchor: secret.anchor, signature: key.sign(Array(unsigned.body.utf8)))
    }

    package var slices: Range<Slice> { first..<first + Int64(length) }

    private var body: String { "dust-chain 1\nwitness \(witness)\nfirst \(first.index)\nlength \(length)\nanchor \(Hex.lower(anchor))\n" }
    package var bytes: [UInt8] { Array((body + "signature \(Hex.lower(signature))\n").utf8) }

    package func isSigned(by key: [UInt8]) -> Bool { Ed25519.verify(signature, of: Array(body.utf8), by: key) }

    /// The one encoding of a chain.
    package init(_ bytes: [UInt8]) throws(Failure) {
        guard bytes.count <= Self.bytesLimit, let text = String(validating: bytes, as: UTF8.self) else { throw .malformed }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { $0.split(separator: " ", omittingEmptySubsequences: false) }
        guard lines.count == 7, lines[1...5].allSatisfy({ $0.count == 2 }), let first = Int64(lines[2][1]), (0...LogLeaf.numberLimit).contains(first),
            let length = Int(lines[3][1]), (1...Self.lengthLimit).contains(length), let anchor = Hex.decode(lines[4][1]), anchor.count == 32,
            let signature = Hex.decode(lines[5][1]), signature.count == 64
        else { throw .malformed }
        self.init(witness: String(lines[1][1]), first: Slice(first), length: length, anchor: anchor, signature: signature)
        guard self.bytes == bytes else { throw .malformed }
    }
}

/// The 32 bytes from which a witness's chain is made: its last value.
package struct ChainSecret: Sendable {
    private let seed: SecretBytes
    package let length: Int

    /// `nil` unless there are 32 bytes and a length up to the limit.
    package init?(seed: SecretBytes, length: Int) {
        guard seed.count == 32, (1...BeaconChain.lengthLimit).contains(length) else { return nil }
        (self.seed, self.length) = (seed, length)
    }

    /// What is revealed so many slices after the first; `nil` beyond the chain.
    package func value(_ position: Int) -> [UInt8]? { (0..<length).contains(position) ? hashed(length - 1 - position) : nil }

    var anchor: [UInt8] { hashed(length) }

    private func hashed(_ times: Int) -> [UInt8] {
        var value = seed.copy
        for _ in 0..<times {
            let next = Digest.sha256(value)
            // Each is secret until it is revealed.
            value.wipe()
            value = next
        }
        return value
    }
}

/// The chains that were logged, and how far each has been revealed.
package struct ChainBook: Sendable {
    /// Chains of one witness: it needs one a year, and one more whenever it lost its own.
    package static let chainsLimit = 64
    /// Slices in the log before a chain counts, so that no witness chooses one for a slice whose orders it knows.
    package static let leastAge: Int64 = 4

    private struct Known {
        let chain: BeaconChain
        /// When it begins to count.
        let from: Slice
        var last: (slice: Slice, value: [UInt8])
    }

    private let witnesses: [String: [UInt8]]
    private var chains: [String: [Known]] = [:]

    package init(_ trust: LogTrust) { witnesses = trust.witnesses }

    /// Takes a chain in that was logged then. False unless its witness signed it and it begins after the witness's others end.
    package mutating func add(_ chain: BeaconChain, loggedAt slice: Slice) -> Bool {
        let own = chains[chain.witness, default: []]
        guard let key = witnesses[chain.witness], chain.isSigned(by: key), own.allSatisfy({ $0.chain.slices.upperBound <= chain.first }), own.count < Self.chainsLimit
        else { return false }
        chains[chain.witness] = own + [Known(chain: chain, from: max(chain.first, slice + Self.leastAge), last: (chain.first - 1, chain.anchor))]
        return true
    }

    /// The chain of which a value is due in a slice.
    private func current(_ witness: String, _ slice: Slice) -> Int? { chains[witness]?.firstIndex { $0.chain.slices.contains(slice) && $0.from <= slice } }

    package func expects(_ witness: String, _ slice: Slice) -> Bool { current(witness, slice) != nil }

    /// Whether that is the witness's value of that slice. Costs a digest for each slice since the last one that was asked about.
    package mutating func isGenuine(_ value: [UInt8], of witness: String, at slice: Slice) -> Bool {
        guard value.count == 32, let index = current(witness, slice), let known = chains[witness]?[index] else { return false }
        let isNewer = slice > known.last.slice
        let distance = abs(slice.index - known.last.slice.index), end = (0..<distance).reduce(isNewer ? value : known.last.value) { hash, _ in Digest.sha256(hash) }
        guard end == (isNewer ? known.last.value : value) else { return false }
        if isNewer { chains[witness]![index].last = (slice, value) }
        return true
    }
}
