/// Which names an exit asks its name server for (RFC 953, and underscores, as stock).
package enum HostName {
    package static let limitBytes = 253

    package static func isLegal(_ text: String) -> Bool {
        let bytes = text.utf8
        guard (1...limitBytes).contains(bytes.count) else { return false }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        let counted = labels.last?.isEmpty == true ? labels.dropLast() : labels[...]
        return !counted.isEmpty && counted.allSatisfy { (1...63).contains($0.utf8.count) && $0.utf8.allSatisfy(isLegal) }
    }

    private static func isLegal(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x2D || byte == 0x5F
    }
}
