package import Ambience
package import Socks

/// Streams share a circuit only when their keys are equal (`IsolateClientAddr`, `IsolateSOCKSAuth`, … of a SocksPort).
///
/// A part that a port does not isolate by is `nil`.
package struct IsolationKey: Hashable, Sendable {
    /// The listener, or the `SessionGroup` it shares with others.
    package var group: Int
    package var clientAddress: IPAddress?
    package var credentials: SocksCredentials?
    package var version: SocksVersion?
    package var target: SocksTarget?
    package var port: UInt16?

    package init(group: Int) { self.group = group }
}
