/// What an exit carried by port in a day (dir-spec.txt 2.1.2, "exit-stats-end").
package enum ExitReport {
    package struct Traffic: Equatable, Sendable {
        /// To the world, and from it.
        package var bytesWritten: UInt64 = 0
        package var bytesRead: UInt64 = 0
        package var streams: UInt64 = 0

        package init(bytesWritten: UInt64 = 0, bytesRead: UInt64 = 0, streams: UInt64 = 0) {
            self.bytesWritten = bytesWritten
            self.bytesRead = bytesRead
            self.streams = streams
        }
    }

    /// The ports with most bytes are told, the others together.
    private static let portLimit = 10
    private static let streamGranularity: UInt64 = 4

    package static func lines(_ day: Day, _ ports: [UInt16: Traffic]) -> [String] {
        let order = ports.filter { $0.value.bytesWritten + $0.value.bytesRead > 0 }
            .sorted { ($1.value.bytesWritten + $1.value.bytesRead, $0.key) < ($0.value.bytesWritten + $0.value.bytesRead, $1.key) }
        let told = Set(order.prefix(portLimit).map(\.key))
        let line = { (keyword: String, value: (Traffic) -> UInt64, blurred: (UInt64) -> UInt64) in
            let named = told.sorted().map { (name: "\($0)", value: value(ports[$0] ?? Traffic())) }.filter { $0.value > 0 }
            let others = ports.filter { !told.contains($0.key) }.reduce(0) { $0 + value($1.value) }
            return "\(keyword) " + (named + [(name: "other", value: others)]).map { "\($0.name)=\(blurred($0.value))" }.joined(separator: ",")
        }
        let kibibytes = { (bytes: UInt64) in Blurring.up(bytes, to: 1024) / 1024 }
        return [
            day.line("exit-stats-end"), line("exit-kibibytes-written", \.bytesWritten, kibibytes), line("exit-kibibytes-read", \.bytesRead, kibibytes),
            line("exit-streams-opened", \.streams) { Blurring.up($0, to: streamGranularity) },
        ]
    }
}
