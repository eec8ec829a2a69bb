/// How well a letter hides that is handed to a gateway now, as that gateway sees it.
package struct HidingReport: Hashable, Sendable {
    /// Bits of entropy: among two to the power of so many letters and covers somebody who sees all links finds it no better than by guessing.
    package let bits: Double
    /// What it takes on average, all hops together. Seconds.
    package let delaySeconds: Double
    /// Into the whole network, cover included.
    package let packetsPerSecond: Double
    package let motes: Int
    /// Of those, the ones that bring letters to mail servers outside.
    package let exits: Int

    package init(bits: Double, delaySeconds: Double, packetsPerSecond: Double, motes: Int, exits: Int) {
        (self.bits, self.delaySeconds, self.packetsPerSecond, self.motes, self.exits) = (bits, delaySeconds, packetsPerSecond, motes, exits)
    }

    private static let words = ["bits ", "delay ", "packets ", "motes ", "exits "]

    /// Five lines of a word and a number, in this order.
    package var text: String { "bits \(bits)\ndelay \(delaySeconds)\npackets \(packetsPerSecond)\nmotes \(motes)\nexits \(exits)\n" }

    package init?(_ bytes: [UInt8]) {
        let lines = String(decoding: bytes.prefix(LetterPath.hidingLimitBytes), as: UTF8.self).split(separator: "\n")
        let values = zip(Self.words, lines).compactMap { word, line in line.hasPrefix(word) ? Double(line.dropFirst(word.count)) : nil }
        guard lines.count == Self.words.count, values.count == Self.words.count, values.allSatisfy({ $0.isFinite && $0 >= 0 && $0 < 1e12 }) else { return nil }
        self.init(bits: values[0], delaySeconds: values[1], packetsPerSecond: values[2], motes: Int(values[3]), exits: Int(values[4]))
    }
}
