internal import Bytes
package import Sealing

/// The part of INTRODUCE1 that an introduction point reads; what is for the service is passed on as it came, as INTRODUCE2
/// (rend-spec-v3 "INTRODUCE1 cell format").
package struct Introduce1Header: Equatable, Sendable {
    private static let ed25519KeyType: UInt8 = 2
    /// Where version 2 named the service; zero now.
    private static let legacyBytes = 20

    /// Names the introduction circuit.
    package let authKey: Ed25519Identity

    package init(_ body: [UInt8]) throws(ServiceMessageError) {
        authKey = try ByteReader.serviceMessage(body) { reader in
            guard try reader.slice(Self.legacyBytes).allSatisfy({ $0 == 0 }) else { throw ServiceMessageError.obsolete }
            guard try reader.u8() == Self.ed25519KeyType, try reader.u16() == 32, let key = Ed25519Identity(try reader.slice(32)) else {
                throw ServiceMessageError.badLength
            }
            try reader.eachServiceExtension { _, _ in }
            guard !reader.isAtEnd else { throw ServiceMessageError.truncated }
            return key
        }
    }
}

/// What an introduction point tells the client (rend-spec-v3 "INTRODUCE_ACK cell format").
package enum IntroduceStatus: UInt16, Sendable {
    case delivered = 0
    /// No such service here, or it takes no more at the moment.
    case unknownService = 1
    case badFormat = 2

    /// INTRODUCE_ACK: the status, no extensions.
    package var encoded: [UInt8] { [UInt8(rawValue >> 8), UInt8(rawValue & 255), 0] }
}
