/// Names of pluggable transports: C identifiers (pt-spec.txt "Pluggable Transport naming").
package enum TransportName {
    /// A longer name is refused.
    package static let limitBytes = 64

    package static func isLegal(_ text: some StringProtocol) -> Bool {
        let bytes = text.utf8
        guard let first = bytes.first, bytes.count <= limitBytes, !isDigit(first) else { return false }
        return bytes.allSatisfy { isDigit($0) || isLetter($0) || $0 == UInt8(ascii: "_") }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) }
}
