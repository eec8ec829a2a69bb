internal import Bytes

/// What became of a letter for one recipient, for good.
package enum Settlement: Hashable, Sendable {
    case delivered
    /// An enhanced status code and what was said.
    case failed(String, String)
}

/// A letter's settled recipients, by their place in its envelope: written down after each session, so that none gets it again.
package struct Progress: Hashable, Sendable {
    private static let textLimit = 400

    package var settled: [Int: Settlement]

    package init(_ settled: [Int: Settlement] = [:]) { self.settled = settled }

    package var encoded: [UInt8] {
        var writer = ByteWriter()
        for (index, settlement) in settled.sorted(by: { $0.key < $1.key }) {
            writer.u8(UInt8(index))
            let words: (String, String) = if case .failed(let status, let text) = settlement { (status, text) } else { ("", "") }
            for word in [words.0, words.1] {
                let bytes = Self.cut(word)
                writer.u16(UInt16(bytes.count))
                writer.append(bytes)
            }
        }
        return writer.bytes
    }

    /// Whole characters of it.
    private static func cut(_ word: String) -> [UInt8] {
        var kept: [UInt8] = []
        for character in word {
            guard kept.count + character.utf8.count <= textLimit else { break }
            kept += character.utf8
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
                guard let status = String(validating: try reader.slice(Int(try reader.u16())), as: UTF8.self), let text = String(validating: try reader.slice(Int(try reader.u16())), as: UTF8.self) else { return nil }
                settled[index] = status.isEmpty ? .delivered : .failed(status, text)
            }
        } catch { return nil }
    }
}
