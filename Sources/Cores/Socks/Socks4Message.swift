internal import Ambience
internal import Bytes

/// `4 | command | port | address | user id | 0`, and with an address 0.0.0.x also `name | 0` (SOCKS4a).
enum Socks4Message {
    static func request(_ reader: inout ByteReader) throws(Stop) -> SocksRequest {
        let head = try fixed(&reader)
        let user = try text(&reader)
        let isNamed = head.address >> 8 == 0
        guard head.address != 0 else { throw .refused(.malformed) }
        guard let command = SocksCommand(rawValue: head.command), command != .resolvePointer else { throw .refused(.commandNotSupported(head.command)) }
        guard head.port != 0 || command == .resolve else { throw .refused(.malformed) }
        let target = isNamed ? SocksName.target(try text(&reader)) : .address(.v4(head.address))
        guard let target else { throw .refused(.malformedName) }
        return SocksRequest(
            version: isNamed ? .socks4a : .socks4, command: command, target: target, port: head.port,
            credentials: user.isEmpty ? nil : SocksCredentials(username: user, password: []), bypassesNames: !isNamed)
    }

    private static func fixed(_ reader: inout ByteReader) throws(Stop) -> (command: UInt8, port: UInt16, address: UInt32) {
        do throws(ByteError) {
            _ = try reader.u8()
            return (try reader.u8(), try reader.u16(), try reader.u32())
        } catch {
            throw .incomplete
        }
    }

    private static func text(_ reader: inout ByteReader) throws(Stop) -> [UInt8] {
        let waiting = reader.remaining
        guard let text = try? reader.bytes(until: 0) else {
            throw waiting > SocksLayout.nameLimitBytes ? .refused(.malformed) : .incomplete
        }
        guard text.count <= SocksLayout.nameLimitBytes else { throw .refused(.malformed) }
        return text
    }
}
