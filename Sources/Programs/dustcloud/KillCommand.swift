internal import ArgumentParser
internal import Ambience
internal import Audit
internal import Auditing
internal import CloudCalls
internal import Clouds
internal import Coordination
internal import Glibc
internal import Leasing
internal import Providers

struct KillCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill", abstract: "End motes at once: one, all of a policy, or all.",
        discussion: """
            Nothing is drained: who uses the motes loses what is under way. With --policy and --all no new mote comes until 'dustcloud kill --lift', whatever
            is restarted meanwhile. Works while no coordinator runs: what is there is then ended directly, at providers too.
            """)

    private static let patienceSeconds: Int64 = 30
    private static let pollMilliseconds = 250

    @OptionGroup var state: StateOption
    @Argument(help: ArgumentHelp("A mote's key or at least its first four digits.", valueName: "mote")) var mote: String?
    @Option(help: ArgumentHelp("All motes while this policy is the cloud's, and no new ones.", valueName: "name")) var policy: String?
    @Flag(help: "All motes, and no new ones.") var all = false
    @Flag(help: "Take back a stop: of --policy NAME, or of everything with --all.") var lift = false
    @Flag(help: "Do not ask.") var yes = false
    @Flag(help: "Print JSON.") var json = false

    struct Answer: Encodable {
        let scope: String
        let ended: [String]
        let left: [String]
        let stopped: [String]
    }

    func validate() throws {
        guard [mote != nil, policy != nil, all].count(where: { $0 }) == 1 else { throw ValidationError("name one mote, --policy NAME or --all") }
        guard !lift || mote == nil else { throw ValidationError("a mote's end cannot be taken back; --lift goes with --policy or --all") }
    }

    func run() throws {
        let (folder, store, settings) = try state.required()
        let scope = try scope(store)
        if lift { return try takeBack(scope, folder, store) }
        if case .policy(let name) = scope, name != settings.policy.name {
            throw CoordinationError(.notFound, "the cloud's policy is \"\(settings.policy.name)\", not \"\(name)\"")
        }
        let keys = try keys(scope, store)
        try confirm(scope, keys)
        try record(.halted(scope), folder)
        if case .mote(let key) = scope { try store.wish(.terminate, for: key) } else { try store.halt(scope, at: SystemTime().wall) }
        let providers = ProviderSet.here(folder, settings, program: "")
        for provider in providers.values { for key in keys { provider.kill(key) } }
        let isAttended = StateLock.holder(folder) != nil
        let rented = isAttended ? [] : endRented(Set(keys), settings, folder)
        let left = try wait(for: keys.filter { !rented.contains($0) }, providers, store, isAttended: isAttended)
        try report(scope, keys, left: left, store)
    }

    /// Ends rented machines while no coordinator is there to do it; those that their providers took the order for.
    private func endRented(_ keys: Set<MoteKey>, _ settings: CloudSettings, _ folder: StateFolder) -> Set<MoteKey> {
        guard let plan = settings.clouds else { return [] }
        var ended: Set<MoteKey> = []
        do {
            for (name, account) in try ProviderSet.accounts(plan, audit: AuditLog(folder.audit)).sorted(by: { $0.key < $1.key }) {
                do throws(CallFailure) {
                    for machine in try account.list(fleet: plan.fleet) where machine.isThere && keys.contains(machine.tags.key) {
                        try account.end(machine).get()
                        ended.insert(machine.tags.key)
                    }
                } catch { Terminal.complain("\(name): \(error)") }
            }
        } catch { Terminal.complain("\(error)") }
        return ended
    }

    private func scope(_ store: Store) throws -> HaltScope {
        if let mote { return .mote(try MoteArgument.find(mote, store)) }
        return policy.map { .policy($0) } ?? .all
    }

    private func keys(_ scope: HaltScope, _ store: Store) throws -> [MoteKey] {
        if case .mote(let key) = scope { return [key] }
        return try store.ledger().alive.map(\.key)
    }

    private func confirm(_ scope: HaltScope, _ keys: [MoteKey]) throws {
        guard !yes else { return }
        guard isatty(0) == 1 else { throw CoordinationError(.usage, "this ends \(keys.count) motes at once; without a terminal to ask on, say --yes") }
        Terminal.say("This ends \(keys.count) motes at once\(scope.isLasting ? ", and no new one comes until it is taken back" : ""). Type \"kill\" to go on:")
        guard readLine()?.trimmedWord == "kill" else { throw CoordinationError(.usage, "nothing was ended") }
    }

    private func record(_ event: AuditEvent, _ folder: StateFolder) throws {
        do { try AuditLog(folder.audit).append(event, now: SystemTime().wall) } catch {
            // Whoever pulls this switch wants motes ended, not a reason why they are not.
            Terminal.complain("the audit cannot be written, going on without: \(error)")
        }
    }

    /// Those that are still there after a while.
    private func wait(for keys: [MoteKey], _ providers: [String: any MoteProvider], _ store: Store, isAttended: Bool) throws -> [MoteKey] {
        let end = SystemTime().wall + Self.patienceSeconds
        var patience = Patience()
        var left = keys, last = SystemTime().wall
        while true {
            let records = try store.ledger().records
            let seen = providers.values.reduce(into: Set<MoteKey>()) { seen, provider in
                seen.formUnion(((try? provider.observe()) ?? [:]).filter { !$0.value.instances.isEmpty }.keys)
            }
            left = keys.filter { key in seen.contains(key) || (providers[records[key]?.lease.site.provider ?? ""] == nil && records[key]?.state.isGone == false) }
            let isHopeless = !isAttended && left.allSatisfy { !seen.contains($0) }
            if left.isEmpty || isHopeless || SystemTime().wall >= end { return left }
            if SystemTime().wall - last >= 2, !json { Terminal.report("\(left.count) motes left"); last = SystemTime().wall }
            if patience.wait(milliseconds: Self.pollMilliseconds) { throw ExitCode(130) }
        }
    }

    private func report(_ scope: HaltScope, _ keys: [MoteKey], left: [MoteKey], _ store: Store) throws {
        let ended = keys.filter { !left.contains($0) }
        let stopped = try store.halts().map(\.description).sorted()
        if json { try JSON.say(Answer(scope: scope.description, ended: ended.map(\.description), left: left.map(\.description), stopped: stopped)) } else {
            Terminal.say("\(ended.count) motes ended" + (left.isEmpty ? "" : ", \(left.count) not yet: \(left.map(\.short).joined(separator: ", ")). Their provider is asked by the coordinator: dustcloud up"))
            if scope.isLasting { Terminal.say("no new mote comes until: dustcloud kill --lift \(scope == .all ? "--all" : "--policy \(policy ?? "")")") }
        }
        if !left.isEmpty { throw ExitCode(CoordinationError.Kind.unavailable.exitCode) }
    }

    private func takeBack(_ scope: HaltScope, _ folder: StateFolder, _ store: Store) throws {
        let taken: [HaltScope] = scope == .all ? try store.halts().sorted { $0.description < $1.description } : try store.halts().filter { $0 == scope }
        guard !taken.isEmpty else { throw CoordinationError(.notFound, "nothing is stopped\(scope == .all ? "" : " for \(scope)")") }
        for scope in taken {
            try record(.lifted(scope), folder)
            try store.lift(scope)
        }
        if json { return try JSON.say(Answer(scope: scope.description, ended: [], left: [], stopped: try store.halts().map(\.description).sorted())) }
        Terminal.say("taken back: \(taken.map(\.description).joined(separator: ", ")). Motes come again as soon as a coordinator runs")
    }
}

extension HaltScope {
    /// Whether it keeps replacements away.
    var isLasting: Bool { if case .mote = self { false } else { true } }
}

extension String {
    fileprivate var trimmedWord: String { String(drop { $0 == " " }.prefix { $0 != " " }) }
}
