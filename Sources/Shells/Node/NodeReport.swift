/// How a running node is: what it tells whoever looks after it.
package struct NodeReport: Equatable, Sendable {
    /// 0 to 100, of the network's documents and, for a client, the first circuit.
    package let bootstrapped: Int
    package let isDraining: Bool
    package let circuits: Int
    /// Opened since the start.
    package let streams: Int
    package let bytesRead: Int64
    package let bytesWritten: Int64
    /// 20 bytes, and none of a node that is no relay.
    package let rsaIdentity: [UInt8]
    /// 32 bytes, and none of a node that is no relay.
    package let ed25519Identity: [UInt8]
}
