internal import Bytes
package import Letters

/// What became of a letter for one recipient, for good.
package enum Settlement: Hashable, Sendable {
    case delivered
    /// An enhanced status code and what was said.
    case failed(String, String)

    /// It never got to where servers are asked.
    package static let noWay = Settlement.failed("5.4.7", "no way through the mix was found in all the time that it was tried")
}

/// A letter's settled recipients, by their place in its envelope: written down after each session, so that none gets it again.
package struct Progress: Hashable, Sendable {
    /// Bytes of each.
    private static let textLimit = 400
    /// Without a code a failure would read as a delivery.
    private static let noCode = "5.0.0"

    package var settled: [Int: Settlement]

    package init(_ settled: [Int: Settlement] = [:]) { self.settled = settled }

    package init(everybodyIn envelope: Envelope, _ settlement: Settlement) { settled = Dictionary(uniqueKeysWithValues: envelope.recipients.indices.map { ($0, settlement) }) }

    package var encoded: [UInt8] {
        var writer = ByteWriter()
        for (index, settlement) in settled.sorted(by: { $0.key < $1.key }) {
            writer.u8(UInt8(index))
            let words: (String, String) = if case .failed(let status, let text) = settlement { (status.isEmpty ? Self.noCode : status, text) } else { ("", "") }
            for word in [words.0, words.1] {
                let bytes = Self.cut(word)
                writer.u16(UInt16(bytes.count))
                writer.append(bytes)
            }
        }
        return writer.bytes
    }

    /// Whole scalars of it: a character may be as long as it likes.
    private static func cut(_ word: String) -> [UInt8] {
        var kept: [UInt8] = []
        for scalar in word.unicodeScalars {
            let bytes = Array(String(scalar).utf8)
            guard kept.count + bytes.count <= textLimit else { break }
            kept += bytes
        }
        return kept
    }

    /// `nil` for what `encoded` did not give.
    package init?(decoding bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        settled = [:]
        do {
            while !reader.isAtEnd {
                let index = Int(try reader.u8())
                guard let status = try Self.word(&reader), let text = try Self.word(&reader), !status.isEmpty || text.isEmpty, index > settled.keys.max() ?? -1 else { return nil }
                settled[index] = status.isEmpty ? .delivered : .failed(status, text)
            }
        } catch { return nil }
    }
    private static func word(_ reader: inout ByteReader) throws -> String? {
        let count = Int(try reader.u16())
        return count <= textLimit ? String(validating: try reader.slice(count), as: UTF8.self) : nil
    }
}
