package import Ambience
internal import Boxes
internal import Dispatch
internal import Loops
package import Sealing
internal import Synchronization

/// Fetches what lies in the owner's box.
///
/// 1. Which motes keep boxes is asked of some motes on the mix, taken at random by the client, who has them from the consensus; what most say counts.
/// 2. Those that keep this box are asked, one after another: what lies there, and at the same time they hear what the owner has already. One that takes
///    its time does not hold up the others.
/// 3. What an answer brings is durable before anybody is told that it may go: with the next question.
///
/// Who calls it decides when: at random times, for each question shows its mote that somebody reads this box now.
package final class BoxCollector: Sendable {
    /// Questions to one mote in one round.
    private static let questionsLimit = 500
    private static let listTries = 6
    /// After so long the next mote is asked, whether there is an answer or not. Milliseconds.
    package static let patienceMilliseconds = 5_000

    private let store: PostboxStore
    private let line: any BoxLine
    private let key: Curve25519Key
    private let address: BoxAddress
    private let now: @Sendable () -> WallTime
    private let patienceMilliseconds: Int
    private let visits = Mutex(Visits())

    private struct Visits {
        var underWay: Set<[UInt8]> = []
        var ended: [Result<Int?, PostboxError>] = []
    }

    package struct Round: Sendable {
        package var letters = 0
        /// Of the motes that keep the box: how many, and how many answered.
        package var places = 0
        package var answers = 0
    }

    package init?(
        _ store: PostboxStore, _ line: any BoxLine, _ key: Curve25519Key, patienceMilliseconds: Int = patienceMilliseconds, now: @escaping @Sendable () -> WallTime
    ) {
        guard let address = BoxAddress(key: key.publicKey) else { return nil }
        (self.store, self.line, self.key, self.address, self.now, self.patienceMilliseconds) = (store, line, key, address, now, patienceMilliseconds)
    }

    /// Waits for answers, within bounds.
    ///
    /// - Parameter isPatient: waits for all; else not for those that take their time, whose letters count in a later round.
    package func collect(isPatient: Bool = true) throws(PostboxError) -> Round {
        try learn()
        let places = BoxPlaces.of(address, among: try store.motes())
        let threads = places.compactMap { begin($0) }
        for thread in threads { if isPatient { thread.join() } else { thread.detach() } }
        let results = visits.withLock { visits in
            defer { visits.ended = [] }
            return visits.ended
        }
        var round = Round(places: places.count)
        for result in results { if let letters = try result.get() { (round.letters, round.answers) = (round.letters + letters, round.answers + 1) } }
        return round
    }

    /// Visits a mote, and lets it have its time; `nil` when somebody is there still.
    private func begin(_ mote: BoxMote) -> WorkThread? {
        guard visits.withLock({ $0.underWay.insert(mote.identity).inserted }) else { return nil }
        let isDone = DispatchSemaphore(value: 0)
        let thread = WorkThread("mailbox") { [self] in
            let result = Result { () throws(PostboxError) in try visit(mote) }
            visits.withLock {
                $0.ended.append(result)
                $0.underWay.remove(mote.identity)
            }
            isDone.signal()
        }
        _ = isDone.wait(timeout: .now() + .milliseconds(patienceMilliseconds))
        return thread
    }

    /// Asks which motes keep boxes.
    package func learn() throws(PostboxError) {
        var answers: [[BoxMote]] = []
        for _ in 0..<Self.listTries where answers.count < BoxList.asked {
            if let list = line.post([], to: BoxPath.motes, of: nil, limitBytes: BoxList.limitBytes).flatMap({ BoxList.decode($0) }), !list.isEmpty { answers.append(list) }
        }
        let agreed = BoxList.agreed(answers)
        if !agreed.isEmpty { try store.set(agreed) }
    }

    private func visit(_ mote: BoxMote) throws(PostboxError) -> Int? {
        let letters = try empty(mote)
        try store.note(letters.map { "\($0) letters" } ?? "no answer", of: mote, now: now())
        return letters
    }

    /// Asks until nothing is left there and it knows what we have; `nil` when it does not answer.
    private func empty(_ mote: BoxMote) throws(PostboxError) -> Int? {
        var letters = 0, size = BoxQuestion.Size.few
        for _ in 0..<Self.questionsLimit {
            let known = try store.known(to: mote, now: now())
            guard let answer = ask(mote, size, known) else { return nil }
            letters += try store.take(answer.items.map { ($0.name, $0.open(with: key)) }, from: mote, told: known, address: address, now: now())
            if answer.items.isEmpty, answer.left == 0, try store.known(to: mote, now: now()).isEmpty { return letters }
            size = answer.left > 0 ? .many : .few
        }
        return letters
    }

    private func ask(_ mote: BoxMote, _ size: BoxQuestion.Size, _ known: [[UInt8]]) -> BoxAnswer? {
        guard let question = BoxQuestion.make(key, to: mote, size, known: known, now: now()) else { return nil }
        return line.post(question, to: BoxPath.collect, of: mote.identity, limitBytes: size.answerBytes).flatMap { BoxAnswer($0, size) }
    }
}
