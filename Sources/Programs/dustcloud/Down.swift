internal import ArgumentParser
internal import Ambience
internal import Coordination
internal import Leasing

struct Down: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "End every mote, then the client and the authority, and prove them gone.")

    private static let pollMilliseconds = 250

    @OptionGroup var state: StateOption

    func run() throws {
        guard let (folder, store) = try state.existing(), try store.setMode(.down) else {
            return Terminal.say("there is no cloud in \(try state.place())")
        }
        var patience = Patience()
        var last = SystemTime().wall
        while try store.settings() != nil {
            if let lock = try StateLock(folder) {
                try finish(folder, store, &patience)
                _ = consume lock
                return
            }
            if SystemTime().wall - last >= 2 {
                last = SystemTime().wall
                Terminal.report("the coordinator takes the cloud down: \(try store.ledger().aliveCount) motes left")
            }
            if patience.wait(milliseconds: Self.pollMilliseconds) { throw ExitCode(130) }
        }
        Narrator.tell(.down)
    }

    /// No coordinator is at work, so this process is it.
    private func finish(_ folder: StateFolder, _ store: Store, _ patience: inout Patience) throws {
        guard try store.settings() != nil else { return Narrator.tell(.down) }
        var session = try Session(folder: folder, store: store, program: "")
        guard session.run(&patience) == .down else { throw ExitCode(130) }
    }
}
