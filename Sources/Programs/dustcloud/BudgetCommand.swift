internal import Ambience
internal import ArgumentParser
internal import Coordination
internal import Prices
internal import Usage

struct BudgetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "budget", abstract: "Show and set what may be spent on rented motes. What does not fit whole is not ordered.",
        discussion: """
            A lease counts from its intent on, at the most that it can cost, on the day on which it was intended; once its machine is gone, at what it \
            cost. When a limit is used up no further mote is ordered; motes that run go on to their expiry. X
            fleet is not spent at all. Nothing is converted from one currency to another. Days and months are UTC.
            """,
        subcommands: [Show.self, Set.self, Remove.self], defaultSubcommand: Show.self)

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show every limit, what is used of it now and what is left.")

        @OptionGroup var state: StateOption
        @Flag(help: "Print JSON.") var json = false

        func run() throws {
            guard let (_, store) = try state.existing() else { throw CoordinationError(.notFound, "there is no cloud in \(try state.place()); set a limit with: dustcloud budget set AMOUNT CURRENCY") }
            let used = try store.limits().used(try store.outlays(), now: SystemTime().wall)
            let lines = used.map(LimitLine.init)
            if json { return try JSON.say(lines) }
            guard !lines.isEmpty else { return Terminal.say("no limit is set beside the ceilings that a cloud is brought up with; set one with: dustcloud budget set AMOUNT CURRENCY") }
            var table = Table(["LIMIT", "CURRENCY", "PER", "PROVIDER", "PAYER", "USED", "LEFT"])
            for (limit, used) in used {
                table.add([
                    limit.amount.text(decimals: 2), limit.currency.rawValue, limit.period.rawValue, limit.provider ?? "all", limit.payer ?? "all",
                    used.text(decimals: 2, .up), (limit.amount - used).text(decimals: 2),
                ])
            }
            Terminal.say(table.text)
        }
    }

    struct Set: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Set a limit, or change the one of the same currency, period, provider and payer.")

        @OptionGroup var state: StateOption
        @Argument(help: ArgumentHelp("The most that may be spent: 12 or 0.50.", valueName: "amount")) var amount: String
        @OptionGroup var scope: ScopeOptions
        @Flag(help: "Print JSON.") var json = false

        func run() throws {
            guard let amount = Amount(amount), amount.rounded(.up) == amount else { throw CoordinationError(.usage, "\"\(amount)\" is no amount; write it like 12 or 0.50") }
            let limit = try scope.limit(amount)
            let store = try Store(try state.folder())
            guard try store.changeLimits({ $0.set(limit) }) else { throw CoordinationError(.usage, "there are \(SpendingLimits.countLimit) limits already; remove one first: dustcloud budget remove") }
            let used = try store.limits().used(try store.outlays(), now: SystemTime().wall).first { $0.limit == limit }
            if json { return try JSON.say(used.map(LimitLine.init)) }
            Terminal.say("set: \(limit.text); used of it so far: \((used?.used ?? .zero).text(decimals: 2, .up)) \(limit.currency)")
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Remove the limit of this currency, period, provider and payer.")

        @OptionGroup var state: StateOption
        @OptionGroup var scope: ScopeOptions
        @Flag(help: "Print JSON.") var json = false

        func run() throws {
            let limit = try scope.limit(.zero)
            guard let (_, store) = try state.existing(), try store.changeLimits({ $0.remove(like: limit) }) else {
                throw CoordinationError(.notFound, "there is no such limit; see: dustcloud budget show")
            }
            if json { return try JSON.say(["removed": true]) }
            Terminal.say("removed; a cloud's own ceilings still bind")
        }
    }
}

/// Which limit is meant.
struct ScopeOptions: ParsableArguments {
    enum Period: String, CaseIterable, ExpressibleByArgument { case total, month, day }

    @Argument(help: ArgumentHelp("Three capital letters: USD, EUR.", valueName: "currency")) var currency: String
    @Option(help: "In all, in a calendar month, or in a day.") var per: Period = .total
    @Option(help: ArgumentHelp("Only what is spent with this provider. Default: with all.", valueName: "name")) var provider: String?
    @Option(help: ArgumentHelp("Only what this payer pays, by its name in the placement policy. Default: all.", valueName: "name")) var payer: String?

    func limit(_ amount: Amount) throws -> SpendingLimit {
        guard let currency = Currency(rawValue: currency) else { throw CoordinationError(.usage, "\"\(currency)\" is no currency; write three capital letters, like USD or EUR") }
        return SpendingLimit(amount, currency, per: SpendingLimit.Period(rawValue: per.rawValue) ?? .total, provider: provider, payer: payer)
    }
}

struct LimitLine: Encodable {
    let amount: String
    let currency: String
    let per: String
    let provider: String?
    let payer: String?
    let used: String
    let left: String

    init(_ limit: SpendingLimit, _ used: Amount) {
        (amount, currency, per) = (limit.amount.description, limit.currency.rawValue, limit.period.rawValue)
        (provider, payer) = (limit.provider, limit.payer)
        (self.used, left) = (used.description, (limit.amount - used).description)
    }
}
