package import Ambience
package import Letters

/// Which letters wait, for when, and what of them is settled. The letters themselves lie in the spool.
package struct DeliveryQueue: Sendable {
    package struct Bounds: Sendable {
        package var letters = 8_192
        /// Letters that are done with, remembered so that none is taken twice.
        package var remembered = 65_536

        package init() {}
    }

    package enum Admission: Hashable, Sendable { case taken, known, full }

    private struct Entry {
        let recipients: Int
        let accepted: WallTime
        var progress: Progress
        var due: WallTime
        var isBusy = false
    }

    private let bounds: Bounds
    private let schedule: RetrySchedule
    private var entries: [LetterID: Entry] = [:]
    private var done: Set<LetterID> = []
    private var doneInOrder: [LetterID] = []

    package init(_ bounds: Bounds = Bounds(), schedule: RetrySchedule = RetrySchedule()) { (self.bounds, self.schedule) = (bounds, schedule) }

    package var waiting: Int { entries.count }
    package var busy: Int { entries.values.lazy.filter(\.isBusy).count }
    package var oldest: WallTime? { entries.values.lazy.map(\.accepted).min() }
    package var ids: [LetterID] { Array(entries.keys) }

    /// Takes a letter to be written down; it is not tried before `written`.
    package mutating func admit(_ letter: Letter, at now: WallTime) -> Admission {
        guard entries[letter.id] == nil, !done.contains(letter.id) else { return .known }
        guard entries.count < bounds.letters else { return .full }
        entries[letter.id] = Entry(recipients: letter.envelope.recipients.count, accepted: now, progress: Progress(), due: now, isBusy: true)
        return .taken
    }

    /// The letter is on disk and may be tried from `due` on; `nil`: it could not be written, and is forgotten.
    package mutating func written(_ id: LetterID, due: WallTime?) {
        guard let due else { return entries[id] = nil }
        entries[id]?.due = due
        entries[id]?.isBusy = false
    }

    /// One from the spool, at a start.
    package mutating func recovered(_ queued: QueuedLetter, _ progress: Progress, due: WallTime) {
        entries[queued.letter.id] = Entry(recipients: queued.letter.envelope.recipients.count, accepted: queued.accepted, progress: progress, due: due)
    }

    /// The letter that has been due for longest, and what is settled of it. It is busy until `tried`.
    package mutating func next(at now: WallTime) -> (id: LetterID, progress: Progress)? {
        guard let (id, entry) = entries.filter({ !$0.value.isBusy && $0.value.due <= now }).min(by: { $0.value.due < $1.value.due }) else { return nil }
        entries[id]?.isBusy = true
        return (id, entry.progress)
    }

    package enum Step: Hashable, Sendable {
        /// To be written down, then `written` with the time.
        case again(Progress, due: WallTime)
        /// To be reported and removed, then `finished`.
        case over(Progress)
    }

    /// What the attempt has come to. A letter that is too old fails for whom it could not reach.
    package mutating func tried(_ id: LetterID, _ verdicts: [Int: SMTPVerdict], at now: WallTime, _ random: inout some RandomNumberGenerator) -> Step? {
        guard var entry = entries[id] else { return nil }
        let isOver = schedule.isOver(since: entry.accepted, at: now)
        for (index, verdict) in verdicts where entry.progress.settled[index] == nil {
            switch verdict {
            case .delivered: entry.progress.settled[index] = .delivered
            case .failed(let status, let text): entry.progress.settled[index] = .failed(status, text)
            case .deferred(let reason) where isOver: entry.progress.settled[index] = .failed("4.4.7", "not delivered in \(schedule.patienceSeconds / 3600) hours: \(reason.text)")
            case .deferred: break
            }
        }
        entries[id] = entry
        if entry.progress.settled.count >= entry.recipients { return .over(entry.progress) }
        return .again(entry.progress, due: schedule.next(since: entry.accepted, at: now, &random))
    }

    package mutating func finished(_ id: LetterID) {
        entries[id] = nil
        guard done.insert(id).inserted else { return }
        doneInOrder.append(id)
        if doneInOrder.count > bounds.remembered { done.remove(doneInOrder.removeFirst()) }
    }
}
