internal import Compression
internal import Directory
internal import Sealing

/// The consensuses of the last hours, from which diffs to the newest are made. They are kept packed, in memory only: after a
/// restart askers get full documents until there is a history again.
final class ConsensusHistory {
    /// Of each flavour at most; a day of hourly ones. Most askers hold one that is two to four hours old.
    static let countLimit = 24
    /// Of both flavours together.
    static let bytesLimit = 32 << 20

    /// A consensus that is current, with the digests that it is asked for by.
    struct Newest {
        let consensus: Consensus
        /// Names it as the base of a diff.
        let signedDigest: [UInt8]
        /// SHA3-256 of the whole text: names it as a document and as what a diff makes.
        let digest: [UInt8]
    }

    /// An older one, as it is kept.
    struct Past: Sendable {
        let flavour: ConsensusFlavour
        let signedDigest: [UInt8]
        fileprivate var bytes: [UInt8]
        fileprivate var coding: ContentCoding

        /// The text; slow, for the worker.
        func text() -> [UInt8]? { try? coding.unpack(bytes, limitBytes: Consensus.limitBytes) }
    }

    private let press: DocumentPress
    /// The oldest first.
    private var pasts: [Past] = []
    private var newest: [ConsensusFlavour: Newest] = [:]

    init(press: DocumentPress) { self.press = press }

    func newest(_ flavour: ConsensusFlavour) -> Newest? { newest[flavour] }
    func past(_ flavour: ConsensusFlavour, _ signedDigest: [UInt8]) -> Past? { pasts.last { $0.flavour == flavour && $0.signedDigest == signedDigest } }

    /// A consensus is the newest of its flavour now; the one before becomes history.
    func note(_ consensus: Consensus) {
        let new = Newest(consensus: consensus, signedDigest: consensus.signedDigest, digest: Digest.sha3_256(consensus.text))
        let flavour = consensus.flavour
        guard let before = newest.updateValue(new, forKey: flavour), before.signedDigest != new.signedDigest, past(flavour, before.signedDigest) == nil else { return }
        pasts.append(Past(flavour: flavour, signedDigest: before.signedDigest, bytes: before.consensus.text, coding: .identity))
        trim()
        press.pack(before.consensus.text, .zstd) { [weak self] packed in
            if let packed { self?.replace(flavour, before.signedDigest, packed) }
        }
    }

    private func replace(_ flavour: ConsensusFlavour, _ digest: [UInt8], _ packed: [UInt8]) {
        guard let index = pasts.lastIndex(where: { $0.flavour == flavour && $0.signedDigest == digest }) else { return }
        pasts[index].bytes = packed
        pasts[index].coding = .zstd
    }

    private func trim() {
        for flavour in ConsensusFlavour.allCases where pasts.count(where: { $0.flavour == flavour }) > Self.countLimit {
            if let oldest = pasts.firstIndex(where: { $0.flavour == flavour }) { pasts.remove(at: oldest) }
        }
        while pasts.reduce(0, { $0 + $1.bytes.count }) > Self.bytesLimit { pasts.removeFirst() }
    }
}
