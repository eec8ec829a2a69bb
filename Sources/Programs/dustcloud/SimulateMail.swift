internal import ArgumentParser
internal import Ambience
internal import Coordination
internal import Foundation
internal import Mixing

struct SimulateMail: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mail",
        abstract: "Simulate how well letters hide in a mix of motes, and what becomes of them there.",
        discussion: """
            Three parts. One: somebody sees every link of a mix that many people use; into how many does a letter blend? In bits, beside what \
            the formula says. Two: one user alone, who writes or is silent; how well can that be told, with cover and without? 0.5 is a \
            guess, 1 is certainty. Three: real packets among motes that rotate, are killed, hand over, are lost and drop packets; does every letter \
            come, once? Repeatable from its seed. Calculates only.
            """)

    @Option(help: ArgumentHelp("Users at most, 100 to 1000000.", valueName: "number")) var users = 100_000
    @Option(name: .customLong("letters-per-day"), help: ArgumentHelp("Letters that each of them sends a day, 0.01 to 100.", valueName: "number")) var lettersPerDay = 1.0
    @Option(name: .customLong("delay-minutes"), help: ArgumentHelp("How long a mote holds a packet on average, 1 to 600.", valueName: "number")) var delayMinutes = 30.0
    @Option(name: .customLong("floor-bits"), help: ArgumentHelp("Bits that cover alone must give, 4 to 16.", valueName: "number")) var floorBits = 8.0
    @Option(help: ArgumentHelp("Motes in each of the three layers, 2 to 20.", valueName: "number")) var width = 5
    @Option(help: ArgumentHelp("Histories with a letter in the second part, and as many without, 1000 to 100000.", valueName: "number")) var runs = 10_000
    @Option(help: ArgumentHelp("Where randomness begins.", valueName: "number")) var seed: UInt64 = 1
    @Flag(help: "Print JSON.") var json = false

    private static let layers = 3
    /// Shares of a letter that fits into one: itself and what is spare.
    private var packetsPerLetter: Double { Double(1 + Fragment.parity(data: 1, motesPerLayer: width)) }

    func validate() throws {
        try require(100...1_000_000, users, "--users")
        try require(0.01...100, lettersPerDay, "--letters-per-day")
        try require(1...600, delayMinutes, "--delay-minutes")
        try require(4...16, floorBits, "--floor-bits")
        try require(2...20, width, "--width")
        try require(1000...100_000, runs, "--runs")
        guard rate(users) * delayMinutes * 60 <= 1_000_000 else {
            throw ValidationError("more than a million packets would be in each layer: take fewer --users, --letters-per-day or --delay-minutes")
        }
    }

    private func require<Value: Comparable>(_ range: ClosedRange<Value>, _ value: Value, _ name: String) throws {
        guard range.contains(value) else { throw ValidationError("\(name) must be \(range.lowerBound) to \(range.upperBound)") }
    }

    func run() throws {
        let crowds = [0, users / 1000, users / 10, users].map(crowd)
        let lone = loneSender()
        let rehearsal = try rehearse()
        if json { return try JSON.say(MailReport(crowds: crowds, loneSender: lone, rehearsal: rehearsal)) }
        Terminal.say(MailReport.table(crowds).text + "\n")
        Terminal.say(MailReport.table(lone).text + "\n")
        rehearsal.show()
    }

    // MARK: the parts

    private func floor() -> Double { MixEntropy.packetsPerSecond(forBits: floorBits, meanDelaySeconds: delayMinutes * 60, hops: Self.layers) }
    private func letters(_ users: Int) -> Double { Double(users) * lettersPerDay / 86_400 * packetsPerLetter }
    /// Twice what letters need, so that they find slots, and never less than the floor.
    private func rate(_ users: Int) -> Double { max(floor(), 2 * letters(users)) }

    private func crowd(_ users: Int) -> MailReport.Crowd {
        var settings = MixCrowd.Settings()
        (settings.packetsPerSecond, settings.meanDelaySeconds, settings.layers, settings.width, settings.seed) = (rate(users), delayMinutes * 60, Self.layers, width, seed)
        settings.rounds = max(1, min(8, Int(4000 / (rate(users) * delayMinutes * 60))))
        Terminal.complain("\(users) users: following letters through the mix")
        var crowd = MixCrowd(settings)
        let result = crowd.run(), formula = MixEntropy.bits(packetsPerSecond: rate(users), meanDelaySeconds: delayMinutes * 60, hops: Self.layers)
        return MailReport.Crowd(
            users: users, packetsPerSecond: rate(users), cover: 1 - letters(users) / rate(users), formulaBits: formula, simulatedBits: result.bits, guessBits: result.guessBits,
            letters: result.letters, packets: result.packets)
    }

    private func loneSender() -> [MailReport.Lone] {
        var settings = LoneSender.Settings()
        (settings.runs, settings.seed) = (runs, seed)
        var lone = LoneSender(settings)
        return LoneSender.Cover.allCases.map { cover in
            Terminal.complain("a lone sender, cover: \(cover.words): \(2 * runs) histories")
            let result = lone.run(cover)
            return MailReport.Lone(cover: cover.words, histories: 2 * runs, lowest: result.lowest, highest: result.highest, figures: result.areas.map { .init(figure: $0.figure, area: $0.value) })
        }
    }

    private func rehearse() throws -> MailReport.Rehearsed {
        var settings = MixRehearsal.Settings()
        settings.seed = seed
        var rehearsal = MixRehearsal(settings), told = SystemTime().now
        for hour in 1...settings.hours {
            _ = rehearsal.run(hours: hour)
            guard SystemTime().now - told >= .seconds(2) else { continue }
            told = SystemTime().now
            Terminal.complain("letters among motes: hour \(hour) of \(settings.hours)")
        }
        return MailReport.Rehearsed(rehearsal.report, hours: settings.hours)
    }
}

extension LoneSender.Cover {
    var words: String {
        switch self {
        case .none: "none"
        case .besides: "letters besides it"
        case .instead: "letters in its place"
        }
    }
}

struct MailReport: Encodable {
    struct Crowd: Encodable {
        let users: Int
        let packetsPerSecond, cover, formulaBits, simulatedBits, guessBits: Double
        let letters, packets: Int
    }

    struct Lone: Encodable {
        struct Figure: Encodable {
            let figure: String
            let area: Double
        }

        let cover: String
        let histories: Int
        let lowest, highest: Double
        let figures: [Figure]
    }

    let crowds: [Crowd]
    let loneSender: [Lone]
    let rehearsal: Rehearsed

    static func table(_ crowds: [Crowd]) -> Table {
        var table = Table(["USERS", "PACKETS PER S", "COVER", "BITS, FORMULA", "BITS, SIMULATED", "BEST GUESS", "LETTERS FOLLOWED", "AMONG PACKETS"])
        for crowd in crowds {
            table.add([
                "\(crowd.users)", crowd.packetsPerSecond.text(3), "\((crowd.cover * 100).text(0)) %", crowd.formulaBits.text(2), crowd.simulatedBits.text(2), "\(crowd.guessBits.text(2)) bits",
                "\(crowd.letters)", "\(crowd.packets)",
            ])
        }
        return table
    }

    static func table(_ rows: [Lone]) -> Table {
        var table = Table(["ONE USER ALONE, COVER"] + (rows.first?.figures.map { $0.figure.uppercased() } ?? []))
        for row in rows { table.add([row.cover] + row.figures.map { $0.area.text(3) }) }
        return table
    }
}

extension MailReport {
    struct Rehearsed: Encodable {
        let hours, letters, delivered, twice, answered, packets, coverPackets, motes, rotated, restarted, packetsHandedOver, packetsLost, packetsDropped: Int
        let replays, replaysRefused, wronglySuspected: Int
        let meanHours: Double
        let hoursToSuspect: Double?
        let faults: [String]

        init(_ report: MixRehearsal.Report, hours: Int) {
            self.hours = hours
            (letters, delivered, twice, answered, meanHours) = (report.letters, report.delivered, report.twice, report.answered, report.meanHours)
            (packets, coverPackets) = (report.packets, report.packets - report.letterPackets)
            (motes, rotated, restarted, packetsHandedOver) = (report.motes, report.rotated, report.restarted, report.handedOver)
            (packetsLost, packetsDropped, replays, replaysRefused) = (report.lostPackets, report.droppedPackets, report.replays, report.replaysRefused)
            (hoursToSuspect, wronglySuspected, faults) = (report.hoursToSuspect, report.wronglySuspected, report.faults)
        }

        func show() {
            Terminal.say("\(letters) letters in \(hours) hours: \(delivered) came intact, \(twice) twice, after \(meanHours.text(1)) hours on average; \(answered) answers came back")
            Terminal.say("\(packets) packets, \(coverPackets) of them cover, over \(motes) motes: \(rotated) rotated, \(restarted) killed and restarted, \(packetsHandedOver) packets handed over by those that ended")
            Terminal.say("one mote lost with all that was in it and one that dropped packets: \(packetsLost) and \(packetsDropped) packets gone; \(replays) packets sent again by somebody, \(replaysRefused) repetitions refused")
            let suspected = hoursToSuspect.map { "after \($0.text(1)) hours" } ?? "not yet"
            Terminal.say("loops showed the mote that dropped packets \(suspected); \(wronglySuspected) were suspected wrongly")
            for fault in faults { Terminal.complain(fault) }
        }
    }
}
