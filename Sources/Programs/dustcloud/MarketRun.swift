internal import Exchange
internal import Foundation

/// What one law came to in a simulated week.
struct MarketRun {
    let law: MarketSimulation.Law
    let rows: [MarketSimulation.Row]

    struct Summary: Encodable {
        let law: String
        let slices: Int
        let slicesBelowFloor: Int
        let lowestPool: Double
        let medianPool: Double
        let mostMotes: Double
        let coverShare: Double
        let worstCoverShare: Double
        let entropyBits: Double
        let guessAtEnd: Double
        let meanWaitSlices: Double
        let highWaitSlices: Double
        let inflationCost: Double
    }

    var summary: Summary {
        let floor = Throttle.Settings().floor, count = Double(rows.count)
        func mean(_ value: (MarketSimulation.Row) -> Double) -> Double { rows.reduce(0) { $0 + value($1) } / count }
        return Summary(
            law: law.rawValue, slices: rows.count, slicesBelowFloor: rows.count { $0.occupancyLowWithCover < floor },
            lowestPool: rows.map(\.occupancyLowWithCover).min() ?? 0, medianPool: rows.map(\.occupancyMedian).sorted()[rows.count / 2], mostMotes: rows.map(\.motes).max() ?? 0,
            coverShare: mean(\.coverShare), worstCoverShare: rows.map(\.coverShare).max() ?? 0, entropyBits: mean(\.entropy), guessAtEnd: rows.last?.guess ?? 0,
            meanWaitSlices: mean(\.wait), highWaitSlices: rows.map(\.waitHigh).sorted()[rows.count * 19 / 20], inflationCost: rows.reduce(0) { $0 + $1.inflationCost })
    }

    private static let columns: [(String, @Sendable (MarketSimulation.Row) -> String)] = [
        ("slice", { "\($0.slice)" }), ("users", { "\(Int($0.users))" }), ("active", { "\(Int($0.active))" }), ("motes", { "\(Int($0.motes))" }),
        ("target", { $0.target.text(1) }), ("class", { "\($0.size)" }), ("permits_asked", { "\(Int($0.permitsAsked))" }), ("permits", { "\(Int($0.permits))" }),
        ("delay_seconds", { $0.delay.text(4) }), ("pool_mean", { $0.occupancy.text(3) }), ("pool_median", { $0.occupancyMedian.text(3) }),
        ("pool_p5", { $0.occupancyLow.text(3) }), ("pool_p5_with_cover", { $0.occupancyLowWithCover.text(3) }), ("cover_share", { $0.coverShare.text(4) }),
        ("entropy_bits", { $0.entropy.text(3) }), ("guess", { $0.guess.text(significant: 3) }), ("load", { $0.load.text(3) }), ("wait_slices", { $0.wait.text(2) }),
        ("wait_p95_slices", { $0.waitHigh.text(0) }), ("inflation_cost_smm", { $0.inflationCost.text(0) }),
    ]

    var csv: String {
        (["\(Self.columns.map(\.0).joined(separator: ","))"] + rows.map { row in Self.columns.map { $0.1(row) }.joined(separator: ",") }).joined(separator: "\n") + "\n"
    }
}

extension Double {
    func text(_ decimals: Int) -> String { String(format: "%.\(decimals)f", self) }
    func text(significant digits: Int) -> String { String(format: "%.\(digits - 1)e", self) }
}

/// What is plotted of a simulated week, each law a line.
struct MarketPlots: Sendable {
    let name: String
    let title: String
    let isLogarithmic: Bool
    let value: @Sendable (MarketSimulation.Row) -> Double

    static let all = [
        MarketPlots(name: "pool", title: "messages in the emptiest motes' pools (5th percentile, cover included)", isLogarithmic: true, value: { $0.occupancyLowWithCover }),
        MarketPlots(name: "entropy", title: "bits that a hop adds", isLogarithmic: false, value: { $0.entropy }),
        MarketPlots(name: "guess", title: "probability of guessing a message's sender", isLogarithmic: true, value: { $0.guess }),
        MarketPlots(name: "motes", title: "motes", isLogarithmic: true, value: { $0.motes }),
        MarketPlots(name: "wait", title: "slices that those with a permit had waited", isLogarithmic: false, value: { $0.wait }),
        MarketPlots(name: "cover", title: "part of all messages that is cover", isLogarithmic: false, value: { $0.coverShare }),
    ]

    private static let size = (width: 900.0, height: 420.0, left: 70.0, top: 40.0, right: 20.0, bottom: 60.0)
    private static let colors = ["#b3362b", "#c98a1b", "#1f6fb2", "#3c8c4a"]
    private static let smallest = 1e-9

    func svg(_ runs: [MarketRun]) -> String {
        let (size, scale) = (Self.size, { (value: Double) in isLogarithmic ? log10(max(value, Self.smallest)) : value })
        let values = runs.flatMap { $0.rows.map { scale(value($0)) } }.filter(\.isFinite)
        let low = isLogarithmic ? (values.min() ?? 0).rounded(.down) : 0, high = max(values.max() ?? 1, low + 1e-6) * (isLogarithmic ? 1 : 1.05)
        let top = isLogarithmic ? max(high.rounded(.up), low + 1) : high, slices = Double(max(runs.map(\.rows.count).max() ?? 1, 2) - 1)
        func x(_ slice: Double) -> Double { size.left + slice / slices * (size.width - size.left - size.right) }
        func y(_ scaled: Double) -> Double { size.height - size.bottom - (scaled - low) / (top - low) * (size.height - size.top - size.bottom) }
        var parts = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Int(size.width)) \(Int(size.height))\" font-family=\"sans-serif\" font-size=\"12\">",
            "<rect width=\"100%\" height=\"100%\" fill=\"white\"/><text x=\"\(size.left)\" y=\"22\" font-size=\"15\">\(title)</text>",
        ]
        parts += ticks(low, top).map { tick in
            let label = isLogarithmic ? "1e\(Int(tick))" : tick.text(2)
            return "<line x1=\"\(size.left)\" x2=\"\(size.width - size.right)\" y1=\"\(y(tick).text(1))\" y2=\"\(y(tick).text(1))\" stroke=\"#ddd\"/>"
                + "<text x=\"\(size.left - 8)\" y=\"\((y(tick) + 4).text(1))\" text-anchor=\"end\">\(label)</text>"
        }
        parts += stride(from: 0.0, through: slices, by: Double(Slice.perDay)).map {
            "<text x=\"\(x($0).text(1))\" y=\"\(size.height - size.bottom + 18)\" text-anchor=\"middle\">day \(Int($0) / Int(Slice.perDay))</text>"
        }
        for (index, run) in runs.enumerated() {
            let points = run.rows.enumerated().map { "\(x(Double($0)).text(1)),\(y(scale(value($1))).text(1))" }.joined(separator: " ")
            let color = Self.colors[index % Self.colors.count]
            parts.append("<polyline fill=\"none\" stroke=\"\(color)\" stroke-width=\"1.4\" points=\"\(points)\"/>")
            parts.append("<text x=\"\(size.left + Double(index) * 130)\" y=\"\(size.height - 14)\" fill=\"\(color)\">\(run.law.rawValue)</text>")
        }
        return (parts + ["</svg>"]).joined(separator: "\n") + "\n"
    }

    private func ticks(_ low: Double, _ top: Double) -> [Double] {
        isLogarithmic ? Array(stride(from: low, through: top, by: 1)) : (0...5).map { low + (top - low) * Double($0) / 5 }
    }
}
