/// One figure of a published cost model, with how it comes about.
package struct Figure: Equatable, Sendable {
    package enum Unit: String, Sendable {
        case dollars
        case count
        case seconds
        /// How many times as much.
        case times
    }

    /// Short and lasting: what scripts look for.
    package let id: String
    package let what: String
    package let formula: String
    /// Before rounding.
    package let exact: Amount
    package let unit: Unit
    package let rounding: Amount.Rounding

    init(_ id: String, _ what: String, _ formula: String, _ exact: Amount, _ unit: Unit = .dollars, _ rounding: Amount.Rounding = .nearest) {
        (self.id, self.what, self.formula, self.exact, self.unit, self.rounding) = (id, what, formula, exact, unit, rounding)
    }

    /// As it is printed: dollars and seconds with two decimals, the rest whole.
    package var text: String {
        switch unit {
        case .dollars, .seconds: exact.text(decimals: 2, rounding)
        case .count: Amount(exact.whole).text(decimals: 0)
        case .times: exact.text(decimals: 0, rounding)
        }
    }
}

/// The figures that two published texts give for personal servers made of functions and of machines.
///
/// *Paper mode* reproduces what was printed, with the formula that gives it, right or wrong. *True mode* has one rule for all rows: storage,
/// transfer beyond what is free, one write per request, keys, everything by the whole month, rounded once, to the nearest.
package enum Figures {
    /// Personal services: what each stores, sends and how often it is called in a month.
    private struct Service {
        let id: String
        let name: String
        let storedGigabytes: Int64
        let calls: Int64
        let milliseconds: Int64
        let megabytes: Int64
        /// 2 GB leave each of them in a month.
        static let sent = Amount(2)

        static let chat = Service(id: "chat", name: "chat", storedGigabytes: 2, calls: 60_000, milliseconds: 500, megabytes: 128)
        static let email = Service(id: "email", name: "e-mail", storedGigabytes: 5, calls: 15_000, milliseconds: 500, megabytes: 128)
        static let file = Service(id: "file", name: "file transfer", storedGigabytes: 2, calls: 3_000, milliseconds: 2000, megabytes: 1024)
        static let sensors = Service(id: "iot", name: "home sensors", storedGigabytes: 1, calls: 3_000, milliseconds: 500, megabytes: 128)
        static let all = [chat, email, file, sensors]
    }

    private static let mailWrites: Int64 = 500 * 22
    private static let pollsInMonth: Int64 = 200 * 60 * 24 * 30

    // MARK: Paper mode

    package static var paper: [Figure] {
        let prices = Services.published
        return personal(prices) + functions(prices) + video(prices) + machines(prices) + polling(prices, isFreeCounted: false) + readings(prices) + parts(prices)
    }

    /// One object read, in the list of 2017.
    private static let get = Amount.exactly("0.0000004")

    /// Other ways to the figures whose own formula nobody printed: which one was meant cannot be told.
    private static func readings(_ prices: Services) -> [Figure] {
        let sensors = prices.storing(1) + prices.sending(Service.sent)
        let lines = [prices.storing(5), prices.writing(7500), get * 7500].map { $0.rounded(.up) }.reduce(.zero, +)
        let hours = [("0.0059", Int64(732)), ("0.0058", 744), ("0.006", 720)].map { price, hours in
            Figure("email-machine-\(hours)", "a mail machine's hours, a month", "\(price) × \(hours) h", (Amount(price) ?? .zero) * hours)
        }
        return [
            Figure("iot-nearest", "home sensors, rounded to the nearest", "1 GB × storage + (2−1) GB × transfer", sensors),
            Figure("iot-requests", "home sensors with requests", "the same + 1,500 writes + 1,500 reads", sensors + prices.writing(1500) + get * 1500),
            Figure("email-plain", "5 GB of e-mail without requests", "5 GB × storage", prices.storing(5)),
            Figure("email-lines", "e-mail, line by line", "5 GB × storage, 7,500 writes, 7,500 reads, each rounded up + (2−1) GB × transfer",
                lines + prices.sending(Service.sent)),
        ] + hours
    }

    /// What the figures are made of.
    private static func parts(_ prices: Services) -> [Figure] {
        [
            Figure("email-storage", "e-mail's storage and writes", "5 GB × storage + 500×22 writes", prices.storing(5) + prices.writing(mailWrites)),
            Figure("email-transfer", "e-mail's transfer", "(2−1) GB × transfer", prices.sending(Service.sent)),
            Figure("video-compute", "one call's machine", "a quarter of an hour", prices.mediumHour.times(1, over: 4)),
            Figure("video-transfer", "thirty calls' transfer", "1 GB × storage + (10−1) GB × transfer", prices.storing(1) + prices.sending(Amount(10))),
            Figure("poll-calls", "calls of the threat watch, a month", "200×60×24×30", Amount(pollsInMonth), .count),
            Figure("queue-polls", "polls of a month, as printed for 20 s", "730 h ÷ 3 s", Amount(730 * 3600).times(1, over: 3), .count),
        ] + Service.all.flatMap { service in
            [
                Figure("\(service.id)-calls", "\(service.name), calls of its function, a month", "30 days", Amount(service.calls), .count),
                Figure("\(service.id)-seconds", "\(service.name), gigabyte-seconds of its function, a month",
                    "\(service.calls) × \(service.milliseconds) ms × \(service.megabytes) MB",
                    Amount(service.calls).times(service.milliseconds * service.megabytes, over: 1000 * 1024), .seconds),
            ]
        }
    }

    private static func personal(_ prices: Services) -> [Figure] {
        func sum(_ service: Service) -> Amount { prices.storing(service.storedGigabytes) + prices.sending(Service.sent) }
        return [
            Figure("chat", "chat, a month", "2 GB × storage + (2−1) GB × transfer", sum(.chat)),
            Figure("file", "file transfer, a month", "2 GB × storage + (2−1) GB × transfer", sum(.file)),
            Figure("iot", "home sensors, a month", "1 GB × storage + (2−1) GB × transfer, rounded up", sum(.sensors), .dollars, .up),
            Figure("email", "e-mail, a month", "5 GB × storage + 500×22 writes + (2−1) GB × transfer", sum(.email) + prices.writing(mailWrites)),
        ]
    }

    private static func functions(_ prices: Services) -> [Figure] {
        func figure(_ service: Service, _ suffix: String, _ how: String, isFreeCounted: Bool) -> Figure {
            let amount = prices.calling(service.calls, milliseconds: service.milliseconds, megabytes: service.megabytes, isFreeCounted: isFreeCounted)
            return Figure("\(service.id)-\(suffix)", "\(service.name), its function", "\(service.calls) calls\(how)", amount)
        }
        return Service.all.map { figure($0, "function", ", what is free deducted", isFreeCounted: true) }
            + Service.all.map { figure($0, "function-list", " at list price", isFreeCounted: false) }
    }

    private static func video(_ prices: Services) -> [Figure] {
        let month = (prices.mediumHour.times(1, over: 4)).rounded(.nearest) + (prices.storing(1) + prices.sending(Amount(10))).rounded(.nearest)
        return [
            Figure("video", "video calls, a month", "one quarter of an hour of machine, rounded + (1 GB × storage + (10−1) GB × transfer), rounded", month),
            Figure("video-hour", "a video call, an hour", "the month ÷ 7.5 h", month.times(2, over: 15)),
        ]
    }

    private static func machines(_ prices: Services) -> [Figure] {
        let disk = prices.storing(5) + prices.writing(mailWrites)
        return [
            Figure("email-machine", "e-mail on a machine of its own, a month", "0.0059 × 732 h + storage, writes and transfer, line by line",
                (Amount.exactly("0.0059") * 732).rounded(.nearest) + disk.rounded(.nearest) + prices.sending(Service.sent)),
            Figure("free-mails", "mails a day within the free calls", "1,000,000 calls ÷ 30 days", Amount(prices.freeCalls).times(1, over: 30), .count),
        ]
    }

    /// Watching for threats: 200 polls a minute.
    private static func polling(_ prices: Services, isFreeCounted: Bool) -> [Figure] {
        func cost(_ seconds: Int64) -> Amount {
            prices.calling(pollsInMonth, milliseconds: seconds * 1000, megabytes: 256, isFreeCounted: isFreeCounted)
        }
        let pair = prices.largeHour * 2 * 720
        let free = isFreeCounted ? prices.gigabyteSecond * prices.freeGigabyteSeconds + prices.call * prices.freeCalls : .zero
        let perPoll = (pair + free).times(1, over: pollsInMonth) - prices.call
        let how = isFreeCounted ? ", what is free deducted" : ""
        return [
            Figure("polls", "threat watch by functions, a month", "200×60×24×30 calls of 1 s with 256 MB\(how)", cost(1)),
            Figure("polls-minute", "the same at 60 s a call", "200×60×24×30 calls of 60 s with 256 MB\(how)", cost(60)),
            Figure("polls-machines", "threat watch on two machines, a month", "2 machines × 720 h", pair),
            Figure("polls-even", "seconds per call at which both cost the same", "(machines ÷ calls − price of a call) ÷ (256 MB × price of a second)\(how)",
                perPoll / (prices.gigabyteSecond.times(1, over: 4)), .seconds),
        ]
    }

    // MARK: True mode

    /// With corrected formulas; `prices` are those of the figures or today's.
    package static func corrected(_ prices: Services) -> [Figure] {
        personalCorrected(prices) + videoCorrected(prices) + polling(prices, isFreeCounted: true) + claims(prices) + [relay(prices)]
    }

    private static func personalCorrected(_ prices: Services) -> [Figure] {
        func sum(_ service: Service, writes: Int64) -> Amount {
            prices.storing(service.storedGigabytes) + prices.sending(Service.sent) + prices.writing(writes)
                + prices.calling(service.calls, milliseconds: service.milliseconds, megabytes: service.megabytes, isFreeCounted: true)
        }
        let plain = [Service.chat, .file, .sensors].map {
            Figure($0.id, "\($0.name), a month", "storage + transfer beyond the free + one write per call", sum($0, writes: $0.calls))
        }
        let mail = sum(.email, writes: mailWrites)
        return plain + [Figure("email", "e-mail, a month", "storage + transfer beyond the free + 500×22 writes + one key", mail + prices.keyMonth)]
    }

    private static func videoCorrected(_ prices: Services) -> [Figure] {
        let compute = prices.mediumHour.times(30, over: 4)
        func month(_ gigabytes: Int64) -> Amount { compute + prices.storing(1) + prices.sending(Amount(gigabytes)) }
        /// What 3 Mbit/s send in an hour.
        let hourGigabytes = Amount.exactly("1.35")
        return [
            Figure("video", "video calls, a month", "30 × a quarter of an hour of machine + 1 GB × storage + transfer of 10 GB", month(10)),
            Figure("video-both", "the same, sent to both sides", "as above with 20 GB", month(20)),
            Figure("video-hour", "a video call, an hour", "an hour of machine + 1.35 GB × transfer", prices.mediumHour + prices.transfer * hourGigabytes),
            Figure("video-hour-free", "the month's first hour", "an hour of machine + what of 1.35 GB is not free", prices.mediumHour + prices.sending(hourGigabytes)),
        ]
    }

    /// Claims of the texts that their own numbers do not bear out.
    private static func claims(_ prices: Services) -> [Figure] {
        let seconds = prices.gigabyteSecond * Amount(100_000).times(448 * 200, over: 1024 * 1000)
        let (machine, mail) = (Amount.exactly("4.58"), Amount.exactly("0.26"))
        return [
            Figure("key", "what a key of its own adds to each", "one key", prices.keyMonth),
            Figure("chat-writes", "the writes that chat's figure leaves out", "60,000 writes", prices.writing(60_000)),
            Figure("video-compute", "thirty calls' machine", "30 × a quarter of an hour", prices.mediumHour.times(30, over: 4)),
            Figure("calls", "100,000 calls of 200 ms with 448 MB", "100,000 × 0.4375 GB × 0.2 s", seconds),
            Figure("calls-all", "the same with the price of the calls", "as above + 100,000 calls", seconds + prices.call * 100_000),
            Figure("queue-polls", "polls of a month at 20 s", "730 h ÷ 20 s", Amount(730 * 3600).times(1, over: 20), .count),
            Figure("email-two", "two mail machines against e-mail by functions", "2 × 4.58 ÷ 0.26", machine * 2 / mail, .times),
            Figure("email-three", "three of them", "3 × 4.58 ÷ 0.26", machine * 3 / mail, .times),
        ]
    }

    /// Traffic, not machines, is what a relay costs.
    private static func relay(_ prices: Services) -> Figure {
        Figure("relay", "what a relay of 10 Mbit/s sends, a month", "10 Mbit/s × 30 days beyond the free", prices.sending(Amount(10).times(30 * 86400, over: 8 * 1000)))
    }
}
