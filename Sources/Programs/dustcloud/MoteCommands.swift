internal import ArgumentParser
internal import Ambience
internal import Coordination
internal import Leasing

struct MoteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mote", abstract: "List motes, show one, drain or terminate one, or tell others what it was.",
        subcommands: [List.self, Show.self, Drain.self, Terminate.self, Evidence.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the motes that are not gone, the soonest to end first.")

        @OptionGroup var state: StateOption
        @Flag(help: "Print JSON.") var json = false

        func run() throws {
            let (folder, store, _) = try state.required()
            let report = CloudReport(try CloudStatus(folder: folder, store: store, now: SystemTime().wall))
            if json { try JSON.say(report.motes) } else { Terminal.say(Table(motes: report.motes).text) }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one mote and what happened to it.")

        @OptionGroup var state: StateOption
        @OptionGroup var mote: MoteArgument
        @Flag(help: "Print JSON.") var json = false

        struct Step: Encodable {
            let at: String
            let step: String
        }

        struct Answer: Encodable {
            let mote: MoteLine
            let steps: [Step]
        }

        func run() throws {
            let (folder, store, _) = try state.required()
            let status = try CloudStatus(folder: folder, store: store, now: SystemTime().wall)
            let key = try mote.find(store)
            let events = try store.events(of: key)
            let steps = events.map { Step(at: $0.at.rfc3339, step: $0.change.name) }
            guard let found = status.motes.first(where: { $0.record.key == key }) else { return try showGone(key, steps) }
            let line = MoteLine(found, status.settings?.clouds, now: status.taken)
            if json { return try JSON.say(Answer(mote: line, steps: steps)) }
            Terminal.say(Table(motes: [line]).text)
            Terminal.say("key \(line.key), nickname \(line.nickname), drains \(line.drains), ends \(line.expires)\n")
            for step in steps { Terminal.say("\(step.at)  \(step.step)") }
        }

        private func showGone(_ key: MoteKey, _ steps: [Step]) throws {
            if json { return try JSON.say(steps) }
            Terminal.say("mote \(key) is gone")
            for step in steps { Terminal.say("\(step.at)  \(step.step)") }
        }
    }

    struct Drain: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Replace a mote, then let it finish what it carries.")

        @OptionGroup var state: StateOption
        @OptionGroup var mote: MoteArgument
        @Flag(help: "Print JSON.") var json = false

        func run() throws { try mote.wish(.drain, state, json: json, "drains once its replacement is listed") }
    }

    struct Terminate: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a mote now. A replacement follows.")

        @OptionGroup var state: StateOption
        @OptionGroup var mote: MoteArgument
        @Flag(help: "Print JSON.") var json = false

        func run() throws { try mote.wish(.terminate, state, json: json, "is ended") }
    }
}

/// A mote by the beginning of its key.
struct MoteArgument: ParsableArguments {
    private static let shortestPrefix = 4

    @Argument(help: ArgumentHelp("The mote's key or at least its first four digits.", valueName: "mote"))
    var text: String

    struct Wished: Encodable {
        let key: String
        let wish: String
    }

    /// Among motes that are there, else among the gone that are still remembered.
    func find(_ store: Store) throws -> MoteKey { try Self.find(text, store) }

    static func find(_ text: String, _ store: Store) throws -> MoteKey {
        let prefix = text.lowercased()
        guard prefix.utf8.count >= shortestPrefix else { throw CoordinationError(.usage, "name a mote by at least \(shortestPrefix) digits of its key") }
        let ledger = try store.ledger()
        let alive = ledger.alive.map(\.key).filter { $0.description.hasPrefix(prefix) }
        let matches = alive.isEmpty ? ledger.records.keys.filter { $0.description.hasPrefix(prefix) } : alive
        guard let key = matches.first else { throw CoordinationError(.notFound, "there is no mote \(text); see: dustcloud mote list") }
        guard matches.count == 1 else { throw CoordinationError(.usage, "\(text) may be any of \(matches.map(\.description).sorted().joined(separator: ", "))") }
        return key
    }

    func wish(_ wish: Wish, _ state: StateOption, json: Bool, _ outcome: String) throws {
        let (folder, store, _) = try state.required()
        let key = try find(store)
        guard try store.ledger().records[key]?.state.isGone == false else { throw CoordinationError(.notFound, "mote \(key.short) is gone already") }
        try store.wish(wish, for: key)
        if json { return try JSON.say(Wished(key: key.description, wish: wish.rawValue)) }
        let isAttended = StateLock.holder(folder) != nil
        Terminal.say("mote \(key.short) \(outcome)" + (isAttended ? "" : ", as soon as a coordinator runs again: dustcloud up"))
    }
}

extension MoteChange {
    var name: String {
        switch self {
        case .intended(let lease): "intended, \(lease.lifetimeClass.rawValue), until \(lease.expires.rfc3339)"
        case .starting(let attempt): "starting, attempt \(attempt)"
        case .running: "running"
        case .listed: "listed"
        case .unlisted: "no longer listed"
        case .draining(let reason): "draining: \(reason.rawValue)"
        case .terminating(let reason): "terminating: \(reason.rawValue)"
        case .shortened(let until): "taken back by its provider, until \(until.rfc3339)"
        case .doubted: "in doubt"
        case .trusted: "no longer in doubt"
        case .gone(let reason): "gone: \(reason.rawValue)"
        }
    }
}
