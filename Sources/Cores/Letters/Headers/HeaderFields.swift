/// A message, or a part of one, taken apart: its header fields unfolded, and where its body is.
struct HeaderFields {
    /// Bytes of a header, and fields in it.
    static let bytesLimit = 256 << 10
    static let fieldsLimit = 1_000

    /// Names in lower case, in the order in which they stood.
    let fields: [(name: String, value: String)]
    let body: ArraySlice<UInt8>

    /// - Throws: for a header beyond the bounds, or with a line that is no field.
    init(_ message: ArraySlice<UInt8>) throws(SMTPReply) {
        var fields: [(name: String, value: String)] = [], rest = message
        while let (line, after) = Self.line(rest), !line.isEmpty {
            guard fields.count <= Self.fieldsLimit, after.startIndex - message.startIndex <= Self.bytesLimit else { throw SMTPReply(554, "5.6.0", "the letter's header is too long") }
            if line.first == 0x20 || line.first == 0x09 {
                guard !fields.isEmpty else { throw Self.malformed }
                fields[fields.count - 1].value += Self.text(line)
            } else if let colon = line.firstIndex(of: 0x3A), let name = Self.name(line[..<colon]) {
                fields.append((name, Self.text(line[(colon + 1)...])))
            } else if fields.isEmpty, line.starts(with: Array("From ".utf8)) {
                // How mbox files begin a message.
            } else {
                throw Self.malformed
            }
            rest = after
        }
        self.fields = fields.map { ($0.name, Self.tidied($0.value)) }
        body = Self.line(rest)?.after ?? rest[rest.endIndex...]
    }

    private static let malformed = SMTPReply(554, "5.6.0", "the letter's header has a line that is no field: a field is a name, a colon and a value")

    /// The first of that name.
    func first(_ name: String) -> String? { fields.first { $0.name == name }?.value }
    func all(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

    /// The next line without its CR LF; `nil` at the end.
    static func line(_ bytes: ArraySlice<UInt8>) -> (line: ArraySlice<UInt8>, after: ArraySlice<UInt8>)? {
        guard !bytes.isEmpty else { return nil }
        guard let end = bytes.firstIndex(of: 10) else { return (bytes, bytes[bytes.endIndex...]) }
        let line = bytes[bytes.startIndex..<end]
        return (line.last == 13 ? line.dropLast() : line, bytes[(end + 1)...])
    }

    private static func name(_ bytes: ArraySlice<UInt8>) -> String? {
        var bytes = bytes
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes = bytes.dropLast() }
        guard !bytes.isEmpty, bytes.count <= 100, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        return String(decoding: bytes, as: UTF8.self).asciiLowercased
    }

    /// UTF-8, or what was written when there was none: one byte, one character.
    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(validating: bytes, as: UTF8.self) ?? Charset.windows1252.decode(bytes)
    }

    /// White space of any kind and length is one space; control characters are nothing.
    static func tidied(_ text: String) -> String {
        var out = String.UnicodeScalarView(), isSpaced = false
        for scalar in text.unicodeScalars {
            if scalar == " " || scalar == "\t" || scalar == "\r" || scalar == "\n" {
                isSpaced = true
            } else if scalar.value >= 0x20, scalar.value != 0x7F, !(0x80..<0xA0).contains(scalar.value) {
                if isSpaced, !out.isEmpty { out.append(" ") }
                isSpaced = false
                out.append(scalar)
            }
        }
        return String(out)
    }
}
