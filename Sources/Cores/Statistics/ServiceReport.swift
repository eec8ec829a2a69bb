/// What a relay did for onion services in a day, with noise (dir-spec.txt 2.1.2, "hidserv-stats-end" and "hidserv-v3-stats-end").
package enum ServiceReport {
    private struct Blur {
        let range: Int
        let bin: UInt64
        let epsilon = 0.3

        func text(_ value: UInt64, _ random: inout some RandomNumberGenerator) -> String {
            let noisy = Blurring.noisy(Blurring.up(value, to: bin), range: Double(range), epsilon: epsilon, using: &random)
            return "\(noisy) delta_f=\(range) epsilon=0.30 bin_size=\(bin)"
        }
    }

    private static let cells = Blur(range: 2048, bin: 1024)
    private static let services = Blur(range: 8, bin: 8)

    /// Services of version 2 are gone, and stock still tells of none of them.
    ///
    /// - Parameters:
    ///   - cells: that went between a client and a service which met here.
    ///   - services: whose descriptors were published to us.
    package static func lines(_ day: Day, cells count: UInt64, services seen: UInt64, using random: inout some RandomNumberGenerator) -> [String] {
        [
            day.line("hidserv-stats-end"), "hidserv-rend-relayed-cells \(cells.text(0, &random))", "hidserv-dir-onions-seen \(services.text(0, &random))",
            day.line("hidserv-v3-stats-end"), "hidserv-rend-v3-relayed-cells \(cells.text(count, &random))",
            "hidserv-dir-v3-onions-seen \(services.text(seen, &random))",
        ]
    }
}
