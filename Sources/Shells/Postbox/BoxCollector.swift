package import Ambience
package import Boxes
package import Sealing

/// Fetches what lies in the owner's box.
///
/// 1. Which motes keep boxes is asked of some of them; what most say counts.
/// 2. Those that keep this box are asked, one after another: what lies there, and at the same time they hear what the owner has already.
/// 3. What an answer brings is durable before anybody is told that it may go: with the next question.
///
/// Who calls it decides when: at random times, for each question shows its mote that somebody reads this box now.
package struct BoxCollector: Sendable {
    /// Questions to one mote in one round.
    private static let questionsLimit = 500
    private static let listTries = 12

    private let store: PostboxStore
    private let line: any BoxLine
    private let key: Curve25519Key
    private let address: BoxAddress
    private let now: @Sendable () -> WallTime

    package struct Round: Sendable {
        package var letters = 0
        /// Of the motes that keep the box: how many, and how many answered.
        package var places = 0
        package var answers = 0
    }

    package init?(_ store: PostboxStore, _ line: any BoxLine, _ key: Curve25519Key, now: @escaping @Sendable () -> WallTime) {
        guard let address = BoxAddress(key: key.publicKey) else { return nil }
        (self.store, self.line, self.key, self.address, self.now) = (store, line, key, address, now)
    }

    /// Waits for answers, within bounds.
    package func collect() throws(PostboxError) -> Round {
        try learn()
        var round = Round()
        for mote in BoxPlaces.of(address, among: try store.motes()) {
            round.places += 1
            let letters = try empty(mote)
            if let letters { (round.letters, round.answers) = (round.letters + letters, round.answers + 1) }
            try store.note(letters.map { "\($0) letters" } ?? "no answer", of: mote, now: now())
        }
        return round
    }

    /// Asks which motes keep boxes. Those that are known are asked first: most other relays know nothing of boxes.
    package func learn() throws(PostboxError) {
        let known = try store.motes().shuffled()
        var answers: [[BoxMote]] = [], tries: [[UInt8]?] = known.prefix(Self.listTries / 2).map { $0.identity }
        tries += [[UInt8]?](repeating: nil, count: Self.listTries - tries.count)
        for mote in tries where answers.count < BoxList.asked {
            if let list = line.post([], to: BoxPath.motes, of: mote, limitBytes: BoxList.limitBytes).flatMap({ BoxList.decode($0) }), !list.isEmpty { answers.append(list) }
        }
        let agreed = BoxList.agreed(answers)
        if !agreed.isEmpty { try store.set(agreed) }
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
