import Ambience
import CloudCalls
import Foundation

/// A provider that lives in the test: it takes the bytes that a driver would send and answers with the bytes that the provider would, when it feels like it.
struct CloudDouble {
    struct Weather {
        /// Per call.
        var unsent = 0.0, lostBefore = 0.0, lostAfter = 0.0, garbled = 0.0, brokenBefore = 0.0, brokenAfter = 0.0, throttled = 0.0, noCapacity = 0.0
        /// Per create: the provider says yes and makes nothing.
        var emptyPromise = 0.0
        /// Per end: the provider says yes and does nothing.
        var deafToEnd = 0.0
        /// A machine is listed after as many seconds at most.
        var longestHiddenSeconds: Int64 = 0
        /// Per call: it is heard, and nothing comes back for as long as a call may take.
        var stalled = 0.0
        /// Per create, where a yes is a promise: the machine is listed as broken.
        var broken = 0.0
        /// Per list: what was there a minute ago.
        var staleList = 0.0

        static let calm = Weather()
        static let storm = Weather(
            unsent: 0.05, lostBefore: 0.08, lostAfter: 0.15, garbled: 0.08, brokenBefore: 0.05, brokenAfter: 0.08, throttled: 0.1, noCapacity: 0.05,
            emptyPromise: 0.02, deafToEnd: 0.2, longestHiddenSeconds: 200, stalled: 0.01, broken: 0.05, staleList: 0.05)
    }

    struct Rented {
        let id: String
        let name: String
        let place: String
        /// As the provider keeps them.
        var tags: [String]
        let made: WallTime
        let listedFrom: WallTime
        var ended: WallTime?
        var isBroken = false
        var isSpot = false
        /// When its provider said that it will take it.
        var noticed: WallTime?
    }

    enum Refusal { case throttled, quota, capacity, credentials, nameTaken, tokenSpent, tokenMismatch, notFound, malformed }

    let dialect: any Dialect
    var weather: Weather
    var now: WallTime
    var random: SeededRandom
    var quota = Int.max
    var areCredentialsGood = true
    /// Passes given out before then are good for nothing.
    var passesSince = WallTime(secondsSinceEpoch: 0)
    /// Calls in a minute, if they are counted; what is over is refused.
    var callsPerMinute: Int?
    private(set) var refusedCalls = 0
    /// Where the account may do nothing.
    var closedPlaces: Set<String> = []
    private var minute: (begun: WallTime, calls: Int)?
    /// How many machines one page has.
    let pageSize = 3

    private(set) var machines: [Rented] = []
    private(set) var calls: [String: Int] = [:]
    private var tokens: [String: (parameters: String, id: String)] = [:]

    init(_ dialect: any Dialect, weather: Weather = .calm, seed: UInt64 = 0, now: WallTime = WallTime(secondsSinceEpoch: 1_800_000_000)) {
        (self.dialect, self.weather, self.now) = (dialect, weather, now)
        random = SeededRandom(seed: seed)
    }

    var alive: [Rented] { machines.filter { $0.ended == nil } }

    /// What the account owes, in ten-thousandths of the currency's unit: metered second by second, as the provider says that it does.
    var bill: Int64 { machines.reduce(0) { $0 + dialect.meter.charge(from: $1.made, to: $1.ended ?? now) } }

    /// The provider wants this machine back in two minutes.
    mutating func interrupt(_ id: String) {
        if let index = machines.firstIndex(where: { $0.id == id }), machines[index].noticed == nil { machines[index].noticed = now }
    }

    /// Somebody takes a machine's tags away.
    mutating func strip(_ id: String) {
        guard let index = machines.firstIndex(where: { $0.id == id }) else { return }
        machines[index].tags = []
    }

    private mutating func takeBack() {
        for index in machines.indices where machines[index].ended == nil {
            if let noticed = machines[index].noticed, now - noticed >= 120 { machines[index].ended = now }
        }
    }

    /// Somebody else's machine, or one that nobody remembers having ordered.
    mutating func plant(name: String, place: String, tags: [String]) -> String { make(name: name, place: place, tags: tags) }

    mutating func handle(_ request: CloudRequest) -> Reply {
        if chance(weather.unsent) { return .unsent("no route") }
        if chance(weather.lostBefore) { return .lost("timed out") }
        if chance(weather.brokenBefore) { return .answer(CloudAnswer(status: 502, body: Array("<html>Bad Gateway</html>".utf8))) }
        let answer = act(request)
        if chance(weather.stalled) {
            now = now + Rental.callLimitSeconds
            return .lost("timed out")
        }
        if chance(weather.lostAfter) { return .lost("connection reset") }
        if chance(weather.brokenAfter) { return .answer(CloudAnswer(status: 500)) }
        if chance(weather.garbled) { return .answer(CloudAnswer(status: answer.status, headers: answer.headers, body: Array(answer.body.dropLast(answer.body.count / 3 + 1)))) }
        return .answer(answer)
    }

    private mutating func act(_ request: CloudRequest) -> CloudAnswer {
        takeBack()
        var answer = decide(request)
        if let callsPerMinute, let minute {
            // The reset is a time, as Hetzner has it.
            answer.headers["ratelimit-limit"] = "\(callsPerMinute)"
            answer.headers["ratelimit-remaining"] = "\(max(0, callsPerMinute - minute.calls))"
            answer.headers["ratelimit-reset"] = "\((minute.begun + 60).secondsSinceEpoch)"
        }
        answer.headers["date"] = now.httpDate
        return answer
    }

    private mutating func decide(_ request: CloudRequest) -> CloudAnswer {
        guard let wish = dialect.wish(request) else { return dialect.refusal(.malformed) }
        calls[wish.name, default: 0] += 1
        guard isWithinRate() else {
            refusedCalls += 1
            return dialect.refusal(.throttled)
        }
        if case .signIn(let isRight) = wish { return isRight && areCredentialsGood ? dialect.signedIn(at: now, FleetRun.places) : dialect.refusal(.credentials) }
        if case .fixed(let answer) = wish { return answer }
        guard areCredentialsGood, dialect.isAuthorized(request, at: now), dialect.passTime(request).map({ $0 >= passesSince }) ?? true else {
            return dialect.refusal(.credentials)
        }
        if let place = wish.place, closedPlaces.contains(place) { return dialect.refusal(.credentials) }
        if chance(weather.throttled) { return dialect.refusal(.throttled) }
        return switch wish {
        case .create(let order): create(order)
        case .list(let filter): list(filter)
        case .end(let id): end(id)
        case .survey: dialect.surveyed(FleetRun.places)
        case .notices(let place): dialect.noticed(alive.filter { $0.place == place && $0.noticed != nil })
        case .signIn, .fixed: dialect.refusal(.malformed)
        }
    }

    private mutating func isWithinRate() -> Bool {
        guard let callsPerMinute else { return true }
        if minute.map({ now - $0.begun >= 60 }) ?? true { minute = (now, 0) }
        minute?.calls += 1
        return minute?.calls ?? 0 <= callsPerMinute
    }

    private mutating func create(_ order: Dialect.Order) -> CloudAnswer {
        if let token = order.token, let known = tokens[token] {
            guard known.parameters == order.parameters else { return dialect.refusal(.tokenMismatch) }
            guard let machine = machines.first(where: { $0.id == known.id }), machine.ended == nil else { return dialect.refusal(.tokenSpent) }
            return dialect.created(machine, at: now)
        }
        if dialect.areNamesUnique, alive.contains(where: { $0.name == order.name }) { return dialect.refusal(.nameTaken) }
        if alive.count >= quota { return dialect.refusal(.quota) }
        if chance(weather.noCapacity) { return dialect.refusal(.capacity) }
        if dialect.promises, chance(weather.emptyPromise) {
            return dialect.created(
                Rented(id: dialect.id(900_000 + machines.count), name: order.name, place: order.place, tags: order.tags, made: now, listedFrom: now),
                at: now)
        }
        let id = make(name: order.name, place: order.place, tags: order.tags)
        machines[machines.count - 1].isSpot = order.isSpot
        machines[machines.count - 1].isBroken = dialect.promises && chance(weather.broken)
        if let token = order.token { tokens[token] = (order.parameters, id) }
        return dialect.created(machines[machines.count - 1], at: now)
    }

    private mutating func make(name: String, place: String, tags: [String]) -> String {
        let hidden = weather.longestHiddenSeconds > 0 ? Int64.random(in: 0...weather.longestHiddenSeconds, using: &random) : 0
        machines.append(Rented(id: nextID, name: name, place: place, tags: tags, made: now, listedFrom: now + hidden))
        return machines[machines.count - 1].id
    }

    private var nextID: String { dialect.id(machines.count + 1) }

    private mutating func list(_ filter: Filter) -> CloudAnswer {
        let time = chance(weather.staleList) ? now - 60 : now
        let seen = machines.filter { machine in
            machine.listedFrom <= time && (filter.place == nil || machine.place == filter.place) && (filter.name == nil || machine.name == filter.name)
                && (filter.fleet.map { machine.tags.contains("mote-fleet:\($0)") } ?? true)
                && (machine.ended.map { $0 > time || dialect.showsEnded && now - $0 < 3600 } ?? true)
        }
        let mark = filter.after.map { id in (seen.firstIndex { $0.id == id } ?? seen.count - 1) + 1 } ?? filter.mark
        let page = Array(seen.dropFirst(mark).prefix(pageSize))
        return dialect.listed(page, next: mark + page.count < seen.count ? mark + page.count : nil, pageSize: pageSize)
    }

    private mutating func end(_ id: String) -> CloudAnswer {
        guard let index = machines.firstIndex(where: { $0.id == id }), machines[index].ended == nil || dialect.showsEnded else { return dialect.refusal(.notFound) }
        if !chance(weather.deafToEnd) { machines[index].ended = machines[index].ended ?? now }
        return dialect.ended(machines[index])
    }

    private mutating func chance(_ share: Double) -> Bool { share > 0 && Double.random(in: 0..<1, using: &random) < share }
}

/// What a provider's API looks like from behind the counter. Written from the providers' references, apart from the drivers.
protocol Dialect: Sendable {
    typealias Order = DoubleOrder
    /// Whether a second machine of one name is refused.
    var areNamesUnique: Bool { get }
    /// Whether a yes to a create is only a promise.
    var promises: Bool { get }
    /// Whether ended machines are listed for a while.
    var showsEnded: Bool { get }
    func id(_ number: Int) -> String
    func isAuthorized(_ request: CloudRequest, at now: WallTime) -> Bool
    func wish(_ request: CloudRequest) -> Wish?
    func created(_ machine: CloudDouble.Rented, at now: WallTime) -> CloudAnswer
    func listed(_ machines: [CloudDouble.Rented], next: Int?, pageSize: Int) -> CloudAnswer
    func ended(_ machine: CloudDouble.Rented) -> CloudAnswer
    func surveyed(_ places: [String]) -> CloudAnswer
    func noticed(_ machines: [CloudDouble.Rented]) -> CloudAnswer
    func signedIn(at now: WallTime, _ places: [String]) -> CloudAnswer
    /// When the pass that a request shows was given out.
    func passTime(_ request: CloudRequest) -> WallTime?
    var meter: Meter { get }
    func refusal(_ refusal: CloudDouble.Refusal) -> CloudAnswer
}

struct DoubleOrder {
    var name, place: String
    var tags: [String]
    var token: String?
    var isSpot = false
    /// What must be equal for a token to be answered again.
    var parameters = ""
}

enum Wish {
    case create(DoubleOrder)
    case list(Filter)
    case end(String)
    case survey
    case notices(place: String)
    case signIn(isRight: Bool)
    /// What everybody may ask.
    case fixed(CloudAnswer)

    var place: String? {
        switch self {
        case .create(let order): order.place
        case .list(let filter): filter.place
        case .notices(let place): place
        case .end, .survey, .signIn, .fixed: nil
        }
    }

    var name: String {
        switch self {
        case .create: "create"
        case .list: "list"
        case .end: "end"
        case .survey: "survey"
        case .notices: "notices"
        case .signIn: "signIn"
        case .fixed: "fixed"
        }
    }
}

struct Filter {
    var fleet: String?
    var name: String?
    var place: String?
    /// How many to pass over, or after which machine to begin.
    var mark = 0
    var after: String?
}

/// How a provider counts time and money, in ten-thousandths of the currency's unit. Apart from `Prices`, and in another way: grain by grain.
struct Meter {
    let perGrain: Int64
    let grainSeconds: Int64
    var leastSeconds: Int64 = 0
    var least: Int64 = 0

    func charge(from made: WallTime, to ended: WallTime) -> Int64 {
        var total: Int64 = 0, time = made
        while time < ended || time < made + leastSeconds || time == made { (total, time) = (total + perGrain, time + grainSeconds) }
        return max(total, least)
    }
}
