/// Several documents behind one another, as uploads, answers and cache files hold them.
package enum DocumentBundle {
    /// The documents that begin with a line that has one of these openings, in order. Annotations (lines with `@`) and
    /// whatever stands before the first document are dropped; what comes after `limit` documents too.
    package static func cut(_ bytes: [UInt8], at openings: [String], limit: Int) -> [[UInt8]] {
        let openings = openings.map { Array($0.utf8) }
        var documents: [[UInt8]] = []
        var start: Int?
        func close(at end: Int) {
            if let start { documents.append(Array(bytes[start..<end])) }
            start = nil
        }
        var index = 0
        while index < bytes.count, documents.count < limit {
            if bytes[index] == UInt8(ascii: "@") { close(at: index) }
            if openings.contains(where: { bytes[index...].starts(with: $0) }) {
                close(at: index)
                start = index
            }
            index = (bytes[index...].firstIndex(of: 0x0A) ?? bytes.count - 1) + 1
        }
        if documents.count < limit { close(at: bytes.count) }
        return documents
    }

    /// Most documents that one bundle may hold.
    package static let limit = 100_000

    /// Server descriptors and extra-info documents, in order: the body of an upload, or an answer to `/tor/server/…`.
    package static func relayDocuments(_ bytes: [UInt8]) -> [[UInt8]] { cut(bytes, at: ["router ", "extra-info "], limit: limit) }
    package static func microdescriptors(_ bytes: [UInt8]) -> [[UInt8]] { cut(bytes, at: ["onion-key\n"], limit: limit) }
    package static func certificates(_ bytes: [UInt8]) -> [[UInt8]] { cut(bytes, at: ["dir-key-certificate-version "], limit: limit) }
}
