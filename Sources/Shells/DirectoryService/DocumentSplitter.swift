/// Cuts a run of documents, as files and answers hold them, into single ones.
package enum DocumentSplitter {
    /// One document, and the `@` lines that stand before it in a file.
    package struct Part: Equatable, Sendable {
        package var annotations: [String]
        package var bytes: [UInt8]

        package init(annotations: [String] = [], bytes: [UInt8] = []) {
            self.annotations = annotations
            self.bytes = bytes
        }

        /// The text behind `@name ` of the first such line.
        package func annotation(_ name: String) -> String? {
            annotations.first { $0.hasPrefix("@\(name) ") }.map { String($0.dropFirst(name.utf8.count + 2)) }
        }
    }

    /// The keywords that documents begin with.
    package static let microdescriptor = "onion-key"
    package static let descriptor = "router"
    package static let extraInfo = "extra-info"
    package static let certificate = "dir-key-certificate-version"

    /// Each part begins at a line that starts with one of `keywords` and ends before the next one or its annotations.
    /// Anything before the first document is dropped. The last part may be cut short by a crash: only its parser can tell.
    package static func split(_ bytes: ArraySlice<UInt8>, at keywords: [String]) -> [Part] {
        let keywords = keywords.map { Array($0.utf8) }
        var parts: [Part] = []
        var annotations: [String] = []
        var start: Int?
        func close(before end: Int) {
            if let from = start { parts[parts.count - 1].bytes = Array(bytes[from..<end]) }
            start = nil
        }
        var line = bytes.startIndex
        while line < bytes.endIndex {
            let next = bytes[line...].firstIndex(of: 10).map { $0 + 1 } ?? bytes.endIndex
            if bytes[line] == UInt8(ascii: "@") {
                close(before: line)
                annotations.append(String(decoding: bytes[line..<next].filter { $0 != 10 }, as: UTF8.self))
            } else if keywords.contains(where: { isKeyword($0, bytes[line..<next]) }) {
                close(before: line)
                parts.append(Part(annotations: annotations))
                annotations = []
                start = line
            }
            line = next
        }
        close(before: bytes.endIndex)
        return parts
    }

    package static func split(_ bytes: [UInt8], at keywords: String...) -> [Part] { split(bytes[...], at: keywords) }

    private static func isKeyword(_ keyword: [UInt8], _ line: ArraySlice<UInt8>) -> Bool {
        guard line.starts(with: keyword), let after = line.dropFirst(keyword.count).first else { return false }
        return after == 10 || after == 32 || after == 9
    }
}
