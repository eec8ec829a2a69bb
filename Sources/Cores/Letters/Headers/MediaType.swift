internal import Bytes

/// A Content-Type or Content-Disposition: a value and parameters, with those in pieces put together (RFC 2045, RFC 2231).
struct MediaType {
    /// `type/subtype`, or a disposition; in lower case.
    let value: String
    private let parameters: [String: String]

    static let parametersLimit = 100

    init(_ field: String) {
        let parts = Self.split(field)
        value = HeaderFields.tidied(parts.first ?? "").asciiLowercased.filter { $0 != " " }
        var plain: [String: String] = [:], pieces: [String: [Int: (text: String, isEncoded: Bool)]] = [:]
        for part in parts.dropFirst().prefix(Self.parametersLimit) {
            guard let equals = part.firstIndex(of: "=") else { continue }
            let name = HeaderFields.tidied(String(part[..<equals])).asciiLowercased, text = Self.unquoted(HeaderFields.tidied(String(part[part.index(after: equals)...])))
            let words = name.split(separator: "*", omittingEmptySubsequences: false)
            if words.count == 1 { plain[name] = text } else { pieces[String(words[0]), default: [:]][Int(words[1]) ?? 0] = (text, words.last == "") }
        }
        for (name, numbered) in pieces { plain[name] = Self.joined(numbered) }
        parameters = plain
    }

    subscript(_ name: String) -> String? { parameters[name] }

    private static func split(_ field: String) -> [String] {
        var parts = [""], isQuoted = false, isEscaped = false
        for scalar in field.unicodeScalars {
            if scalar == "\"", !isEscaped { isQuoted.toggle() }
            isEscaped = isQuoted && scalar == "\\" && !isEscaped
            if scalar == ";", !isQuoted { parts.append("") } else { parts[parts.count - 1].unicodeScalars.append(scalar) }
        }
        return parts
    }

    private static func unquoted(_ text: String) -> String {
        guard text.utf8.first == 0x22, text.utf8.count > 1 else { return EncodedWords.decode(text) }
        var out = String.UnicodeScalarView(), isEscaped = false
        for scalar in text.unicodeScalars.dropFirst() {
            if !isEscaped, scalar == "\"" { break }
            isEscaped = !isEscaped && scalar == "\\"
            if !isEscaped { out.append(scalar) }
        }
        return EncodedWords.decode(String(out))
    }

    private static func joined(_ pieces: [Int: (text: String, isEncoded: Bool)]) -> String {
        var bytes: [UInt8] = [], charset = Charset.utf8
        for number in 0..<pieces.count {
            guard let (text, isEncoded) = pieces[number] else { break }
            guard isEncoded else { bytes += Array(text.utf8); continue }
            let parts = text.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
            if number == 0, parts.count == 3 { charset = Charset(String(parts[0])) ?? .utf8 }
            bytes += percentDecoded(number == 0 && parts.count == 3 ? parts[2] : text[...])
        }
        return charset.decode(bytes)
    }

    private static func percentDecoded(_ text: Substring) -> [UInt8] {
        var out: [UInt8] = [], bytes = Array(text.utf8)[...]
        while let byte = bytes.popFirst() {
            if byte == 0x25, bytes.count >= 2, let value = Hex.decode(String(decoding: bytes.prefix(2), as: UTF8.self)) {
                out += value
                bytes = bytes.dropFirst(2)
            } else {
                out.append(byte)
            }
        }
        return out
    }
}
