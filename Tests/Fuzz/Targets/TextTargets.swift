import ControlProtocol
import Directory
import DirectoryService
import Socks
import Torrc
import Transports

extension FuzzTarget {
    private static let service = "Shells/DirectoryService/"

    /// Requests, answers and lines.
    static let texts = [
        FuzzTarget("http-request", ["HTTPRequest", "HTTPHead", "HTTPHeaders", "DirectoryRoute"].map { service + $0 + ".swift" }) { bytes in
            var parser = HTTPRequestParser(limits: .relayRequest)
            for piece in halves(bytes) {
                guard let request = try? parser.receive(piece) else { continue }
                _ = request.encoded
                _ = DirectoryRoute(path: request.path)
            }
        },
        FuzzTarget("http-response", ["HTTPResponse", "HTTPHead", "HTTPHeaders"].map { service + $0 + ".swift" }) { bytes in
            var parser = HTTPResponseParser()
            for piece in halves(bytes) { _ = try? parser.receive(piece) }
            _ = try? parser.finish()
        },
        FuzzTarget("socks", ["SocksHandshake", "Socks4Message", "Socks5Message", "SocksName"].map { "Cores/Socks/\($0).swift" }) { bytes in
            var whole = SocksHandshake()
            let outcome = whole.receive(bytes).outcome
            var pieces = SocksHandshake()
            var again: SocksHandshake.Outcome?
            for byte in bytes where again == nil { again = pieces.receive([byte]).outcome }
            precondition(outcome == again, "depends on how the bytes are cut")
        },
        FuzzTarget("torrc", ["TorrcText", "Torrc", "OptionRow", "OptionTable", "Units", "PortLine", "LogLine", "AuthorityLine", "NodeSet"].map { "Cores/Torrc/\($0).swift" }) {
            let text = String(decoding: $0, as: UTF8.self)
            guard let assignments = try? TorrcText.assignments(in: text, name: "torrc") else { return }
            _ = try? Torrc.read([assignments])
        },
        FuzzTarget("proxy-lines", ["Cores/Transports/ProxyDialogue.swift", "Cores/Transports/ProxyMessage.swift"]) { bytes in
            var whole = ProxyDialogue(transports: ["obfs4"])
            let events = whole.receive(bytes)
            var pieces = ProxyDialogue(transports: ["obfs4"])
            precondition(events == bytes.flatMap { pieces.receive([$0]) }, "depends on how the bytes are cut")
        },
        FuzzTarget("ext-or-port", ["Cores/Transports/ExtORPortHandshake.swift"]) { bytes in
            var handshake = ExtORPortHandshake(cookie: [UInt8](repeating: 1, count: 32), nonce: [UInt8](repeating: 2, count: 32))
            for piece in halves(bytes) { guard (try? handshake.receive(piece)) != nil else { return } }
        },
        FuzzTarget("control-lines", ["Cores/ControlProtocol/ControlLines.swift"]) { bytes in
            var lines = ControlLines()
            for piece in halves(bytes) {
                lines.receive(piece)
                while let command = try? lines.next() { _ = command }
            }
        },
        FuzzTarget("control-values", ["ControlText", "ControlEvent", "ControlAuthentication", "PasswordHash"].map { "Cores/ControlProtocol/\($0).swift" }) { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            _ = try? ControlText.pairs(text)
            _ = try? ControlText.secret(text[...])
            _ = try? ControlEvent.subscription(text.split(separator: " "))
            try? ControlAuthentication(cookie: [UInt8](repeating: 1, count: 32)).check(text, challenge: nil)
            _ = PasswordHash(text)?.description
        },
        FuzzTarget("exit-policy", ["PolicyText", "PolicyRule", "ExitPolicy", "PolicySummarizing"].map { "Cores/Directory/\($0).swift" }) {
            guard let policy = try? ExitPolicy(torrc: String(decoding: $0, as: UTF8.self)) else { return }
            _ = policy.summary()
            _ = policy.summary(isIPv4: false)
        },
        FuzzTarget("policy-summary", ["Cores/Directory/PolicySummary.swift"]) { bytes in
            guard let summary = PolicySummary(String(decoding: bytes, as: UTF8.self)) else { return }
            precondition(PolicySummary(summary.description)?.description == summary.description, "changes what it wrote itself")
        },
        FuzzTarget("protocol-versions", ["Cores/Directory/ProtocolVersions.swift"]) { bytes in
            guard let versions = ProtocolVersions(String(decoding: bytes, as: UTF8.self)) else { return }
            precondition(ProtocolVersions(versions.description)?.description == versions.description, "changes what it wrote itself")
        },
    ]

    static func halves(_ bytes: [UInt8]) -> [[UInt8]] { [Array(bytes.prefix(bytes.count / 2)), Array(bytes.dropFirst(bytes.count / 2))] }
}
