internal import Bytes

/// The application's side of SOCKS4, 4a and 5, from its first byte to its request (RFC 1928, RFC 1929, socks-extensions).
///
/// 1. Bytes come in, split anywhere; whole messages are taken from the front of the buffer.
/// 2. SOCKS5 greets, chooses user name and password when they are offered (so that streams can be isolated by them), else none.
/// 3. A request comes out, or a refusal with the bytes that say so; either ends the handshake.
/// 4. What followed the request is `early` data for the stream.
package struct SocksHandshake: Sendable {
    package enum Outcome: Hashable, Sendable {
        case request(SocksRequest)
        /// Send the bytes, then close.
        case refused(SocksRefusal)
    }

    package struct Progress: Hashable, Sendable {
        package var send: [UInt8] = []
        package var outcome: Outcome?

        package init() {}
    }

    private enum State { case version, authentication, request, over }
    /// What one attempt to take a message came to.
    enum Taken<Message> { case message(Message), incomplete }

    private var state = State.version
    private var buffer: [UInt8] = []
    private var credentials: SocksCredentials?

    package init() {}

    /// Bytes that came after the request.
    package var early: [UInt8] { state == .over ? buffer : [] }

    /// Takes bytes from the application. After an outcome, more bytes only add to `early`: the caller stops reading.
    package mutating func receive(_ bytes: some Sequence<UInt8>) -> Progress {
        buffer.append(contentsOf: bytes)
        var progress = Progress()
        while state != .over, step(&progress) {}
        return progress
    }

    /// `true` when a message was taken and another may follow.
    private mutating func step(_ progress: inout Progress) -> Bool {
        do throws(SocksRefusal) {
            switch state {
            case .version: return try readVersion(&progress)
            case .authentication: return try readAuthentication(&progress)
            case .request: return try readFive(&progress)
            case .over: return false
            }
        } catch {
            finish(.refused(error), &progress)
            return false
        }
    }

    private mutating func finish(_ outcome: Outcome, _ progress: inout Progress) {
        state = .over
        progress.outcome = outcome
    }

    private mutating func readVersion(_ progress: inout Progress) throws(SocksRefusal) -> Bool {
        guard let first = buffer.first else { return false }
        switch first {
        case 4: return try readFour(&progress)
        case 5: return try readMethods(&progress)
        case 0x41...0x5A, 0x61...0x7A:
            progress.send += SocksReply.http
            throw .http
        default: throw .notSocks(firstByte: first)
        }
    }

    private mutating func readFour(_ progress: inout Progress) throws(SocksRefusal) -> Bool {
        do throws(SocksRefusal) {
            guard case .message(let request) = try take({ reader throws(Stop) in try Socks4Message.request(&reader) }) else { return false }
            finish(.request(request), &progress)
            return false
        } catch {
            progress.send += SocksReply.failed(.socks4, .general)
            throw error
        }
    }

    private mutating func readMethods(_ progress: inout Progress) throws(SocksRefusal) -> Bool {
        guard case .message(let methods) = try take({ reader throws(Stop) in try Socks5Message.methods(&reader) }) else { return false }
        if methods.contains(SocksLayout.usernamePassword) {
            progress.send += [5, SocksLayout.usernamePassword]
            state = .authentication
        } else if methods.contains(SocksLayout.noAuthentication) {
            progress.send += [5, SocksLayout.noAuthentication]
            state = .request
        } else {
            progress.send += [5, SocksLayout.noMethod]
            throw .noAcceptableMethod
        }
        return true
    }

    private mutating func readAuthentication(_ progress: inout Progress) throws(SocksRefusal) -> Bool {
        do throws(SocksRefusal) {
            guard case .message(let credentials) = try take({ reader throws(Stop) in try Socks5Message.credentials(&reader) }) else { return false }
            self.credentials = credentials
        } catch {
            progress.send += [SocksLayout.authenticationVersion, 1]
            throw error
        }
        progress.send += [SocksLayout.authenticationVersion, 0]
        state = .request
        return true
    }

    private mutating func readFive(_ progress: inout Progress) throws(SocksRefusal) -> Bool {
        do throws(SocksRefusal) {
            let credentials = credentials
            guard case .message(let request) = try take({ reader throws(Stop) in try Socks5Message.request(&reader, credentials) }) else { return false }
            finish(.request(request), &progress)
            return false
        } catch {
            progress.send += SocksReply.failed(.socks5, error.code)
            throw error
        }
    }

    /// Takes one message from the front of the buffer, or leaves it whole until the rest has come.
    private mutating func take<Message>(_ parse: (inout ByteReader) throws(Stop) -> Message) throws(SocksRefusal) -> Taken<Message> {
        var reader = ByteReader(buffer)
        do throws(Stop) {
            let message = try parse(&reader)
            buffer = Array(reader.rest())
            return .message(message)
        } catch {
            switch error {
            case .refused(let refusal): throw refusal
            case .incomplete:
                guard buffer.count <= SocksLayout.messageLimitBytes else { throw .malformed }
                return .incomplete
            }
        }
    }
}

/// Why a message cannot be taken now.
enum Stop: Error {
    case incomplete
    case refused(SocksRefusal)
}

extension SocksRefusal {
    /// The SOCKS5 code for a refused request.
    fileprivate var code: SocksFailure {
        switch self {
        case .commandNotSupported: .commandNotSupported
        case .addressTypeNotSupported: .addressTypeNotSupported
        default: .general
        }
    }
}
