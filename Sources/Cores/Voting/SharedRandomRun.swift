package import Ambience
internal import Bytes
package import Directory
package import Sealing

/// An authority's part in making the shared random value of which onion services choose their directories (srv-spec.txt).
///
/// 1. A run has 24 voting rounds by the clock. In the first twelve every authority commits to a secret; each takes the first
///    commitment that another authority itself sends.
/// 2. In the other twelve they reveal. A reveal counts if it is what was committed to.
/// 3. With the first round of the next run, all that was revealed and the value before make the next value, which is voted for.
/// 4. What the consensus then says is believed, whatever we had computed.
package struct SharedRandomRun: Equatable, Sendable {
    package enum Phase: Equatable, Sendable { case commit, reveal }

    /// A value with the number of reveals that went into it; as lines have it, `NUMBER BASE64`.
    package struct Value: Equatable, Sendable, CustomStringConvertible {
        package let reveals: UInt64
        /// 32 bytes.
        package let bytes: [UInt8]

        package init(reveals: UInt64, bytes: [UInt8]) {
            self.reveals = reveals
            self.bytes = bytes
        }

        package init?(_ text: some StringProtocol) {
            let words = text.split(separator: " ")
            guard words.count == 2, let reveals = UInt64(words[0]), let bytes = Base64.decode(words[1]), bytes.count == 32 else { return nil }
            self.init(reveals: reveals, bytes: bytes)
        }

        package init(_ value: Consensus.SharedRandom) { self.init(reveals: UInt64(clamping: value.reveals), bytes: value.value) }

        package var description: String { "\(reveals) \(Base64.encode(bytes, padded: true))" }
    }

    /// Time and hash of a reveal, and the reveal once it is known; both in base64, as lines have them.
    private struct Commitment: Equatable, Sendable {
        let text: String
        var reveal: String?
    }

    package static let roundsPerPhase: Int64 = 12
    private static let algorithm = "sha3-256"
    private static let version: UInt32 = 1

    private let own: RSAIdentity
    private let authorities: Set<RSAIdentity>
    private var commitments: [RSAIdentity: Commitment] = [:]
    package private(set) var phase = Phase.commit
    private var validAfter: WallTime?
    package private(set) var previous: Value?
    package private(set) var current: Value?
    /// We computed `current`, and no consensus has said yet whether others did too.
    package private(set) var isFresh = false

    /// - Parameters:
    ///   - own: our v3 identity.
    ///   - authorities: the v3 identities of all, ours included.
    package init(own: RSAIdentity, authorities: some Sequence<RSAIdentity>) {
        self.own = own
        self.authorities = Set(authorities).union([own])
    }

    package static func phase(validAfter: WallTime, intervalSeconds: Int64) -> Phase {
        let slot = validAfter.secondsSinceEpoch / max(1, intervalSeconds) % (2 * roundsPerPhase)
        return slot < roundsPerPhase ? .commit : .reveal
    }

    /// A round that becomes valid at `validAfter` begins. `secret` makes 32 bytes that nobody can guess.
    package mutating func begin(validAfter: WallTime, intervalSeconds: Int64, secret: () -> [UInt8]) {
        guard self.validAfter.map({ $0 < validAfter }) ?? true else { return }
        let next = Self.phase(validAfter: validAfter, intervalSeconds: intervalSeconds)
        if self.validAfter != nil, phase == .reveal, next == .commit {
            computeValue()
            commitments = [:]
        }
        (phase, self.validAfter) = (next, validAfter)
        if phase == .commit, commitments[own] == nil { commitments[own] = Self.commitment(to: secret(), at: validAfter) }
    }

    /// Takes what another authority says of itself in its vote; what it says of others is of no account.
    package mutating func receive(_ opinion: SharedRandomOpinion, of voter: RSAIdentity) {
        guard authorities.contains(voter), voter != own else { return }
        for line in opinion.commits {
            guard let (identity, commitment) = Self.parse(line), identity == voter else { continue }
            switch phase {
            case .commit: if commitments[voter] == nil, commitment.reveal == nil { commitments[voter] = commitment }
            case .reveal: if commitments[voter]?.text == commitment.text, Self.isValid(commitment) { commitments[voter]?.reveal = commitment.reveal }
            }
        }
    }

    /// What our vote says.
    package var opinion: SharedRandomOpinion {
        var opinion = SharedRandomOpinion()
        opinion.participates = true
        opinion.commits = lines(withReveals: phase == .reveal)
        opinion.previous = previous?.description
        opinion.current = current?.description
        return opinion
    }

    /// The consensus of a round says which values hold.
    package mutating func adopt(_ consensus: Consensus) {
        previous = consensus.sharedRandomPrevious.map { Value($0) }
        current = consensus.sharedRandomCurrent.map { Value($0) }
        isFresh = false
    }
}

// MARK: - Making

extension SharedRandomRun {
    private mutating func computeValue() {
        previous = current
        let revealed = commitments.filter { authorities.contains($0.key) }.compactMap { identity, commitment in commitment.reveal.map { (identity, $0) } }
        current = Self.value(of: revealed, previous: previous)
        isFresh = true
    }

    /// SHA3-256 of the reveals in the order of their authorities, hashed together with the value before.
    package static func value(of reveals: [(RSAIdentity, String)], previous: Value?) -> Value {
        let joined = reveals.sorted { $0.0 < $1.0 }.map { "\($0.0)\($0.1)" }.joined()
        let count = UInt64(reveals.count)
        var message = Array("shared-random".utf8)
        message += withUnsafeBytes(of: count.bigEndian) { Array($0) }
        message += withUnsafeBytes(of: version.bigEndian) { Array($0) }
        message += Digest.sha3_256(Array(joined.utf8)) + (previous?.bytes ?? [UInt8](repeating: 0, count: 32))
        return Value(reveals: count, bytes: Digest.sha3_256(message))
    }

    /// A reveal is `TIME | SHA3-256(secret)`, so that nobody sees raw output of our random source.
    private static func commitment(to secret: [UInt8], at time: WallTime) -> Commitment {
        let reveal = reveal(secret, at: time)
        return Commitment(text: encode(time, Digest.sha3_256(Array(reveal.utf8))), reveal: reveal)
    }

    package static func reveal(_ secret: [UInt8], at time: WallTime) -> String { encode(time, Digest.sha3_256(secret)) }

    /// The commitment to a reveal.
    package static func commit(to reveal: String, at time: WallTime) -> String { encode(time, Digest.sha3_256(Array(reveal.utf8))) }

    private static func encode(_ time: WallTime, _ digest: [UInt8]) -> String {
        Base64.encode(withUnsafeBytes(of: UInt64(clamping: time.secondsSinceEpoch).bigEndian) { Array($0) } + digest, padded: true)
    }

    private static func isValid(_ commitment: Commitment) -> Bool {
        guard let reveal = commitment.reveal, let shown = Base64.decode(reveal), let said = Base64.decode(commitment.text), shown.count == 40, said.count == 40 else { return false }
        return shown.prefix(8) == said.prefix(8) && Array(said.dropFirst(8)) == Digest.sha3_256(Array(reveal.utf8))
    }
}

// MARK: - Text

extension SharedRandomRun {
    /// Sorted, as stock sorts them.
    private func lines(withReveals: Bool) -> [String] {
        commitments.map { identity, commitment in
            let reveal = withReveals ? commitment.reveal.map { " \($0)" } ?? "" : ""
            return "\(Self.version) \(Self.algorithm) \(identity) \(commitment.text)\(reveal)"
        }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private static func parse(_ line: some StringProtocol) -> (RSAIdentity, Commitment)? {
        let words = line.split(separator: " ")
        guard words.count == 4 || words.count == 5, words[0] == "\(version)", words[1] == algorithm, let identity = RSAIdentity(hex: String(words[2])),
            Base64.decode(words[3])?.count == 40
        else { return nil }
        return (identity, Commitment(text: String(words[3]), reveal: words.count == 5 ? String(words[4]) : nil))
    }

    /// For a file: what a process that comes back needs, in the form of stock's `sr-state`. It holds our secret.
    package var stateText: String {
        var lines = ["Version 1"]
        if let validAfter { lines.append("ValidAfter \(validAfter)") }
        lines += self.lines(withReveals: true).map { "Commit \($0)" }
        if let previous { lines.append("SharedRandPreviousValue \(previous)") }
        if let current { lines.append("SharedRandCurrentValue \(current)") }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Takes up what an earlier process of this authority wrote in the same run; anything else is of no use any more.
    package mutating func resume(_ text: String, now: WallTime, intervalSeconds: Int64) {
        let items = text.split(separator: "\n").map { $0.split(separator: " ", maxSplits: 1) }.filter { $0.count == 2 }
        func values(_ name: String) -> [Substring] { items.filter { $0[0] == name }.map { $0[1] } }
        let length = max(1, intervalSeconds) * 2 * Self.roundsPerPhase
        guard let written = values("ValidAfter").first.flatMap({ WallTime($0) }), written.secondsSinceEpoch / length == now.secondsSinceEpoch / length else { return }
        for (identity, commitment) in values("Commit").compactMap({ Self.parse($0) }) where authorities.contains(identity) {
            if commitment.reveal == nil || Self.isValid(commitment) { commitments[identity] = commitment }
        }
        previous = values("SharedRandPreviousValue").first.flatMap { Value($0) }
        current = values("SharedRandCurrentValue").first.flatMap { Value($0) }
        (validAfter, phase) = (written, Self.phase(validAfter: written, intervalSeconds: intervalSeconds))
    }
}
