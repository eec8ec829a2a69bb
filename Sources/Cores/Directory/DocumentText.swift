internal import Bytes

/// Forms that several documents are written with.
enum DocumentText {
    /// A PEM-like object with its newline.
    static func object(_ tag: String, _ data: [UInt8]) -> String { "-----BEGIN \(tag)-----\n\(Base64.encodeLines(data))-----END \(tag)-----\n" }
}
