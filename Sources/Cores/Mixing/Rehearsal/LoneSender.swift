internal import Ambience

/// A network with one user who sends a letter, or does not. Somebody sees every packet on every link, and when, and knows when the letter would
/// have been handed in and whom it would be for. What can be seen is boiled down to figures; how well the best of them tells the two apart is asked.
package struct LoneSender {
    package enum Cover: String, Sendable, CaseIterable {
        /// Packets are sent when there is a letter.
        case none
        /// Gateways send cover all the time, and letters besides.
        case besides
        /// Letters take the place of cover: what this program does.
        case instead
    }

    package struct Settings: Sendable {
        package var gateways = 3
        package var width = 3
        package var packetsPerGatewayAndHour = 20.0
        package var meanDelaySeconds = 300.0
        package var hours = 3.0
        /// Data shares of the letter.
        package var shares = 2
        /// Histories with a letter, and as many without.
        package var runs = 10_000
        package var seed: UInt64 = 1

        package init() {}
    }

    /// How well each figure tells who sends from who is silent.
    package struct Result: Sendable {
        package struct Area: Sendable {
            package let figure: String
            /// Under the curve of right alarms over false ones: 0.5 tells nothing, 1 or 0 everything.
            package let value: Double
        }

        package let cover: Cover
        package let areas: [Area]
        package var lowest: Double { areas.map(\.value).min() ?? 0.5 }
        package var highest: Double { areas.map(\.value).max() ?? 0.5 }
    }

    /// A packet on its way, as it is seen: when it went from where to which mote, and when it came to which gateway.
    struct Seen: Hashable {
        let sent: MixTime
        let from: Int
        let first: MixID
        let arrived: MixTime
        let to: Int
    }

    private let settings: Settings
    private let map: MixMap
    private var random: SeededRandom

    package init(_ settings: Settings) {
        self.settings = settings
        random = SeededRandom(seed: settings.seed)
        map = RehearsedMotes.map(layers: 3, width: settings.width, gateways: settings.gateways)
    }

    package mutating func run(_ cover: Cover) -> Result {
        var (silent, sending) = ([[Double]](), [[Double]]())
        for _ in 0..<settings.runs {
            silent.append(figures(history(cover, sends: false, seed: random.next())))
            sending.append(figures(history(cover, sends: true, seed: random.next())))
        }
        let areas = Self.names.enumerated().map { index, name in Result.Area(figure: name, value: Self.area(silent.map { $0[index] }, sending.map { $0[index] })) }
        return Result(cover: cover, areas: areas)
    }

    // MARK: What happens

    private var handedIn: MixTime { MixTime(milliseconds: UInt64(settings.hours * 3_600_000 / 3)) }

    /// Gateway 0 sends, or not, to gateway 1.
    func history(_ cover: Cover, sends: Bool, seed: UInt64) -> [Seen] {
        var (seeds, seen) = (SeededRandom(seed: seed), [Seen]())
        for gateway in 0..<settings.gateways {
            var (random, letters) = (SeededRandom(seed: seeds.next()), SeededRandom(seed: seeds.next()))
            var schedule = SendingSchedule(
                map: map, packetsPerSecond: settings.packetsPerGatewayAndHour / 3600, delays: MixDelays(meanMilliseconds: settings.meanDelaySeconds * 1000), from: MixTime(milliseconds: 0))
            let letter = sends && gateway == 0 ? self.letter(&letters) : []
            if cover != .instead { seen += letter.compactMap { _ in atOnce(schedule, &letters) } }
            if cover != .none { seen += slots(&schedule, gateway, letter: cover == .instead ? letter : [], &random) }
        }
        return seen
    }

    private func letter(_ random: inout SeededRandom) -> [Fragment] {
        let layout = SphinxLayout(payloadBytes: 64), bytes = (0..<settings.shares * Fragment.shareBytes(layout)).map { _ in UInt8.random(in: 0...255, using: &random) }
        return Fragment.cut(bytes, layout) { Fragment.parity(data: $0, motesPerLayer: settings.width) } ?? []
    }

    private func atOnce(_ schedule: SendingSchedule, _ random: inout SeededRandom) -> Seen? {
        schedule.route(to: map.gateways[1], at: handedIn, &random).map { seen(SendingSlot(at: handedIn, gateway: map.gateways[1], route: $0), from: 0) }
    }

    private func slots(_ schedule: inout SendingSchedule, _ gateway: Int, letter: [Fragment], _ random: inout SeededRandom) -> [Seen] {
        var (outbox, seen, isIn) = (Outbox(own: map.gateways[gateway].id, layout: SphinxLayout(payloadBytes: 64)), [Seen](), false)
        let end = MixTime(milliseconds: UInt64(settings.hours * 3_600_000))
        while let slot = schedule.next(&random), slot.at < end {
            if slot.at >= handedIn, !isIn { isIn = outbox.add(letter, to: map.gateways[1].id, at: map.gateways[1].id) }
            _ = outbox.take(slot)
            seen.append(self.seen(slot, from: gateway))
        }
        return seen
    }

    private func seen(_ slot: SendingSlot, from: Int) -> Seen {
        let arrived = slot.at + slot.route.reduce(0) { $0 + UInt64($1.delayMilliseconds) }
        return Seen(sent: slot.at, from: from, first: slot.route[0].id, arrived: arrived, to: map.gateways.firstIndex { $0.id == slot.gateway.id } ?? 0)
    }

    // MARK: What is made of it

    private static let names = ["packets sent", "most in a minute", "sent less come back", "arrivals at the recipient", "from sender to recipient", "first one after"]
    private static let window: UInt64 = 3_600_000

    private func figures(_ seen: [Seen]) -> [Double] {
        let after = seen.filter { $0.sent >= handedIn && $0.sent - handedIn < Self.window }
        let sent = after.filter { $0.from == 0 }.map(\.sent).sorted()
        let arrived = seen.filter { $0.arrived >= handedIn && $0.arrived - handedIn < Self.window }
        // Nobody can see which packet arrives: what is weighed is how many arrivals follow what the sender sent.
        let following = arrived.filter { $0.to == 1 }.reduce(0.0) { sum, packet in sum + Double(sent.count { packet.arrived >= $0 && packet.arrived - $0 < Self.window / 3 }) }
        return [
            Double(sent.count), Double(densest(sent)), Double(sent.count - arrived.count { $0.to == 0 }), Double(arrived.count { $0.to == 1 }), following,
            -Double(sent.first.map { $0 - handedIn } ?? Self.window),
        ]
    }

    private func densest(_ times: [MixTime]) -> Int {
        var (most, start) = (0, 0)
        for end in times.indices {
            while times[end] - times[start] >= 60_000 { start += 1 }
            most = max(most, end - start + 1)
        }
        return most
    }

    /// How likely a figure of the second kind is above one of the first; equal ones count half (Mann and Whitney's statistic).
    static func area(_ low: [Double], _ high: [Double]) -> Double {
        let all = (low.map { ($0, false) } + high.map { ($0, true) }).sorted { $0.0 < $1.0 }
        var (ranks, index) = (0.0, 0)
        while index < all.count {
            let equal = all[index...].prefix { $0.0 == all[index].0 }
            ranks += Double(equal.count { $0.1 }) * (Double(index + 1) + Double(equal.count - 1) / 2)
            index += equal.count
        }
        let highs = Double(high.count)
        return (ranks - highs * (highs + 1) / 2) / (highs * Double(low.count))
    }
}
