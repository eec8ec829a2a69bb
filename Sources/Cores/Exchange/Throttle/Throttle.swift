internal import Glibc

/// The growth throttle: how many permits to list a mote there are for a slice. A pure function of what was published, so anybody can check it.
///
/// If motes grow with users, no number of users ever makes them less alone: each mote always has as many. So motes are limited by measured
/// traffic. Service sets the floor, mixing the ceiling, and between them is the width at which guessing is hardest. It grows by a tenth a
/// slice at most and shrinks as permits run out; motes are never ended. Where a mote is too empty meanwhile, it sends cover itself.
package struct Throttle: Sendable {
    package struct Settings: Sendable {
        /// Messages in a mote's pool that are aimed at, and that cover makes up to.
        package var aim = 8.0
        package var floor = 5.0
        package var growth = 0.10
        /// Slices that a permit lasts.
        package var lifetime = 4
        /// What the smoothed measure is at most, of the median: the smoothing of what has ended would keep motes for slices on end.
        package var overhang = 1.25
        /// Of the way to the target that is made up per slice.
        package var gain = 0.5
        /// Mean delay in a mote in seconds, and the longest that it is raised to.
        package var delay = 0.05
        package var longestDelay = 0.2
        package var groups = 3.0
        /// Motes taken for hostile: as many as somebody can pay for. A part of all motes would be the same at every width and so say nothing
        /// about the best one; taken of the motes there are, it would call every width too narrow, up to the ceiling.
        package var hostile = 100.0
        /// Whether the ceiling is the best width, or only the mixing's.
        package var seeksBest = true

        package init() {}
    }

    /// What is published of a slice.
    package struct Inputs: Sendable {
        /// Messages per second, inferred from deposited tokens, and as the witnesses' probes estimate them.
        package var paid: Double
        package var probed: Double
        package var live: Double
        /// Permits that end with this slice.
        package var expiring: Double
        /// Users who were active, and shares that they took.
        package var users: Double
        package var shares: Double
        /// Motes that people want to run.
        package var wanted: Double
        /// Of each mote's occupancy the twentieth part that is emptiest.
        package var lowOccupancy: Double

        package init(paid: Double, probed: Double, live: Double, expiring: Double, users: Double, shares: Double, wanted: Double, lowOccupancy: Double) {
            (self.paid, self.probed, self.live, self.expiring) = (paid, probed, live, expiring)
            (self.users, self.shares, self.wanted, self.lowOccupancy) = (users, shares, wanted, lowOccupancy)
        }
    }

    package struct Decision: Sendable {
        package let permits: Double
        package let target: Double
        package let size: MoteClass
        package let delay: Double
        /// What it reckons with.
        package let messages: Double
    }

    package let settings: Settings
    private var recent: [Double] = []
    private var smooth: Double?
    private var emptySlices = 0
    package private(set) var delay: Double

    package init(_ settings: Settings) {
        self.settings = settings
        delay = settings.delay
    }

    package mutating func decide(_ inputs: Inputs) -> Decision {
        let messages = measure(min(inputs.paid, inputs.probed))
        emptySlices = inputs.lowOccupancy < settings.floor ? emptySlices + 1 : 0
        let hops = Double(GuessModel.hops)
        let mixing = (messages * settings.delay * hops / settings.aim).rounded(.down)
        let ceiling = settings.seeksBest ? min(mixing, best(messages, inputs)) : mixing
        let (size, service) = self.size(under: ceiling, inputs)
        adjustDelay(service > messages * delay * hops / settings.aim)
        let target = max(min(ceiling, inputs.wanted), service, 3 * settings.groups)
        let room = emptySlices >= 2 && inputs.live >= service ? 0 : settings.growth * inputs.live + 2
        let permits = min(max(inputs.expiring + settings.gain * (target - inputs.live), 0), inputs.expiring + room)
        return Decision(permits: permits.rounded(), target: target, size: size, delay: delay, messages: messages)
    }

    /// One slice's burst or gap moves nothing: the median of three, smoothed, and never far above it.
    private mutating func measure(_ messages: Double) -> Double {
        recent = (recent + [messages]).suffix(3)
        let median = recent.sorted()[recent.count / 2]
        let next = smooth.map { min(0.5 * $0 + 0.5 * median, settings.overhang * median) } ?? median
        smooth = next
        return next
    }

    private func best(_ messages: Double, _ inputs: Inputs) -> Double {
        let model = GuessModel(users: inputs.users, messages: messages, delay: settings.delay, hostile: settings.hostile)
        return model.best(upTo: max(inputs.wanted, inputs.live)) ?? .infinity
    }

    /// The smallest motes with which service fits under the ceiling, else the largest that there are.
    private func size(under ceiling: Double, _ inputs: Inputs) -> (MoteClass, Double) {
        func needed(_ size: MoteClass) -> Double { (inputs.shares / (Double(size.shares) * size.load)).rounded(.up) }
        let size = MoteClass.allCases.first { needed($0) <= ceiling } ?? .large
        return (size, needed(size))
    }

    /// Rather than turn users away, messages wait longer.
    private mutating func adjustDelay(_ isTooWide: Bool) {
        delay = isTooWide ? min(delay * 1.1, settings.longestDelay) : max(delay / 1.1, settings.delay)
    }
}
