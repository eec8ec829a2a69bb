/// Why a link handshake fails. The connection must be closed; nothing is said to the peer.
package enum LinkFailure: Error, Equatable {
    /// A cell that has no place here: out of order, a second time, or of a kind that waits for the handshake's end.
    case unexpectedCell(command: UInt8)
    /// A handshake cell on a circuit.
    case wrongCircuit(command: UInt8)
    /// A body that is not what its command says.
    case malformed(command: UInt8)
    /// A variable-length cell above `CellLayout.variableLimitBytes`.
    case cellTooLong(bytes: Int)
    /// More than `LinkHandshake.limitBytes` without an end.
    case tooManyBytes
    case noCommonVersion
    /// The types are those of the CERTS cell.
    case duplicateCertificate(type: UInt8)
    case missingCertificate(type: UInt8)
    case badCertificate(type: UInt8)
    /// The peer speaks TLS without a certificate, though it was dialled.
    case noTLSCertificate
    /// TLS gives no keying material.
    case noExporter
    /// AUTHENTICATE does not prove the identity in CERTS, or not for this connection.
    case badAuthentication
}
