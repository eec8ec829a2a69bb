internal import Ambience
internal import ControlProtocol
internal import Logging
internal import Loops
internal import Sealing

/// One controller's connection: its commands in order, each answered before the next is read.
final class ControlSession {
    private unowned let server: ControlServer
    private let connection: TCPConnection
    private var lines = ControlLines()
    private var challenge: ControlAuthentication.Challenge?
    private var hasAskedProtocol = false
    private(set) var isAuthenticated = false
    private(set) var events: Set<ControlEvent> = []
    /// The node ends with this connection.
    private(set) var isOwner = false

    init(server: ControlServer, connection: TCPConnection) {
        self.server = server
        self.connection = connection
        connection.onData = { [weak self] in self?.receive($0) }
        connection.onClose = { [weak self] in self?.gone() }
    }

    var unreadBytes: Int { connection.unsentBytes }

    func send(_ bytes: [UInt8]) {
        server.makeRoom(for: bytes.count)
        connection.send(bytes)
    }

    /// Closes at once.
    func close() {
        connection.abort()
        gone()
    }

    private func gone() { server.ended(self) }

    private func receive(_ bytes: [UInt8]) {
        lines.receive(bytes)
        do throws(ControlRefusal) {
            while connection.isOpen, let command = try lines.next() { perform(command) }
        } catch { end(with: ControlReply(error)) }
    }

    private func end(with reply: ControlReply) {
        send(reply.bytes)
        connection.finish()
    }

    private func perform(_ command: ControlCommand) {
        guard isAuthenticated else { return introduce(command) }
        guard command.keyword != "QUIT" else { return end(with: ControlReply(250, "closing connection")) }
        let reply: ControlReply
        do throws(ControlRefusal) { reply = try answer(command) } catch { reply = ControlReply(error) }
        send(reply.bytes)
    }

    // MARK: Before authentication

    private func introduce(_ command: ControlCommand) {
        do throws(ControlRefusal) {
            switch command.keyword {
            case "PROTOCOLINFO" where !hasAskedProtocol:
                hasAskedProtocol = true
                send(protocolInfo.bytes)
            case "AUTHCHALLENGE" where challenge == nil:
                let made = try server.authentication.challenge(command.arguments, serverNonce: SecureRandom.bytes(ControlAuthentication.nonceBytes))
                challenge = made
                send(ControlReply(250, made.reply).bytes)
            case "AUTHENTICATE":
                try server.authentication.check(command.arguments, challenge: challenge)
                isAuthenticated = true
                lines.limitBytes = ControlLines.commandLimitBytes
                send(ControlReply.ok.bytes)
            case "QUIT": end(with: ControlReply(250, "closing connection"))
            default: throw ControlRefusal(514, "Authentication required.")
            }
        } catch {
            if error.code == 515 { server.log.warning("Bad authentication on a control connection") }
            end(with: ControlReply(error))
        }
    }

    private var protocolInfo: ControlReply {
        var reply = ControlReply(250, "PROTOCOLINFO 1")
        reply.add(250, server.authentication.methodsLine)
        reply.add(250, "VERSION Tor=\(ControlText.quoted(server.version))")
        reply.add(250, "OK")
        return reply
    }

    // MARK: Commands

    private func answer(_ command: ControlCommand) throws(ControlRefusal) -> ControlReply {
        guard let host = server.host else { throw ControlRefusal(551, "The node is ending") }
        switch command.keyword {
        case "PROTOCOLINFO": return protocolInfo
        case "AUTHENTICATE": break
        case "AUTHCHALLENGE": throw ControlRefusal(513, "AUTHCHALLENGE: already authenticated")
        case "GETINFO": return host.info.reply(to: command.words)
        case "GETCONF": return configuration(command.words, host)
        case "SETCONF", "RESETCONF": try host.configure(try ControlText.pairs(command.arguments))
        case "LOADCONF": try host.load(command.body ?? "")
        case "SAVECONF": try host.saveConfiguration(force: command.arguments.uppercased() == "FORCE")
        case "SETEVENTS":
            events = try ControlEvent.subscription(command.words)
            server.interestChanged()
        case "SIGNAL": return try signal(command.words, host)
        case "CLOSECIRCUIT":
            try host.closeCircuit(try number(command, "circuit"), onlyIfUnused: command.words.contains { $0.lowercased() == "ifunused" })
        case "CLOSESTREAM": try host.closeStream(try number(command, "stream"))
        case "DROPGUARDS": try host.dropGuards()
        case "TAKEOWNERSHIP": isOwner = true
        case "DROPOWNERSHIP": isOwner = false
        case "USEFEATURE": try useFeatures(command.words)
        default: throw unsupported(command)
        }
        return .ok
    }

    private func unsupported(_ command: ControlCommand) -> ControlRefusal {
        let known = [
            "MAPADDRESS", "EXTENDCIRCUIT", "ATTACHSTREAM", "REDIRECTSTREAM", "SETCIRCUITPURPOSE", "POSTDESCRIPTOR", "RESOLVE", "DROPTIMEOUTS", "HSFETCH", "HSPOST",
            "ADD_ONION", "DEL_ONION", "ONION_CLIENT_AUTH_ADD", "ONION_CLIENT_AUTH_REMOVE", "ONION_CLIENT_AUTH_VIEW",
        ]
        if known.contains(command.keyword) { return ControlRefusal(511, "\(command.keyword) is not supported here") }
        return ControlRefusal(510, "Unrecognized command \"\(command.keyword)\"")
    }

    private func configuration(_ words: [Substring], _ host: any ControlHost) -> ControlReply {
        var reply = ControlReply()
        guard words.count <= InfoTable.keysLimit else { return ControlReply(.syntax("More than \(InfoTable.keysLimit) keys")) }
        for word in words {
            guard let (name, values) = host.configuration(of: String(word)) else { return ControlReply(552, "Unrecognized configuration key \"\(word)\"") }
            if values.isEmpty { reply.add(250, name) }
            for value in values { reply.add(250, "\(name)=\(value.utf8.contains(0x0A) || value.hasPrefix("\"") ? ControlText.quoted(value) : value)") }
        }
        return words.isEmpty ? .ok : reply
    }

    /// The answer goes out first: after some signals there is nobody left to give it.
    private func signal(_ words: [Substring], _ host: any ControlHost) throws(ControlRefusal) -> ControlReply {
        guard words.count == 1, let name = words.first else { throw .syntax("Wrong number of arguments to SIGNAL") }
        guard let signal = ControlSignal(name: String(name)) else { throw ControlRefusal(552, "Unrecognized signal code \"\(name)\"") }
        guard signal == .halt || signal == .shutdown else {
            try host.receive(signal)
            return .ok
        }
        server.loop.soon { [weak host] in try? host?.receive(signal) }
        return .ok
    }

    private func number(_ command: ControlCommand, _ what: String) throws(ControlRefusal) -> Int {
        guard let word = command.words.first else { throw .syntax("Expected a \(what)") }
        guard let number = Int(word), number > 0 else { throw ControlRefusal(552, "Unknown \(what) \"\(word)\"") }
        return number
    }

    private func useFeatures(_ words: [Substring]) throws(ControlRefusal) {
        // Both have been always on since tor 0.2.2.1.
        for word in words where !["VERBOSE_NAMES", "EXTENDED_EVENTS"].contains(word.uppercased()) {
            throw ControlRefusal(552, "Unrecognized feature \"\(word)\"")
        }
    }
}
