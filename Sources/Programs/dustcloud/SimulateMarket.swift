internal import ArgumentParser
internal import Ambience
internal import Coordination
internal import Exchange
internal import Foundation

struct SimulateMarket: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "market",
        abstract: "Simulate a week of the mote exchange with and without its growth throttle.",
        discussion: """
            Users come and go, owners want to run motes, and the throttle decides how many may. Every circuit of every active user is \
            drawn mote by mote. Prints how alone messages would be in their motes; --out writes each slice of 15 minutes to CSV files \
            and plots to SVG files. Repeatable from its seed. Calculates only.
            """)

    @Option(help: ArgumentHelp("Users at the end of the week, 100 to 1000000.", valueName: "number")) var users = 10_000
    @Option(help: ArgumentHelp("Motes taken for hostile.", valueName: "number")) var hostile = 100
    @Option(help: ArgumentHelp("Where randomness begins.", valueName: "number")) var seed: UInt64 = 1
    @Option(help: ArgumentHelp("Folder for CSV and SVG files; it is made.", valueName: "folder"), completion: .directory) var out: String?
    @Flag(help: ArgumentHelp("Measure the first slice of each day message by message too, and the worst one; for 10000 users at most.")) var messages = false
    @Flag(help: "Print JSON.") var json = false

    private static let usersRange = 100...1_000_000
    private static let hostileRange = 0...100_000
    private static let measuredUsers = 10_000

    func validate() throws {
        guard Self.usersRange.contains(users) else { throw ValidationError("--users must be \(Self.usersRange.lowerBound) to \(Self.usersRange.upperBound)") }
        guard !messages || users <= Self.measuredUsers else { throw ValidationError("--messages is for \(Self.measuredUsers) users at most") }
        guard Self.hostileRange.contains(hostile) else { throw ValidationError("--hostile must be \(Self.hostileRange.lowerBound) to \(Self.hostileRange.upperBound)") }
    }

    func run() throws {
        var settings = MarketSimulation.Settings()
        (settings.users, settings.hostile, settings.seed) = (Double(users), Double(hostile), seed)
        if let out { try folder(out) }
        var runs: [MarketRun] = []
        for law in MarketSimulation.Law.allCases {
            let run = self.run(settings, law)
            runs.append(run)
            if let out { try write(run.csv, to: "\(out)/\(law.rawValue).csv") }
        }
        if let out { for plot in MarketPlots.all { try write(plot.svg(runs), to: "\(out)/\(plot.name).svg") } }
        if json { return try JSON.say(MarketReport(users: users, hostile: hostile, seed: seed, runs: runs.map(\.summary))) }
        Terminal.say(Self.table(runs.map(\.summary)).text)
        Terminal.say("\nmessages in a mote's pool: the floor is \(Throttle.Settings().floor). cover: the part of all messages that motes make up themselves.")
        if let out { Terminal.say("each slice: \(out)/*.csv, plots: \(out)/*.svg") }
        if messages { Terminal.say("\nmessage by message, with the law:\n\(measured(settings).text)") }
    }

    /// What the formulas say of some slices, beside what is measured in them.
    private func measured(_ settings: MarketSimulation.Settings) -> Table {
        var simulation = MarketSimulation(settings, law: .throttle), table = Table(["SLICE", "MOTES", "EMPTIEST POOLS", "BITS MEASURED", "BITS BY FORMULA", "COVER MEASURED", "COVER BY FORMULA"])
        while let row = simulation.next() {
            guard row.slice % Int(Slice.perDay) == 0 || row.slice == settings.slump.lowerBound else { continue }
            let result = PoolSimulation.run(circuits: simulation.circuits, .init(), seed: seed)
            let cover = result.messages > 0 ? Double(result.cover) / Double(result.messages) : 0
            table.add([
                "\(row.slice)", "\(Int(row.motes))", result.lowPool.text(2), result.measured.text(2), result.predicted.text(2), "\((cover * 100).text(1)) %", "\((row.coverShare * 100).text(1)) %",
            ])
        }
        return table
    }

    /// Says where it is every two seconds, on the error output, so that a table can be piped.
    private func run(_ settings: MarketSimulation.Settings, _ law: MarketSimulation.Law) -> MarketRun {
        var simulation = MarketSimulation(settings, law: law), rows: [MarketSimulation.Row] = []
        let start = SystemTime().now
        var told = start
        while let row = simulation.next() {
            rows.append(row)
            if SystemTime().now - told >= .seconds(2) {
                told = SystemTime().now
                Terminal.complain("\(law.rawValue): slice \(row.slice) of \(settings.slices)")
            }
        }
        return MarketRun(law: law, rows: rows)
    }

    private func folder(_ path: String) throws {
        do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
            throw CoordinationError(.unavailable, "cannot make the folder \(path): \(error.localizedDescription)")
        }
    }

    private func write(_ text: String, to path: String) throws {
        do { try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic) } catch {
            throw CoordinationError(.unavailable, "cannot write \(path): \(error.localizedDescription)")
        }
    }

    private static func table(_ summaries: [MarketRun.Summary]) -> Table {
        var table = Table(["LAW", "SLICES BELOW FLOOR", "LOWEST POOL", "MEDIAN POOL", "MOST MOTES", "COVER", "WORST COVER", "ENTROPY", "GUESS AT END", "WAIT", "WAIT P95"])
        for run in summaries {
            table.add([
                run.law, "\(run.slicesBelowFloor) of \(run.slices)", run.lowestPool.text(2), run.medianPool.text(2), "\(Int(run.mostMotes))", "\((run.coverShare * 100).text(1)) %",
                "\((run.worstCoverShare * 100).text(1)) %", "\(run.entropyBits.text(2)) bits", run.guessAtEnd.text(significant: 2), "\(run.meanWaitSlices.text(1)) slices",
                "\(run.highWaitSlices.text(0))",
            ])
        }
        return table
    }
}

struct MarketReport: Encodable {
    let users: Int
    let hostile: Int
    let seed: UInt64
    let runs: [MarketRun.Summary]
}
