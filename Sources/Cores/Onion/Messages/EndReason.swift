/// Why a stream ends (tor-spec "Closing streams").
package enum EndReason: UInt8, Sendable, CaseIterable {
    case misc = 1
    case resolveFailed = 2
    case connectionRefused = 3
    case exitPolicy = 4
    case destroyed = 5
    /// The clean end.
    case done = 6
    case timeout = 7
    case noRoute = 8
    case hibernating = 9
    case internalError = 10
    case resourceLimit = 11
    case connectionReset = 12
    case protocolViolation = 13
    case notDirectory = 14
}
