internal import Glibc
internal import Postbox
internal import Synchronization

/// Says on the error output what a command is waiting for, once that takes longer than two seconds and every five from then on.
final class Progress: Sendable {
    private static let firstSeconds = 2, everySeconds = 5
    private static let lookMicroseconds: UInt32 = 100_000

    private struct State {
        var text: String
        /// When it is told.
        var due: ContinuousClock.Instant
    }

    /// `nil`: it is over.
    private let state: Mutex<State?>

    init(_ text: String) {
        state = Mutex(State(text: text, due: .now + .seconds(Self.firstSeconds)))
        PostboxThread { [weak self] in while self?.look() ?? false { usleep(Self.lookMicroseconds) } }.begin()
    }

    /// What is waited for from now on.
    func say(_ text: String) { state.withLock { $0?.text = text } }
    func end() { state.withLock { $0 = nil } }

    private func look() -> Bool {
        let text: String? = state.withLock { state in
            guard let now = state, now.due <= .now else { return nil }
            state?.due = .now + .seconds(Self.everySeconds)
            return now.text
        }
        if let text { Terminal.remark(text) }
        return state.withLock { $0 != nil }
    }
}
