internal import Bytes

/// A directory document while it is written.
struct TextLines {
    var bytes: [UInt8] = []

    /// A whole line; the newline is added.
    mutating func add(_ line: String) {
        bytes.append(contentsOf: line.utf8)
        bytes.append(0x0A)
    }

    /// The start of a line up to which a digest is taken.
    mutating func begin(_ start: String) { bytes.append(contentsOf: start.utf8) }
    mutating func end(_ rest: String) { add(rest) }

    mutating func object(_ tag: String, _ data: [UInt8]) {
        add("-----BEGIN \(tag)-----")
        bytes.append(contentsOf: Base64.encodeLines(data).utf8)
        add("-----END \(tag)-----")
    }
}
