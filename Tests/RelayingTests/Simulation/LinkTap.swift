import COpenSSL
import Onion

@testable import Sealing

/// Reads the cells of one direction of a link off the wire. The simulation's TLS authenticates its records but does not encrypt them.
struct LinkTap {
    /// A record of application data ends in an HMAC-SHA1.
    private static let macBytes = 20
    private static let applicationData: UInt8 = 23

    private var records: [UInt8] = []
    private var cells: [UInt8] = []
    private var isFirstCell = true

    /// The whole cells that these bytes complete, as (circuit id, command, body).
    mutating func take(_ bytes: ArraySlice<UInt8>) -> [(id: UInt32, command: UInt8, body: ArraySlice<UInt8>)] {
        records += bytes
        while records.count >= 5 {
            let size = 5 + Int(records[3]) << 8 + Int(records[4])
            guard records.count >= size else { break }
            if records[0] == Self.applicationData { cells += records[5..<size - Self.macBytes] }
            records.removeFirst(size)
        }
        return cut()
    }

    private mutating func cut() -> [(id: UInt32, command: UInt8, body: ArraySlice<UInt8>)] {
        var found: [(id: UInt32, command: UInt8, body: ArraySlice<UInt8>)] = []
        var offset = 0
        while true {
            // VERSIONS, the first cell, has a circuit id of two bytes.
            let idBytes = isFirstCell ? 2 : 4
            let left = cells.count - offset
            guard left >= idBytes + 3 else { break }
            let command = cells[offset + idBytes]
            let isVariable = CellCommand.isVariableLength(command)
            let length = isVariable ? Int(cells[offset + idBytes + 1]) << 8 + Int(cells[offset + idBytes + 2]) : CellLayout.bodyBytes
            let start = offset + idBytes + (isVariable ? 3 : 1)
            guard cells.count >= start + length else { break }
            let id = cells[offset..<offset + idBytes].reduce(0) { $0 << 8 | UInt32($1) }
            found.append((id, command, cells[start..<start + length]))
            offset = start + length
            isFirstCell = false
        }
        cells.removeFirst(offset)
        return found
    }
}

extension TLSContext {
    /// Links of a simulation are to be looked at: TLS 1.2 with a cipher suite that encrypts nothing. Everything else stays as it is.
    func stopEncrypting() {
        let isSet = SSL_CTX_set_cipher_list(context, "ECDHE-RSA-NULL-SHA:@SECLEVEL=0") == 1
            && SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(TLS1_2_VERSION), nil) == 1
        precondition(isSet, "OpenSSL knows suites without encryption")
    }
}
