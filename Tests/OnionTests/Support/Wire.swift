import Onion

/// Takes apart what a handshake sends.
enum Wire {
    /// Whole cells; a first VERSIONS has a circuit id of two bytes.
    static func cells(_ bytes: [UInt8]) -> [[UInt8]] {
        var cells: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let idBytes = cells.isEmpty && rest.dropFirst(2).first == CellCommand.versions ? 2 : 4
            let command = rest[rest.startIndex + idBytes]
            let header = rest.startIndex + idBytes + 1
            let count = CellCommand.isVariableLength(command) ? idBytes + 3 + Int(rest[header]) << 8 + Int(rest[header + 1]) : CellLayout.fixedBytes
            cells.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return cells
    }
}
