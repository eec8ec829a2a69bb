/// Cuts the bytes of a link handshake into cells, within bounds.
struct LinkInput {
    struct Cell {
        let circuit: UInt32
        let command: UInt8
        let body: [UInt8]
        /// The whole cell as it came, for the transcript.
        let wire: ArraySlice<UInt8>
    }

    private var bytes: [UInt8] = []
    private var taken = 0
    /// Bytes of all cells so far.
    private var total = 0

    mutating func append(_ more: [UInt8]) {
        bytes.removeFirst(taken)
        taken = 0
        bytes += more
    }

    /// What no cell has taken yet.
    mutating func rest() -> [UInt8] {
        defer {
            bytes = []
            taken = 0
        }
        return Array(bytes[taken...])
    }

    /// The next whole cell; `nil` until more bytes come. Circuit ids have two bytes until a version is agreed.
    mutating func next(isVersionAgreed: Bool) throws(LinkFailure) -> Cell? {
        let idBytes = isVersionAgreed ? 4 : 2
        let available = bytes.count - taken
        guard available > idBytes else { return nil }
        let command = bytes[taken + idBytes]
        guard isVersionAgreed || CellCommand.isVariableLength(command) else { throw .unexpectedCell(command: command) }
        let bodyBytes: Int
        let headerBytes: Int
        if CellCommand.isVariableLength(command) {
            headerBytes = idBytes + 3
            guard available >= headerBytes else { return nil }
            bodyBytes = number(at: taken + idBytes + 1, bytes: 2)
            guard bodyBytes <= CellLayout.variableLimitBytes else { throw .cellTooLong(bytes: bodyBytes) }
        } else {
            headerBytes = idBytes + 1
            bodyBytes = CellLayout.bodyBytes
        }
        guard total + headerBytes + bodyBytes <= LinkHandshake.limitBytes else { throw .tooManyBytes }
        guard available >= headerBytes + bodyBytes else { return nil }
        return take(command, idBytes: idBytes, headerBytes: headerBytes, bodyBytes: bodyBytes)
    }

    private mutating func take(_ command: UInt8, idBytes: Int, headerBytes: Int, bodyBytes: Int) -> Cell {
        let circuit = UInt32(number(at: taken, bytes: idBytes))
        let wire = bytes[taken..<taken + headerBytes + bodyBytes]
        taken += wire.count
        total += wire.count
        return Cell(circuit: circuit, command: command, body: Array(wire.dropFirst(headerBytes)), wire: wire)
    }

    private func number(at offset: Int, bytes count: Int) -> Int {
        bytes[offset..<offset + count].reduce(0) { $0 << 8 | Int($1) }
    }
}
