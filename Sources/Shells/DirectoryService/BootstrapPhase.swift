/// How far a client or relay has come towards usable circuits; numbers, tags and texts are stock tor's (control-spec 4.1.10).
package struct BootstrapPhase: Comparable, Sendable, CustomStringConvertible {
    package let percent: Int
    package let tag: String
    package let summary: String

    private init(_ percent: Int, _ tag: String, _ summary: String) {
        self.percent = percent
        self.tag = tag
        self.summary = summary
    }

    package static let starting = BootstrapPhase(0, "starting", "Starting")
    package static let connecting = BootstrapPhase(5, "conn", "Connecting to a relay")
    package static let connected = BootstrapPhase(10, "conn_done", "Connected to a relay")
    package static let handshake = BootstrapPhase(14, "handshake", "Handshaking with a relay")
    package static let handshakeDone = BootstrapPhase(15, "handshake_done", "Handshake with a relay done")
    package static let directoryCircuit = BootstrapPhase(20, "onehop_create", "Establishing an encrypted directory connection")
    package static let requestingStatus = BootstrapPhase(25, "requesting_status", "Asking for networkstatus consensus")
    package static let loadingStatus = BootstrapPhase(30, "loading_status", "Loading networkstatus consensus")
    package static let loadingKeys = BootstrapPhase(40, "loading_keys", "Loading authority key certs")
    package static let requestingDescriptors = BootstrapPhase(45, "requesting_descriptors", "Asking for relay descriptors")
    package static let enoughDirectory = BootstrapPhase(75, "enough_dirinfo", "Loaded enough directory info to build circuits")
    package static let circuitConnecting = BootstrapPhase(80, "ap_conn", "Connecting to a relay to build circuits")
    package static let circuitHandshake = BootstrapPhase(89, "ap_handshake", "Finishing handshake with a relay to build circuits")
    package static let circuitHandshakeDone = BootstrapPhase(90, "ap_handshake_done", "Handshake finished with a relay to build circuits")
    package static let circuitCreate = BootstrapPhase(95, "circuit_create", "Establishing a Tor circuit")
    package static let done = BootstrapPhase(100, "done", "Done")

    /// Between 50 and 74 percent, by the part of the descriptors that is here.
    package static func loadingDescriptors(have: Int, of all: Int) -> BootstrapPhase {
        BootstrapPhase(50 + (all > 0 ? 24 * min(have, all) / all : 0), "loading_descriptors", "Loading relay descriptors")
    }

    package static func < (a: BootstrapPhase, b: BootstrapPhase) -> Bool { a.percent < b.percent }

    /// The line that stock logs at notice level.
    package var description: String { "Bootstrapped \(percent)% (\(tag)): \(summary)" }
}
