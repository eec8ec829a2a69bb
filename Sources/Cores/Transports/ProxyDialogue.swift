/// What a managed proxy says from its start until all its transports are up, and after (pt-spec.txt "Managed proxy interface").
///
/// Bytes of its standard output go in as they come; events come out. A proxy that breaks the protocol fails once and is not listened to any more.
package struct ProxyDialogue: Sendable {
    package enum Event: Equatable, Sendable {
        case serving(ServerTransport)
        /// One of the transports cannot be served; the others may be.
        case refused(String)
        /// No further transport will come.
        case ready
        case log(ProxyMessage.Severity, String)
        case program(version: String, implementation: String)
        /// The proxy cannot be used, and why.
        case failed(String)
    }

    private enum Phase { case launched, negotiated, ready, failed }

    /// A longer line is cut off and ignored.
    package static let lineLimitBytes = 8192

    private let wanted: Set<String>
    private var served: Set<String> = []
    private var phase = Phase.launched
    private var line: [UInt8] = []
    private var isOverlong = false

    /// - Parameter transports: the names that the proxy was asked to serve; others it speaks of do not count.
    package init(transports: some Sequence<String>) { wanted = Set(transports) }

    package var isReady: Bool { phase == .ready }

    package mutating func receive(_ bytes: some Sequence<UInt8>) -> [Event] {
        var events: [Event] = []
        for byte in bytes where phase != .failed {
            if byte == 0x0A {
                if !isOverlong { events += take(String(decoding: line.last == 0x0D ? line.dropLast() : line[...], as: UTF8.self)) }
                line.removeAll(keepingCapacity: true)
                isOverlong = false
            } else if line.count < Self.lineLimitBytes {
                line.append(byte)
            } else {
                isOverlong = true
            }
        }
        return events
    }

    private mutating func take(_ line: String) -> [Event] {
        guard let message = ProxyMessage(line) else { return malformed(line) }
        switch message {
        case .log(let severity, let text): return [.log(severity, text)]
        case .program(let version, let implementation): return [.program(version: version, implementation: implementation)]
        case .other: return []
        case .environmentError(let reason): return fail("it does not like its environment: \(reason)")
        case .versionError(let reason): return fail("it speaks no version of the protocol that we speak: \(reason)")
        case .version(let number): return negotiated(number)
        case .method, .methodError, .methodsDone: return phase == .negotiated ? configure(message) : fail("it spoke of methods out of turn")
        }
    }

    private mutating func negotiated(_ number: String) -> [Event] {
        guard phase == .launched, number == "1" else { return fail("it chose version \"\(number)\" of the protocol instead of 1") }
        phase = .negotiated
        return []
    }

    private mutating func configure(_ message: ProxyMessage) -> [Event] {
        switch message {
        case .method(let transport):
            guard wanted.contains(transport.name), served.insert(transport.name).inserted else { return [] }
            return [.serving(transport)]
        case .methodError(let reason): return [.refused(reason)]
        default:
            phase = .ready
            return [.ready]
        }
    }

    /// What is only for the log may be malformed; what decides where a transport listens may not.
    private mutating func malformed(_ line: String) -> [Event] { line.hasPrefix("SMETHOD") ? fail("its SMETHOD line is malformed") : [] }

    private mutating func fail(_ reason: String) -> [Event] {
        phase = .failed
        return [.failed(reason)]
    }
}
