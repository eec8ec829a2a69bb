internal import Bytes

extension ByteReader {
    /// Runs `body` over `bytes`; running out of them becomes `MessageError.truncated`.
    static func message<T>(_ bytes: [UInt8], _ body: (inout ByteReader) throws -> T) throws(MessageError) -> T {
        var reader = ByteReader(bytes)
        do {
            return try body(&reader)
        } catch let error as MessageError {
            throw error
        } catch {
            throw .truncated
        }
    }
}

/// Text of hosts and names in messages.
enum MessageText {
    /// The longest DNS name, in bytes (RFC 1035).
    static let nameLimitBytes = 255

    /// Visible ASCII without spaces, 1 to 255 bytes.
    static func name(_ bytes: some Collection<UInt8>) throws(MessageError) -> String {
        guard (1...nameLimitBytes).contains(bytes.count), bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw .badText }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A port that can be connected to, in decimal.
    static func port(_ bytes: some Collection<UInt8>) throws(MessageError) -> UInt16 {
        guard (1...5).contains(bytes.count), bytes.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = UInt16(String(decoding: bytes, as: UTF8.self)), port != 0
        else { throw .badText }
        return port
    }
}
