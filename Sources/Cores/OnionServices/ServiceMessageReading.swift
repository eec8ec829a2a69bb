internal import Bytes

/// Why a message of the onion-service protocol is refused.
package enum ServiceMessageError: Error, Equatable {
    /// A field reaches beyond the message.
    case truncated
    /// A length or type that its field may not have.
    case badLength
    /// The form of version 2, which nobody serves any more: refused without a word.
    case obsolete
}

extension ByteReader {
    /// Runs `body` over `bytes`; running out of them becomes `ServiceMessageError.truncated`.
    static func serviceMessage<T>(_ bytes: [UInt8], _ body: (inout ByteReader) throws -> T) throws(ServiceMessageError) -> T {
        var reader = ByteReader(bytes)
        do {
            return try body(&reader)
        } catch let error as ServiceMessageError {
            throw error
        } catch {
            throw .truncated
        }
    }

    /// Walks a list of extensions: count 1, then type 1, length 1 and data of each.
    mutating func eachServiceExtension(_ body: (UInt8, ArraySlice<UInt8>) -> Void) throws {
        for _ in 0..<(try u8()) {
            let type = try u8()
            body(type, try slice(Int(try u8())))
        }
    }
}
