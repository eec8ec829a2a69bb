package import Ambience
internal import Bytes
package import Sealing

/// EXTEND2: make the circuit one hop longer (tor-spec "EXTEND and EXTENDED cells").
package struct Extend2Message: Equatable, Sendable {
    private enum Specifier {
        static let ipv4: UInt8 = 0
        static let ipv6: UInt8 = 1
        static let rsa: UInt8 = 2
        static let ed25519: UInt8 = 3
    }

    /// In the order given; ports may be 0, whoever dials must look.
    package var addresses: [SocketAddress]
    package var rsa: RSAIdentity?
    package var ed25519: Ed25519Identity?
    package var handshakeType: UInt16
    package var handshake: [UInt8]

    package init(addresses: [SocketAddress], rsa: RSAIdentity?, ed25519: Ed25519Identity?, handshakeType: UInt16, handshake: [UInt8]) {
        self.addresses = addresses
        self.rsa = rsa
        self.ed25519 = ed25519
        self.handshakeType = handshakeType
        self.handshake = handshake
    }

    /// Unknown link specifiers are skipped; a second identity of one kind is refused.
    package init(_ body: [UInt8]) throws(MessageError) {
        self = try ByteReader.message(body) { reader in
            var message = Extend2Message(addresses: [], rsa: nil, ed25519: nil, handshakeType: 0, handshake: [])
            for _ in 0..<(try reader.u8()) {
                let type = try reader.u8()
                try message.take(type, try reader.bytes(Int(try reader.u8())))
            }
            message.handshakeType = try reader.u16()
            message.handshake = try reader.bytes(Int(try reader.u16()))
            return message
        }
    }

    private mutating func take(_ type: UInt8, _ value: [UInt8]) throws(MessageError) {
        switch type {
        case Specifier.ipv4: addresses.append(try Self.address(value, addressBytes: 4))
        case Specifier.ipv6: addresses.append(try Self.address(value, addressBytes: 16))
        case Specifier.rsa:
            guard let identity = RSAIdentity(value) else { throw .badLength }
            guard rsa == nil else { throw .duplicate }
            rsa = identity
        case Specifier.ed25519:
            guard let identity = Ed25519Identity(value) else { throw .badLength }
            guard ed25519 == nil else { throw .duplicate }
            ed25519 = identity
        default: break
        }
    }

    private static func address(_ value: [UInt8], addressBytes: Int) throws(MessageError) -> SocketAddress {
        guard value.count == addressBytes + 2, let ip = IPAddress(bytes: value.prefix(addressBytes)) else { throw .badLength }
        return SocketAddress(ip: ip, port: UInt16(value[addressBytes]) << 8 | UInt16(value[addressBytes + 1]))
    }

    /// IPv4 addresses, RSA identity, Ed25519 identity, IPv6 addresses: the order of stock, so that we do not stand out.
    package var encoded: [UInt8] {
        var specifiers = addresses.filter(\.ip.isIPv4).map { (Specifier.ipv4, Self.bytes($0)) }
        if let rsa { specifiers.append((Specifier.rsa, rsa.bytes)) }
        if let ed25519 { specifiers.append((Specifier.ed25519, ed25519.bytes)) }
        specifiers += addresses.filter { !$0.ip.isIPv4 }.map { (Specifier.ipv6, Self.bytes($0)) }
        var writer = ByteWriter(capacity: 256)
        writer.u8(UInt8(clamping: specifiers.count))
        for (type, value) in specifiers.prefix(255) {
            writer.u8(type)
            writer.u8(UInt8(value.count))
            writer.append(value)
        }
        writer.append(Create2Message(handshakeType: handshakeType, handshake: handshake).encoded)
        return writer.bytes
    }

    private static func bytes(_ address: SocketAddress) -> [UInt8] {
        address.ip.bytes + [UInt8(address.port >> 8), UInt8(address.port & 255)]
    }
}
