package import Ambience
internal import Bytes
internal import Sealing

/// Our side of the extended ORPort: a local proxy proves that it can read our cookie, then says on whose behalf it comes (ext-orport-spec.txt).
///
/// 1. We: the methods of authentication we know, `greeting`.
/// 2. It: the one it takes, and 32 random bytes. We: HMAC over both nonces, and our own 32. It: its HMAC. We: 1, or 0 and the end.
/// 3. It: USERADDR, TRANSPORT, DONE. We: OKAY. From then on the connection is a link like any other.
package struct ExtORPortHandshake {
    /// Whose connection it is.
    package struct Client: Equatable, Sendable {
        package var address: SocketAddress?
        package var transport: String?
    }

    package struct Progress: Equatable, Sendable {
        package var send: [UInt8] = []
        /// Set once, when the handshake is over.
        package var client: Client?
        /// Nothing more will be taken: send what there is, then close.
        package var isRefused = false
    }

    package enum Failure: Error, Equatable { case unknownMethod, oversized, malformed, earlyData }

    package static let nonceBytes = 32
    package static let cookieBytes = 32
    /// The cookie file begins with this.
    package static let cookieHeader = "! Extended ORPort Auth Cookie !\n"
    /// SAFE_COOKIE only.
    package static let greeting: [UInt8] = [1, 0]
    /// A longer command is refused; known ones are short.
    package static let commandLimitBytes = 1024
    /// More commands are refused.
    package static let commandLimit = 64

    private enum Command {
        static let done: UInt16 = 0
        static let userAddress: UInt16 = 1
        static let transport: UInt16 = 2
        static let okay: UInt16 = 0x1000
    }

    private enum Phase {
        case method
        case nonce
        case proof(expected: [UInt8])
        case commands(count: Int)
        case over
    }

    private let cookie: [UInt8]
    private let ownNonce: [UInt8]
    private var phase = Phase.method
    private var input: [UInt8] = []
    private var client = Client()

    /// - Parameters:
    ///   - cookie: the 32 bytes behind the header of the cookie file.
    ///   - nonce: 32 random bytes, fresh for every connection.
    package init(cookie: [UInt8], nonce: [UInt8]) {
        self.cookie = cookie
        ownNonce = nonce
    }

    /// Takes bytes cut anywhere. After a failure the connection must be closed.
    package mutating func receive(_ bytes: [UInt8]) throws(Failure) -> Progress {
        input += bytes
        var progress = Progress()
        while !progress.isRefused, try step(&progress) {}
        if case .over = phase, !input.isEmpty, !progress.isRefused { throw .earlyData }
        return progress
    }

    /// `false` when more bytes are needed.
    private mutating func step(_ progress: inout Progress) throws(Failure) -> Bool {
        switch phase {
        case .method:
            guard let method = take(1)?.first else { return false }
            guard method == 1 else { throw .unknownMethod }
            phase = .nonce
        case .nonce:
            guard let nonce = take(Self.nonceBytes) else { return false }
            progress.send += hash("server-to-client", nonce) + ownNonce
            phase = .proof(expected: hash("client-to-server", nonce))
        case .proof(let expected):
            guard let proof = take(expected.count) else { return false }
            let isRight = Digest.equal(proof, expected)
            progress.send.append(isRight ? 1 : 0)
            progress.isRefused = !isRight
            phase = isRight ? .commands(count: 0) : .over
        case .commands(let count): return try command(count, &progress)
        case .over: return false
        }
        return true
    }

    private mutating func command(_ count: Int, _ progress: inout Progress) throws(Failure) -> Bool {
        guard input.count >= 4 else { return false }
        let (number, length) = (UInt16(input[0]) << 8 | UInt16(input[1]), Int(input[2]) << 8 | Int(input[3]))
        guard length <= Self.commandLimitBytes, count < Self.commandLimit else { throw .oversized }
        guard let body = take(4 + length)?.dropFirst(4) else { return false }
        phase = .commands(count: count + 1)
        switch number {
        case Command.done:
            progress.send += [UInt8(Command.okay >> 8), UInt8(Command.okay & 255), 0, 0]
            progress.client = client
            phase = .over
        case Command.userAddress:
            guard let address = SocketAddress(String(decoding: body, as: UTF8.self)) else { throw .malformed }
            client.address = address
        case Command.transport:
            let name = String(decoding: body, as: UTF8.self)
            guard TransportName.isLegal(name) else { throw .malformed }
            client.transport = name
        default: break  // commands of the future
        }
        return true
    }

    private func hash(_ direction: String, _ nonce: [UInt8]) -> [UInt8] {
        Digest.hmacSHA256(key: cookie, Array("ExtORPort authentication \(direction) hash".utf8) + nonce + ownNonce)
    }

    private mutating func take(_ count: Int) -> [UInt8]? {
        guard input.count >= count else { return nil }
        defer { input.removeFirst(count) }
        return Array(input[..<count])
    }
}
