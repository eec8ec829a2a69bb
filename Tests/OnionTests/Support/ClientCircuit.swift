import Onion
import Sealing

/// The client's end of a one-hop circuit.
struct ClientCircuit: ~Copyable {
    static let id = CircuitID(rawValue: 0x8000_0007)

    let link: LoopbackTLS
    private var forward: RelayCellCipher
    private var backward: RelayCellCipher

    init(link: LoopbackTLS, keys: CircuitKeys) {
        self.link = link
        forward = RelayCellCipher(material: keys.forward)
        backward = RelayCellCipher(material: keys.backward)
    }

    mutating func send(_ cellCommand: UInt8, _ command: UInt8, stream: UInt16 = 0, _ data: [UInt8]) throws {
        var body: [UInt8] = [command, 0, 0, UInt8(stream >> 8), UInt8(stream & 255), 0, 0, 0, 0, UInt8(data.count >> 8), UInt8(data.count & 255)]
        body += data + [UInt8](repeating: 0, count: CellLayout.relayDataBytes - data.count)
        body.withUnsafeMutableBufferPointer {
            forward.stamp($0.baseAddress!)
            forward.crypt($0.baseAddress!)
        }
        try link.send(Cell.fixed(Self.id, cellCommand, body))
    }

    mutating func receive() throws -> (command: UInt8, data: [UInt8]) {
        let cell = try link.cell()
        var body = Array(cell[CellLayout.headerBytes...])
        let isOurs = body.withUnsafeMutableBufferPointer { backward.decryptAndRecognize($0.baseAddress!) }
        guard cell[4] == CellCommand.relay, isOurs else {
            throw LoopbackError(description: "not a relay cell for us: command \(cell[4]), \(cell[5])")
        }
        let count = Int(body[CellLayout.relayLengthOffset]) << 8 | Int(body[CellLayout.relayLengthOffset + 1])
        return (body[0], Array(body[CellLayout.relayDataOffset...].prefix(count)))
    }
}
