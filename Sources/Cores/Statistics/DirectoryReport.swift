package import Ambience

/// What a directory was asked for in a day (dir-spec.txt 2.1.2, "dirreq-stats-end"): requests for a consensus only.
package struct DirectoryReport: Sendable {
    package enum Outcome: Int, CaseIterable, Sendable {
        case ok
        case notEnoughSignatures
        case unavailable
        case notFound
        case notModified
        case busy
    }

    package enum End: Sendable {
        case complete(bytes: Int, milliseconds: Int64)
        case timeout
    }

    private static let words = ["ok", "not-enough-sigs", "unavailable", "not-found", "not-modified", "busy"]
    private static let answerGranularity: UInt64 = 8
    private static let downloadGranularity: UInt64 = 4
    /// With fewer downloads the distribution of their speeds is not told.
    private static let leastForSpeeds = 16
    /// Speeds that are remembered; at the bound further downloads are counted without theirs.
    package static let speedsLimit = 16_384

    /// Of one way to ask: over a DirPort, or through a circuit.
    private struct Downloads {
        var complete: UInt64 = 0
        var timeout: UInt64 = 0
        var running: UInt64 = 0
        /// Bytes per second.
        var speeds: [UInt64] = []

        var text: String {
            let counts = [("complete", complete), ("timeout", timeout), ("running", running)].map { "\($0.0)=\(Blurring.up($0.1, to: DirectoryReport.downloadGranularity))" }
            guard speeds.count >= DirectoryReport.leastForSpeeds else { return counts.joined(separator: ",") }
            let sorted = speeds.sorted()
            let at = { (part: Int, whole: Int) in sorted[min((sorted.count - 1) * part / whole, sorted.count - 1)] }
            let quantiles: [(String, UInt64)] = [
                ("min", at(0, 1)), ("d1", at(1, 10)), ("d2", at(2, 10)), ("q1", at(1, 4)), ("d3", at(3, 10)), ("d4", at(4, 10)), ("md", at(1, 2)),
                ("d6", at(6, 10)), ("d7", at(7, 10)), ("q3", at(3, 4)), ("d8", at(8, 10)), ("d9", at(9, 10)), ("max", at(1, 1)),
            ]
            return (counts + quantiles.map { "\($0.0)=\($0.1)" }).joined(separator: ",")
        }
    }

    private var clients = ClientCensus()
    private var requests: UInt64 = 0
    private var answers = [UInt64](repeating: 0, count: Outcome.allCases.count)
    private var direct = Downloads()
    private var tunnelled = Downloads()

    package init() {}

    /// Somebody asked for a consensus. `client`: where the request came from, if that is not another relay.
    package mutating func note(_ outcome: Outcome, client: IPAddress?) {
        answers[outcome.rawValue] += 1
        guard outcome == .ok else { return }
        requests += 1
        if let client { clients.note(client) }
    }

    package mutating func began(isTunnelled: Bool) { if isTunnelled { tunnelled.running += 1 } else { direct.running += 1 } }

    package mutating func ended(isTunnelled: Bool, _ end: End) {
        var downloads = isTunnelled ? tunnelled : direct
        // One that began before the day is not among those that run.
        downloads.running -= min(downloads.running, 1)
        switch end {
        case .timeout: downloads.timeout += 1
        case .complete(let bytes, let milliseconds):
            downloads.complete += 1
            if downloads.speeds.count < Self.speedsLimit { downloads.speeds.append(UInt64(max(bytes, 0)) * 1000 / UInt64(max(milliseconds, 1))) }
        }
        if isTunnelled { tunnelled = downloads } else { direct = downloads }
    }

    /// The lines of a day, of which nothing is kept but what still runs.
    package mutating func close(_ day: Day) -> [String] {
        let lines = [
            day.line("dirreq-stats-end"), "dirreq-v3-ips \(clients.countries)", "dirreq-v3-reqs \(requests == 0 ? "" : "??=\(Blurring.up(requests, to: ClientCensus.granularity))")",
            "dirreq-v3-resp " + zip(Self.words, answers).map { "\($0)=\(Blurring.up($1, to: Self.answerGranularity))" }.joined(separator: ","),
            "dirreq-v3-direct-dl \(direct.text)", "dirreq-v3-tunneled-dl \(tunnelled.text)",
        ]
        let running = (direct.running, tunnelled.running)
        self = DirectoryReport()
        (direct.running, tunnelled.running) = running
        return lines
    }
}
