internal import ArgumentParser
internal import Ambience
internal import Coordination
internal import Leasing

struct Plan: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show what will happen to each mote, and when, if nothing unforeseen does.")

    @OptionGroup var state: StateOption
    @Flag(help: "Print JSON.") var json = false

    struct Line: Encodable {
        let at: String
        let inSeconds: Int64
        let step: String
        let key: String?
        let lifetimeClass: String
    }

    func run() throws {
        let (_, store, settings) = try state.required()
        let now = SystemTime().wall
        let desire = Desire(mode: settings.mode, timing: settings.timing, wishes: try store.wishes())
        let entries = FleetPlan(desire: desire, ledger: try store.ledger(), now: now).entries
        let lines = entries.map { entry in
            Line(
                at: entry.at.rfc3339, inSeconds: entry.at - now, step: entry.step.rawValue, key: entry.key?.description,
                lifetimeClass: entry.lifetimeClass.rawValue)
        }
        if json { return try JSON.say(lines) }
        var table = Table(["IN", "AT", "STEP", "MOTE", "CLASS"])
        for line in lines { table.add([Duration.text(line.inSeconds), line.at, line.step, line.key.map { String($0.prefix(8)) } ?? "(new)", line.lifetimeClass]) }
        Terminal.say(table.text)
    }
}
