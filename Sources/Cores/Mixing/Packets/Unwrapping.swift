internal import Sealing

extension MixName<PassageOnMix> {
    /// `nil` for what is too short to be a packet. Costs a hash only, so it comes before all other work.
    package init?(packet: [UInt8]) {
        guard packet.count >= SphinxLayout.headerBytes else { return nil }
        self.init(Digest.sha512_256(packet[SphinxLayout.version.count..<SphinxLayout.version.count + SphinxLayout.elementBytes]))
    }
}

/// A packet as one hop sees it.
package struct UnwrappedPacket: Hashable, Sendable {
    package enum Content: Hashable, Sendable {
        case forward(to: MixID, packet: [UInt8])
        case arrived(mailbox: MixID, payload: [UInt8])
        /// Only who made the reply block can read the payload.
        case reply(mailbox: MixID, ReplyID, sealed: [UInt8])
    }

    package let tag: ReplayTag
    package let delayMilliseconds: UInt32
    package let content: Content
}

/// The key of a mote on the mix.
package struct MixKey: Sendable {
    private let key: Curve25519Key

    /// `nil` unless there are 32 bytes.
    package init?(secret: [UInt8]) {
        guard let key = Curve25519Key(secret: secret) else { return nil }
        self.key = key
    }

    package var publicKey: [UInt8] { key.publicKey }

    /// Takes this mote's layer off a packet.
    package func unwrap(_ packet: [UInt8], _ layout: SphinxLayout) throws(SphinxError) -> UnwrappedPacket { try unwrap([packet], layout)[0].get() }

    /// The same for several, which costs less than one after another. Nothing is deciphered of what is not genuine.
    package func unwrap(_ packets: [[UInt8]], _ layout: SphinxLayout) -> [Result<UnwrappedPacket, SphinxError>] {
        let secrets = Curve25519Key.multiply(packets.map { (key.secret, Self.element($0)) })
        var opened = zip(packets, secrets).map { packet, secret in
            Result { () throws(SphinxError) in try OpenedPacket(packet, secret: secret, layout) }
        }
        let onward = opened.indices.filter { (try? opened[$0].get())?.isOnward ?? false }
        let blinded = Curve25519Key.multiply(onward.compactMap { index in (try? opened[index].get()).map { ($0.keys.blinding, Self.element(packets[index])) } })
        for (index, element) in zip(onward, blinded) {
            opened[index] = opened[index].flatMap { packet in
                guard let element else { return .failure(.unusableElement) }
                var packet = packet
                packet.nextElement = element
                return .success(packet)
            }
        }
        return opened.map { packet in Result { () throws(SphinxError) in try packet.get().unwrapped() } }
    }

    /// What this mote and the owner of another public key share. `nil` if that is no key.
    func agree(with publicKey: [UInt8]) -> [UInt8]? { key.agree(with: publicKey) }

    /// What was sealed to the public key; `nil` for what was not.
    func open(_ box: [UInt8]) -> [UInt8]? { SealedBox.open(box, with: key) }

    private static func element(_ packet: [UInt8]) -> [UInt8] {
        packet.count < SphinxLayout.headerBytes ? [] : Array(packet[SphinxLayout.version.count..<SphinxLayout.version.count + SphinxLayout.elementBytes])
    }
}

/// A packet whose header was found genuine, between its two multiplications.
private struct OpenedPacket {
    let keys: HopKeys
    let commands: HopCommands
    var nextElement: [UInt8] = []
    private let routing: [UInt8]
    private let packet: [UInt8]
    private let tag: ReplayTag

    init(_ packet: [UInt8], secret: [UInt8]?, _ layout: SphinxLayout) throws(SphinxError) {
        guard packet.count == layout.packetBytes, let tag = ReplayTag(packet: packet) else { throw .wrongLength }
        guard packet.starts(with: SphinxLayout.version) else { throw .unknownVersion }
        guard let secret else { throw .unusableElement }
        keys = HopKeys(secret: secret)
        let digest = packet[SphinxLayout.digestedBytes..<SphinxLayout.headerBytes]
        guard Digest.equal(keys.digest(Array(packet[..<SphinxLayout.digestedBytes])), digest) else { throw .wrongDigest }
        let hidden = packet[SphinxLayout.version.count + SphinxLayout.elementBytes..<SphinxLayout.digestedBytes]
        var routing = Array(hidden) + [UInt8](repeating: 0, count: SphinxLayout.hopBytes)
        keys.hide(&routing)
        commands = try HopCommands(routing[..<SphinxLayout.hopBytes])
        self.routing = Array(routing[SphinxLayout.hopBytes...])
        (self.packet, self.tag) = (packet, tag)
    }

    var isOnward: Bool { if case .next = commands.target { true } else { false } }

    func unwrapped() throws(SphinxError) -> UnwrappedPacket {
        UnwrappedPacket(tag: tag, delayMilliseconds: commands.delayMilliseconds, content: try content())
    }

    private func content() throws(SphinxError) -> UnwrappedPacket.Content {
        switch commands.target {
        case .next(let mote, let digest):
            var next = SphinxLayout.version + nextElement + routing + digest
            next.reserveCapacity(packet.count)
            next += packet[SphinxLayout.headerBytes...]
            keys.payload(.decipher, &next, from: SphinxLayout.headerBytes)
            return .forward(to: mote, packet: next)
        case .here(let mailbox, nil): return .arrived(mailbox: mailbox, payload: try SphinxPayload.checked(body()))
        case .here(let mailbox, let reply?): return .reply(mailbox: mailbox, reply, sealed: body())
        }
    }

    private func body() -> [UInt8] {
        var body = Array(packet[SphinxLayout.headerBytes...])
        keys.payload(.decipher, &body)
        return body
    }
}
