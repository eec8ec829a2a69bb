/// Why a circuit ends (tor-spec "Tearing down circuits"). It travels in DESTROY, TRUNCATE and TRUNCATED.
package enum DestroyReason: UInt8, Sendable, CaseIterable {
    case none = 0
    case protocolViolation = 1
    case internalError = 2
    case requested = 3
    case hibernating = 4
    case resourceLimit = 5
    case connectFailed = 6
    case wrongIdentity = 7
    case channelClosed = 8
    case finished = 9
    case timeout = 10
    case destroyed = 11
    case noSuchService = 12

    /// From the first byte of a body that may be empty; what we do not know counts as `none`.
    package init(body: some Collection<UInt8>) {
        self = body.first.flatMap(DestroyReason.init(rawValue:)) ?? .none
    }
}
