internal import Bytes

/// What people would read in a message, for searching.
enum MailText {
    /// Of one part; more is not searched.
    private static let limitBytes = 1 << 20

    /// Encoded words are decoded (RFC 2047); white space between two of them is dropped.
    static func header(_ value: [UInt8]) -> String {
        var text = "", rest = value[...], wasEncoded = false
        while let start = rest.firstRange(of: Array("=?".utf8)) {
            let before = rest[..<start.lowerBound]
            guard let (word, end) = encodedWord(rest[start.lowerBound...]) else {
                text += String(decoding: rest[..<start.upperBound], as: UTF8.self)
                (rest, wasEncoded) = (rest[start.upperBound...], false)
                continue
            }
            if !wasEncoded || !before.allSatisfy({ $0 == 32 || $0 == 9 }) { text += String(decoding: before, as: UTF8.self) }
            text += word
            (rest, wasEncoded) = (rest[end...], true)
        }
        return text + String(decoding: rest, as: UTF8.self)
    }

    private static func encodedWord(_ bytes: ArraySlice<UInt8>) -> (String, end: Int)? {
        let fields = bytes.prefix(200).split(separator: UInt8(ascii: "?"), maxSplits: 4, omittingEmptySubsequences: false)
        guard fields.count == 5, fields[0].elementsEqual("=".utf8), fields[4].first == UInt8(ascii: "="), !fields[3].contains(32) else { return nil }
        let content: [UInt8]? = switch String(decoding: fields[2], as: UTF8.self).uppercased() {
        case "B": Base64.decode(String(decoding: fields[3], as: UTF8.self))
        case "Q": quotedPrintable(fields[3].map { $0 == UInt8(ascii: "_") ? 32 : $0 })
        default: nil
        }
        guard let content else { return nil }
        return (decode(content, charset: Array(fields[1])), fields[4].startIndex + 1)
    }

    /// UTF-8, or else one byte for one character as in ISO 8859-1.
    static func decode(_ bytes: [UInt8], charset: [UInt8]?) -> String {
        let name = charset.map { String(decoding: $0, as: UTF8.self).lowercased() } ?? "utf-8"
        guard name.hasPrefix("iso-8859") || name.hasPrefix("windows-125") else { return String(decoding: bytes, as: UTF8.self) }
        return String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }

    /// A part of text, without its transfer encoding.
    static func body(_ part: MailPart, _ bytes: [UInt8]) -> String {
        let raw = Array(bytes[part.bodyRange].prefix(limitBytes))
        let encoding = part.header["content-transfer-encoding"].map { String(decoding: $0, as: UTF8.self).lowercased() }
        let content = switch encoding {
        case "base64": Base64.decode(String(decoding: raw.filter { $0 > 32 }, as: UTF8.self)) ?? raw
        case "quoted-printable": quotedPrintable(raw)
        default: raw
        }
        return decode(content, charset: part.type["CHARSET"])
    }

    static func quotedPrintable(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = [], index = 0
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "="), index + 1 < bytes.count else {
                out.append(bytes[index])
                index += 1
                continue
            }
            if bytes[index + 1] == 10 { index += 2; continue }
            guard index + 2 < bytes.count else { break }
            if bytes[index + 1] == 13, bytes[index + 2] == 10 { index += 3; continue }
            if let byte = Hex.decode(String(decoding: bytes[(index + 1)...(index + 2)], as: UTF8.self))?.first { out.append(byte) } else { out += bytes[index...(index + 2)] }
            index += 3
        }
        return out
    }
}
