internal import ArgumentParser
internal import Ambience
internal import Coordination
internal import Leasing

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show what there is now. Needs no coordinator and changes nothing.")

    @OptionGroup var state: StateOption
    @Flag(help: "Show it again every second.") var watch = false
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        guard let (folder, store) = try state.existing() else {
            return json ? try JSON.say(["state": "none"]) : Terminal.say("there is no cloud in \(try state.place())")
        }
        guard watch else { return try show(folder, store) }
        var patience = Patience()
        repeat {
            if !json { Terminal.clear() }
            try show(folder, store)
        } while !patience.wait(milliseconds: 1000)
    }

    private func show(_ folder: StateFolder, _ store: Store) throws {
        let report = CloudReport(try CloudStatus(folder: folder, store: store, now: SystemTime().wall))
        if json { return try JSON.say(report) }
        guard report.state != "none" else { return Terminal.say("there is no cloud in \(folder.path)") }
        let listed = report.motes.count { $0.state == "listed" }
        Terminal.say("cloud \(report.state) · coordinator \(report.coordinatorPid.map { "pid \($0)" } ?? "not running") · \(folder.path)")
        Terminal.say("authority \(report.authority.running ? "up" : "not running") · motes listed \(listed)/\(report.desired.values.reduce(0, +))")
        let client = report.client
        let state = !client.running ? "not running" : client.bootstrapped >= 100 ? "ready" : "\(client.bootstrapped)%"
        Terminal.say("client \(state) · SOCKS5 on \(client.socks ?? "-") · \(client.circuits) circuits, \(client.streams) streams\n")
        for (name, line) in report.providers.sorted(by: { $0.key < $1.key }) { Terminal.say("\(name) \(line.seen)" + (line.trouble.map { " · \($0)" } ?? "")) }
        if !report.budget.isEmpty {
            let money = report.budget.sorted { $0.key < $1.key }.map { "\(report.promised[$0.key] ?? "0.00") of \($0.value) \($0.key)" }
            Terminal.say("spent or promised \(money.joined(separator: ", "))\n")
        }
        Terminal.say(Table(motes: report.motes).text)
    }
}
