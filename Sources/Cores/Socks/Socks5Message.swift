internal import Ambience
internal import Bytes

/// The three messages of a SOCKS5 client (RFC 1928 sections 3 and 4, RFC 1929 section 2).
enum Socks5Message {
    static func methods(_ reader: inout ByteReader) throws(Stop) -> [UInt8] {
        _ = try byte(&reader)
        let count = try byte(&reader)
        return try bytes(&reader, Int(count))
    }

    static func credentials(_ reader: inout ByteReader) throws(Stop) -> SocksCredentials {
        guard try byte(&reader) == SocksLayout.authenticationVersion else { throw .refused(.malformed) }
        let username = try bytes(&reader, Int(try byte(&reader)))
        let password = try bytes(&reader, Int(try byte(&reader)))
        guard isAllowed(username) else { throw .refused(.reservedUsername) }
        return SocksCredentials(username: username, password: password)
    }

    static func request(_ reader: inout ByteReader, _ credentials: SocksCredentials?) throws(Stop) -> SocksRequest {
        guard try byte(&reader) == 5 else { throw .refused(.malformed) }
        let code = try byte(&reader)
        _ = try byte(&reader)
        guard let command = SocksCommand(rawValue: code) else { throw .refused(.commandNotSupported(code)) }
        let type = try byte(&reader)
        let text = try address(&reader, type)
        let port = try bytes(&reader, 2).reduce(0) { $0 << 8 | UInt16($1) }
        return try whole(command, type, text, port, credentials)
    }

    private static func whole(
        _ command: SocksCommand, _ type: UInt8, _ text: [UInt8], _ port: UInt16, _ credentials: SocksCredentials?
    ) throws(Stop) -> SocksRequest {
        let isName = type == SocksLayout.name
        guard let target = isName ? SocksName.target(text) : IPAddress(bytes: text).map(SocksTarget.address) else { throw .refused(.malformedName) }
        if command == .resolvePointer, case .name = target { throw .refused(.addressTypeNotSupported(type)) }
        guard port != 0 || command != .connect else { throw .refused(.malformed) }
        return SocksRequest(
            version: .socks5, command: command, target: target, port: port, credentials: credentials, bypassesNames: !isName && command != .resolvePointer)
    }

    private static func address(_ reader: inout ByteReader, _ type: UInt8) throws(Stop) -> [UInt8] {
        switch type {
        case SocksLayout.v4: return try bytes(&reader, 4)
        case SocksLayout.v6: return try bytes(&reader, 16)
        case SocksLayout.name: return try bytes(&reader, Int(try byte(&reader)))
        default: throw .refused(.addressTypeNotSupported(type))
        }
    }

    /// `<torS0X>` announces a format; only format 0 is defined (proposal 351).
    private static func isAllowed(_ username: [UInt8]) -> Bool {
        let reserved = Array("<torS0X>".utf8)
        return !username.starts(with: reserved) || username == reserved + [UInt8(ascii: "0")]
    }

    private static func byte(_ reader: inout ByteReader) throws(Stop) -> UInt8 {
        do throws(ByteError) { return try reader.u8() } catch { throw .incomplete }
    }

    private static func bytes(_ reader: inout ByteReader, _ count: Int) throws(Stop) -> [UInt8] {
        do throws(ByteError) { return try reader.bytes(count) } catch { throw .incomplete }
    }
}
