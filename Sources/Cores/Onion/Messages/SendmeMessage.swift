internal import Bytes

/// SENDME: the other side may send more (tor-spec "Flow control").
package struct SendmeMessage: Equatable, Sendable {
    /// tor1 circuits prove what they saw with 20 bytes, counter-galois ones with 16.
    private static let tagSizes: Set<Int> = [16, 20]

    /// 1 is authenticated by `tag`; 0 is not and closes a circuit that wants proof. Stream SENDMEs are always 0.
    package var version: UInt8
    package var tag: [UInt8]

    package init(version: UInt8, tag: [UInt8]) {
        self.version = version
        self.tag = tag
    }

    package init(_ body: [UInt8]) throws(MessageError) {
        self = try ByteReader.message(body) { reader in
            guard !reader.isAtEnd else { return SendmeMessage(version: 0, tag: []) }
            switch try reader.u8() {
            case 0: return SendmeMessage(version: 0, tag: [])
            case 1: return SendmeMessage(version: 1, tag: try Self.tag(&reader))
            default: throw MessageError.unsupportedVersion
            }
        }
    }

    private static func tag(_ reader: inout ByteReader) throws -> [UInt8] {
        let count = Int(try reader.u16())
        guard tagSizes.contains(count) else { throw MessageError.badLength }
        return try reader.bytes(count)
    }

    /// Version 0 is an empty body.
    package var encoded: [UInt8] {
        guard version != 0 else { return [] }
        return [version, UInt8(truncatingIfNeeded: tag.count >> 8), UInt8(truncatingIfNeeded: tag.count)] + tag
    }
}
