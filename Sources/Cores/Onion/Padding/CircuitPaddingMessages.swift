internal import Bytes

/// PADDING_NEGOTIATE, a relay message: a client asks a relay of its circuit to pad it, or to stop (padding-spec "Circuit-level padding").
package struct CircuitPaddingRequest: Equatable, Sendable {
    package var isStart: Bool
    /// The number of the padding machine, the same for every implementation.
    package var machine: UInt8
    /// Counts the machines that the client started on the circuit; 0 means any.
    package var counter: UInt32

    package init(isStart: Bool, machine: UInt8, counter: UInt32) {
        self.isStart = isStart
        self.machine = machine
        self.counter = counter
    }

    package init(_ body: [UInt8]) throws(MessageError) {
        self = try ByteReader.message(body) { reader in
            guard try reader.u8() == 0 else { throw MessageError.unsupportedVersion }
            let isStart = try CircuitPaddingCommand.isStart(try reader.u8())
            let machine = try reader.u8()
            _ = try reader.u8()  // "echo request" of the specification, which nobody uses
            return CircuitPaddingRequest(isStart: isStart, machine: machine, counter: try reader.u32())
        }
    }

    package var encoded: [UInt8] {
        var writer = ByteWriter(capacity: 8)
        writer.u8(0)
        writer.u8(CircuitPaddingCommand.number(isStart: isStart))
        writer.u8(machine)
        writer.u8(0)
        writer.u32(counter)
        return writer.bytes
    }
}

/// PADDING_NEGOTIATED, a relay message: what the relay does about it.
package struct CircuitPaddingAnswer: Equatable, Sendable {
    private static let accepted: UInt8 = 1
    private static let refused: UInt8 = 2

    package var isStart: Bool
    package var isAccepted: Bool
    package var machine: UInt8
    package var counter: UInt32

    package init(isStart: Bool, isAccepted: Bool, machine: UInt8, counter: UInt32) {
        self.isStart = isStart
        self.isAccepted = isAccepted
        self.machine = machine
        self.counter = counter
    }

    package init(_ body: [UInt8]) throws(MessageError) {
        self = try ByteReader.message(body) { reader in
            guard try reader.u8() == 0 else { throw MessageError.unsupportedVersion }
            let isStart = try CircuitPaddingCommand.isStart(try reader.u8())
            let response = try reader.u8()
            guard response == Self.accepted || response == Self.refused else { throw MessageError.unknownCommand }
            let machine = try reader.u8()
            return CircuitPaddingAnswer(isStart: isStart, isAccepted: response == Self.accepted, machine: machine, counter: try reader.u32())
        }
    }

    package var encoded: [UInt8] {
        var writer = ByteWriter(capacity: 8)
        writer.u8(0)
        writer.u8(CircuitPaddingCommand.number(isStart: isStart))
        writer.u8(isAccepted ? Self.accepted : Self.refused)
        writer.u8(machine)
        writer.u32(counter)
        return writer.bytes
    }
}

private enum CircuitPaddingCommand {
    private static let stop: UInt8 = 1
    private static let start: UInt8 = 2

    static func isStart(_ number: UInt8) throws(MessageError) -> Bool {
        guard number == start || number == stop else { throw .unknownCommand }
        return number == start
    }

    static func number(isStart: Bool) -> UInt8 { isStart ? start : stop }
}
