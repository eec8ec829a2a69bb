internal import Bytes

/// Words beyond ASCII in header fields (RFC 2047), read however they were written and written in one way.
enum EncodedWords {
    /// What a field says, with its encoded words read.
    static func decode(_ text: String) -> String {
        var out = "", rest = text[...], followsWord = false
        while let start = rest.firstRange(of: "=?"[...]) {
            let before = rest[..<start.lowerBound]
            if let (word, after) = word(rest[start.upperBound...]) {
                // White space between two encoded words is not part of the text.
                if !followsWord || !before.allSatisfy({ $0 == " " }) { out += before }
                out += word
                (rest, followsWord) = (after, true)
            } else {
                out += rest[..<start.upperBound]
                (rest, followsWord) = (rest[start.upperBound...], false)
            }
        }
        return HeaderFields.tidied(out + rest)
    }

    private static func word(_ text: Substring) -> (String, Substring)? {
        let parts = text.prefix(900).split(separator: "?", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, parts[3].utf8.first == 0x3D, let charset = Charset(String(parts[0].prefix { $0 != "*" })), !parts[2].contains(" ") else { return nil }
        let bytes: [UInt8]? = switch parts[1] {
        case "B", "b": Base64.decode(parts[2])
        case "Q", "q": quoted(parts[2])
        default: nil
        }
        return bytes.map { (charset.decode($0), text[text.utf8.index(after: parts[3].startIndex)...]) }
    }

    private static func quoted(_ text: Substring) -> [UInt8]? {
        var out: [UInt8] = [], bytes = Array(text.utf8)[...]
        while let byte = bytes.popFirst() {
            if byte == 0x3D {
                guard bytes.count >= 2, let value = Hex.decode(String(decoding: bytes.prefix(2), as: UTF8.self)) else { return nil }
                out += value
                bytes = bytes.dropFirst(2)
            } else {
                out.append(byte == 0x5F ? 0x20 : byte)
            }
        }
        return out
    }

    /// Words of ASCII as they are; anything else in UTF-8 and base 64, in pieces short enough for one line each.
    static func encode(_ text: String) -> [String] {
        let words = text.split(separator: " ").map(String.init)
        let isPlain = !text.contains("=?") && words.allSatisfy { $0.utf8.count <= 200 && $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } }
        return isPlain ? words : pieces(text).map { "=?utf-8?B?\(Base64.encode($0))?=" }
    }

    private static func pieces(_ text: String) -> [[UInt8]] {
        var pieces: [[UInt8]] = [], piece: [UInt8] = []
        for scalar in text.unicodeScalars {
            let bytes = Array(String(scalar).utf8)
            if piece.count + bytes.count > 39 {
                pieces.append(piece)
                piece = []
            }
            piece += bytes
        }
        return piece.isEmpty ? pieces : pieces + [piece]
    }
}

/// A header field as it is written: folded between words, no line longer than 76 where that can be.
enum Folded {
    static func field(_ name: String, _ words: [String]) -> String {
        var lines = "\(name):", column = lines.utf8.count
        for word in words {
            if column + 1 + word.utf8.count > 76, column > name.utf8.count + 1 {
                lines += "\r\n"
                column = 0
            }
            lines += " \(word)"
            column += 1 + word.utf8.count
        }
        return lines + "\r\n"
    }
}
