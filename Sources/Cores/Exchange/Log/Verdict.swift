internal import Bytes
package import Sealing

/// What one witness found when it probed a mote in a slice (M5).
package struct Verdict: Hashable, Sendable {
    package let witness: String
    package let mote: [UInt8]
    package let slice: Slice
    package let isUp: Bool
    /// Shares of the slice before that were taken, as the mote signed it to the witness; 0 of one that is down.
    package let taken: UInt16
    package let signature: [UInt8]

    private init(witness: String, mote: [UInt8], slice: Slice, isUp: Bool, taken: UInt16, signature: [UInt8]) {
        (self.witness, self.mote, self.slice, self.isUp, self.taken, self.signature) = (witness, mote, slice, isUp, taken, signature)
    }

    package init(witness: String, mote: [UInt8], slice: Slice, isUp: Bool, taken: UInt16 = 0, key: Ed25519Key) {
        self.init(witness: witness, mote: mote, slice: slice, isUp: isUp, taken: taken, signature: key.sign(Self.signed(mote, slice, Self.found(isUp, taken))))
    }

    private static func found(_ isUp: Bool, _ taken: UInt16) -> [UInt8] { [isUp ? 1 : 0, UInt8(taken >> 8), UInt8(taken & 255)] }

    private static func signed(_ mote: [UInt8], _ slice: Slice, _ found: [UInt8]) -> [UInt8] { Array("dust-probe".utf8) + mote + slice.bytes + found }

    package func isSigned(by key: [UInt8]) -> Bool { Ed25519.verify(signature, of: Self.signed(mote, slice, Self.found(isUp, taken)), by: key) }

    /// In one message: a slice's motes follow in several.
    package static let batchLimit = 1000

    package static func encode(_ verdicts: [Verdict]) -> [UInt8] {
        var writer = ByteWriter(capacity: 256 + verdicts.count * 160)
        writer.append("dust-verdicts-1\n")
        writer.u16(UInt16(verdicts.count))
        for verdict in verdicts {
            writer.u8(UInt8(verdict.witness.utf8.count))
            writer.append(verdict.witness)
            writer.append(verdict.mote + verdict.slice.bytes + found(verdict.isUp, verdict.taken) + verdict.signature)
        }
        return writer.bytes
    }

    /// `nil` for anything but one encoding of up to `batchLimit` verdicts.
    package static func decode(_ bytes: [UInt8]) -> [Verdict]? {
        var reader = ByteReader(bytes), verdicts: [Verdict] = []
        guard (try? reader.bytes(until: 0x0A)) == Array("dust-verdicts-1".utf8), let count = try? reader.u16(), count <= batchLimit else { return nil }
        for _ in 0..<count {
            guard let verdict = try? Verdict(&reader) else { return nil }
            verdicts.append(verdict)
        }
        return reader.isAtEnd && encode(verdicts) == bytes ? verdicts : nil
    }

    private init?(_ reader: inout ByteReader) throws(ByteError) {
        let name = try Reveal.name(&reader), mote = try reader.bytes(32), slice = Int64(bitPattern: try reader.u64()), isUp = try reader.u8(), taken = try reader.u16(), signature = try reader.bytes(64)
        guard let name, isUp <= 1, isUp == 1 || taken == 0, (0...LogLeaf.numberLimit).contains(slice) else { return nil }
        self.init(witness: name, mote: mote, slice: Slice(slice), isUp: isUp == 1, taken: taken, signature: signature)
    }

    /// The first word of each witness on one mote in one slice.
    static func heard(_ verdicts: [Verdict], on mote: [UInt8], at slice: Slice, _ trust: LogTrust) -> [Verdict] {
        var heard: [String: Verdict] = [:]
        for verdict in verdicts where verdict.mote == mote && verdict.slice == slice && heard[verdict.witness] == nil {
            guard let key = trust.witnesses[verdict.witness], verdict.isSigned(by: key) else { continue }
            heard[verdict.witness] = verdict
        }
        return Array(heard.values)
    }

    /// What follows from the verdicts on one mote in one slice: two of three that agree; `nil` when there are no two. Those of others, of
    /// another mote or slice, and a witness's second one count for nothing.
    package static func certificate(_ verdicts: [Verdict], on mote: [UInt8], at slice: Slice, _ trust: LogTrust) -> Bool? {
        let heard = heard(verdicts, on: mote, at: slice, trust), up = heard.count(where: \.isUp)
        return up >= LogTrust.witnessesNeeded ? true : heard.count - up >= LogTrust.witnessesNeeded ? false : nil
    }
}

/// When a witness probes a mote: at an instant that nobody else knows, so that a mote is up for the whole slice or not at all. A beacon
/// would tell everybody, the mote too, before the slice begins.
///
/// Each witness probes each mote. Were there one prober for each, it alone would decide; were there two, who is right would take a third.
package enum ProbePlan {
    /// Of a slice of 900 s: early enough for the verdict to reach the exchange within the slice.
    package static let seconds: Range<Int64> = 30..<780

    package static func second(of mote: [UInt8], at slice: Slice, secret: SecretBytes) -> Int64 {
        let digest = Digest.hmacSHA512(key: secret, Array("dust-prober".utf8) + slice.bytes + mote)
        return seconds.lowerBound + Int64(digest[..<6].reduce(UInt64(0)) { $0 << 8 | UInt64($1) } % UInt64(seconds.count))
    }
}
