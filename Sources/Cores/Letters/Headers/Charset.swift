/// The character sets that are written as UTF-8 here. Text in any other stays as it is.
enum Charset: Equatable {
    case utf8, latin1, latin9, windows1252

    init?(_ name: String) {
        switch name.asciiLowercased {
        case "utf-8", "utf8", "us-ascii", "ascii", "": self = .utf8
        // Whoever says Latin-1 mostly means the larger set (WHATWG Encoding Standard, section 4.2).
        case "iso-8859-1", "iso8859-1", "latin1", "windows-1252", "cp1252": self = .windows1252
        case "iso-8859-15", "iso8859-15", "latin9", "latin-9": self = .latin9
        default: return nil
        }
    }

    func decode(_ bytes: some Collection<UInt8>) -> String {
        if self == .utf8, let text = String(validating: bytes, as: UTF8.self) { return text }
        var out = String.UnicodeScalarView()
        for byte in bytes { out.append(scalar(byte)) }
        return String(out)
    }

    private func scalar(_ byte: UInt8) -> Unicode.Scalar {
        switch self {
        case .latin9: Self.latin9Changes[byte] ?? Unicode.Scalar(byte)
        case .latin1: Unicode.Scalar(byte)
        case .utf8, .windows1252: (0x80..<0xA0).contains(byte) ? Self.windowsUpper[Int(byte) - 0x80] : Unicode.Scalar(byte)
        }
    }

    private static let latin9Changes: [UInt8: Unicode.Scalar] = [
        0xA4: "\u{20AC}", 0xA6: "\u{160}", 0xA8: "\u{161}", 0xB4: "\u{17D}", 0xB8: "\u{17E}", 0xBC: "\u{152}", 0xBD: "\u{153}", 0xBE: "\u{178}",
    ]

    private static let windowsUpper: [Unicode.Scalar] = [
        "\u{20AC}", "\u{FFFD}", "\u{201A}", "\u{192}", "\u{201E}", "\u{2026}", "\u{2020}", "\u{2021}", "\u{2C6}", "\u{2030}", "\u{160}", "\u{2039}", "\u{152}", "\u{FFFD}", "\u{17D}", "\u{FFFD}",
        "\u{FFFD}", "\u{2018}", "\u{2019}", "\u{201C}", "\u{201D}", "\u{2022}", "\u{2013}", "\u{2014}", "\u{2DC}", "\u{2122}", "\u{161}", "\u{203A}", "\u{153}", "\u{FFFD}", "\u{17E}", "\u{178}",
    ]
}
