import Ambience
import Loops
import Onion
import Sealing

@testable import Relaying

/// A node that speaks TLS and the link handshake properly and then says whatever a test wants.
final class RawPeer {
    struct Received {
        let id: UInt32
        let command: UInt8
        let body: [UInt8]
    }

    private let loop: EventLoop
    private let role: LinkHandshake.Role
    private let tls: TLSContext
    private let session: TLSSession
    private let address: SocketAddress
    private let fd: Int32
    private var source: IOSource?
    private var handshake: LinkHandshake?
    private var isTLSDone = false
    private var output: [UInt8] = []
    /// Cells for the time after the handshake.
    private var queued: [UInt8] = []
    private var input: [UInt8] = []
    private(set) var peer: LinkPeer?
    private(set) var isClosed = false
    /// Cells received after the handshake that nobody took yet.
    var cells: [Received] = []
    var onCell: ((Received) -> Void)?
    /// A peer that does not read.
    var isDeaf = false { didSet { source?.setReading(!isDeaf) } }

    init(loop: EventLoop, fd: Int32, address: SocketAddress, role: LinkHandshake.Role, tls: TLSContext) {
        self.loop = loop
        self.fd = fd
        self.address = address
        self.role = role
        self.tls = tls
        let isServer = if case .responder = role { true } else { false }
        session = TLSSession(context: tls, fd: fd, isServer: isServer, input: TLSInput())
        source = IOSource(loop: loop, fd: fd, onReadable: { [unowned self] in step() }, onWritable: { [unowned self] in step() })
        source?.setReading(true)
        source?.setWriting(!isServer)
    }

    /// Dials a relay; without keys as a client.
    convenience init(loop: EventLoop, to target: HopTarget, keys: RelayKeys? = nil) throws {
        let address = target.addresses[0]
        self.init(loop: loop, fd: try Sockets.dial(address), address: address, role: .initiator(keys?.identity), tls: keys?.tls ?? TLSContext())
    }

    deinit { close() }

    func send(_ id: UInt32, _ command: UInt8, _ body: [UInt8] = []) {
        let id = CircuitID(rawValue: id)
        let cell = CellCommand.isVariableLength(command) ? Cell.variable(id, command, body) : Cell.fixed(id, command, body)
        if peer == nil { queued += cell } else { send(cell) }
    }

    /// Any bytes inside TLS, at once.
    func send(_ bytes: [UInt8]) {
        output += bytes
        flush()
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        onCell = nil
        source?.cancel()
        source = nil
        Sockets.close(fd)
    }

    private func step() {
        guard !isClosed else { return }
        guard isTLSDone else { return stepTLS() }
        flush()
        guard !isDeaf, !isClosed else { return }
        var buffer = [UInt8](repeating: 0, count: TLSSession.readBytes)
        let (count, progress) = session.read(into: &buffer, capacity: buffer.count)
        if count > 0 { receive(Array(buffer[..<count])) }
        if progress == .closed || progress == .failed { close() }
    }

    private func stepTLS() {
        switch session.handshake() {
        case .done: startLink()
        case .wantsRead: source?.setWriting(false)
        case .wantsWrite: source?.setWriting(true)
        case .closed, .failed: close()
        }
    }

    private func startLink() {
        isTLSDone = true
        let isInitiator = if case .initiator = role { true } else { false }
        let session = session
        var handshake = LinkHandshake(
            role: role,
            facts: LinkHandshake.Facts(
                ownTLSCertificate: tls.certificate, peerTLSCertificate: isInitiator ? session.peerCertificate : nil, peerAddress: address,
                ownAddresses: [.v4(0x7F00_0001)], exportKey: { session.exportKey(label: $0, context: $1, count: $2) },
                challenge: SecureRandom.bytes(32), nonce: SecureRandom.bytes(24)))
        output += handshake.start(now: loop.wall)
        self.handshake = handshake
        step()
    }

    private func receive(_ bytes: [UInt8]) {
        guard peer == nil else { return cut(bytes) }
        guard let progress = try? handshake?.receive(bytes, now: loop.wall) else { return close() }
        send(progress.send)
        peer = progress.established
        guard peer != nil else { return }
        send(queued)
        cut(progress.leftover)
    }

    private func cut(_ bytes: [UInt8]) {
        input += bytes
        while input.count >= CellLayout.fixedBytes {
            let cell = Array(input[..<CellLayout.fixedBytes])
            input.removeFirst(CellLayout.fixedBytes)
            let received = Received(id: cell[..<4].reduce(0) { $0 << 8 | UInt32($1) }, command: cell[4], body: Array(cell[5...]))
            if let onCell { onCell(received) } else { cells.append(received) }
        }
    }

    private func flush() {
        guard isTLSDone, !isClosed else { return }
        while !output.isEmpty {
            let (count, progress) = session.write(output, count: output.count)
            if progress == .closed || progress == .failed { return close() }
            guard count > 0 else { break }
            output.removeFirst(count)
        }
        source?.setWriting(session.push() == .wantsWrite || !output.isEmpty)
    }
}

/// A one-hop circuit at a relay, held by a raw peer, whose relay messages are made by hand.
final class RawCircuit {
    struct Message {
        let command: UInt8
        let stream: UInt16
        let data: [UInt8]
    }

    private final class Hop {
        var forward: HopCipher
        var backward: HopCipher

        init(_ keys: CircuitKeys) {
            forward = HopCipher(keys.crypto, material: keys.forward, side: .client)
            backward = HopCipher(keys.crypto, material: keys.backward, side: .client)
        }
    }

    let peer: RawPeer
    let id: UInt32
    private let x = SecureRandom.bytes(20)
    private let handshake: NtorV3Client?
    private var hop: Hop?
    private var format: RelayFormat { hop.map { RelayFormat($0.forward.crypto) } ?? .v0 }
    private let padding = PaddingStream()
    /// Tag of the last message received: what a SENDME for it must say.
    private(set) var lastTag = SendmeTag(Digest20())
    var lastSentTag: SendmeTag { hop?.forward.lastTag ?? SendmeTag(Digest20()) }
    private(set) var messages: [Message] = []
    /// Bodies of cells that are not the relay's own, without the relay's layer.
    private(set) var foreign: [[UInt8]] = []
    /// KH of the circuit.
    private(set) var nonce: [UInt8] = []
    private(set) var destroyed: UInt8?
    var isBuilt: Bool { hop != nil }
    /// Called by the number of messages with this command.
    func count(_ command: UInt8) -> Int { messages.count { $0.command == command } }

    init(_ peer: RawPeer, id: UInt32) {
        self.peer = peer
        self.id = id
        handshake = nil
        peer.onCell = { [unowned self] in receive($0) }
        peer.send(id, CellCommand.createFast, x)
    }

    /// With ntor v3 and what it can ask for.
    init(_ peer: RawPeer, id: UInt32, at relay: HopTarget, _ extensions: CircuitExtensions) throws {
        self.peer = peer
        self.id = id
        let handshake = try NtorV3Client(relay: relay.ed25519!, onionKey: relay.ntorKey!, ephemeral: Curve25519Key(), extensions: extensions)
        self.handshake = handshake
        peer.onCell = { [unowned self] in receive($0) }
        peer.send(id, CellCommand.create2, Create2Message(handshakeType: HandshakeType.ntorV3, handshake: handshake.onionSkin).encoded)
    }

    /// Takes one cell of this circuit; others are passed over.
    func receive(_ cell: RawPeer.Received) {
        guard cell.id == id else { return }
        switch cell.command {
        case CellCommand.createdFast:
            guard let keys = try? CreateFast.finish(x: x, reply: Array(cell.body[..<40])) else { return }
            hop = Hop(keys)
            nonce = keys.nonce
        case CellCommand.created2:
            guard let message = try? Created2Message(cell.body), let keys = try? handshake?.finish(message.handshake).keys else { return }
            hop = Hop(keys)
            nonce = keys.nonce
        case CellCommand.destroy: destroyed = cell.body[0]
        case CellCommand.relay: receiveRelay(cell.body)
        default: break
        }
    }

    private func receiveRelay(_ cell: [UInt8]) {
        var body = cell
        guard let hop else { return }
        let isOurs = body.withUnsafeMutableBufferPointer { hop.backward.recognize($0.baseAddress!, CellCommand.relay) }
        guard isOurs else { return foreign.append(body) }
        guard let header = body.withUnsafeMutableBufferPointer({ $0.baseAddress!.relayHeader(format) }) else { return }
        lastTag = hop.backward.lastTag
        messages.append(Message(command: header.command, stream: header.stream, data: Array(body[header.dataOffset...].prefix(header.count))))
    }

    func send(_ command: UInt8, stream: UInt16 = 0, _ data: [UInt8] = [], early: Bool = false, claiming length: Int? = nil) {
        guard let hop else { return }
        var body = [UInt8](repeating: 0, count: CellLayout.bodyBytes)
        body.withUnsafeMutableBufferPointer {
            $0.baseAddress!.layOutRelayMessage(format, command, stream: stream, data, data.count, padding: padding)
            if let length {
                let field = format == .v0 ? CellLayout.relayLengthOffset : CellLayout.relayLengthOffsetV1
                $0[field] = UInt8(length >> 8)
                $0[field + 1] = UInt8(length & 255)
            }
            hop.forward.originate($0.baseAddress!, early ? CellCommand.relayEarly : CellCommand.relay)
        }
        peer.send(id, early ? CellCommand.relayEarly : CellCommand.relay, body)
    }

    /// A cell for somebody behind the relay: these 509 bytes under the relay's layer.
    func send(foreign body: [UInt8], early: Bool = false) {
        guard let hop else { return }
        var body = body
        let command = early ? CellCommand.relayEarly : CellCommand.relay
        body.withUnsafeMutableBufferPointer { hop.forward.pass($0.baseAddress!, command) }
        peer.send(id, command, body)
    }

    /// A cell that no hop recognises.
    func sendGarbage() { peer.send(id, CellCommand.relay, SecureRandom.bytes(CellLayout.bodyBytes)) }
}
