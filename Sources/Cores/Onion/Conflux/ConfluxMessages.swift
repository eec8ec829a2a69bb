internal import Bytes

/// CONFLUX_LINK and CONFLUX_LINKED: this circuit becomes a leg of the set with this nonce (proposal 329, section 2.1).
package struct ConfluxLinkMessage: Equatable, Sendable {
    /// What the sender of the message would like its peer's choice of legs to achieve.
    package enum Experience: UInt8, Sendable, CaseIterable {
        case noOpinion = 0
        case leastLatency = 1
        case leastLatencyAndMemory = 2
        case highThroughput = 3
        case highThroughputLeastMemory = 4
    }

    private static let version: UInt8 = 1
    package static let nonceBytes = 32

    package var nonce: [UInt8]
    /// The highest absolute sequence numbers that the sender has sent, and has received without a gap.
    package var lastSent: UInt64
    package var lastReceived: UInt64
    package var experience: Experience

    package init(nonce: [UInt8], lastSent: UInt64, lastReceived: UInt64, experience: Experience) {
        self.nonce = nonce
        self.lastSent = lastSent
        self.lastReceived = lastReceived
        self.experience = experience
    }

    package init(_ body: [UInt8]) throws(MessageError) {
        self = try ByteReader.message(body) { reader in
            guard try reader.u8() == Self.version else { throw MessageError.unsupportedVersion }
            let (nonce, sent, received) = (try reader.bytes(Self.nonceBytes), try reader.u64(), try reader.u64())
            guard let experience = Experience(rawValue: try reader.u8()) else { throw MessageError.unsupportedVersion }
            return ConfluxLinkMessage(nonce: nonce, lastSent: sent, lastReceived: received, experience: experience)
        }
    }

    package var encoded: [UInt8] {
        var writer = ByteWriter(capacity: 50)
        writer.u8(Self.version)
        writer.append(nonce)
        writer.u64(lastSent)
        writer.u64(lastReceived)
        writer.u8(experience.rawValue)
        return writer.bytes
    }
}

/// CONFLUX_SWITCH: counted messages go on on this leg, so many numbers after the last one here (proposal 329, section 2.3).
package struct ConfluxSwitchMessage: Equatable, Sendable {
    package var relativeSequence: UInt32

    package init(relativeSequence: UInt32) { self.relativeSequence = relativeSequence }

    /// Old senders fill the whole message; what follows the number is padding.
    package init(_ body: [UInt8]) throws(MessageError) {
        self = try ByteReader.message(body) { ConfluxSwitchMessage(relativeSequence: try $0.u32()) }
    }

    package var encoded: [UInt8] {
        var writer = ByteWriter(capacity: 4)
        writer.u32(relativeSequence)
        return writer.bytes
    }
}

extension RelayCommand {
    /// Whether messages of this kind may go over any leg of a set and are numbered for it; all others are about their own circuit.
    @inline(__always)
    package static func isMultiplexed(_ command: UInt8) -> Bool {
        switch command {
        case begin, data, end, connected, resolve, resolved, xoff, xon: true
        default: false
        }
    }
}
