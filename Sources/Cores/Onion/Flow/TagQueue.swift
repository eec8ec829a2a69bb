package import Ambience
package import Sealing

/// The digests that SENDMEs to come must prove to have seen, oldest first (proposal 289, tor-spec "Flow control"), and when their
/// cells went out.
package struct TagQueue: Sendable {
    /// Cells in flight over cells per SENDME: what a full window of fixed size can owe.
    static let fixedLimit = FlowControl.circuitWindowCells / FlowControl.circuitIncrementCells

    private struct Entry {
        let tag: SendmeTag
        let sent: Instant
    }

    private let limit: Int
    private var entries: [Entry] = []

    package init(for window: CircuitWindow) { limit = window.tagLimit }

    package var count: Int { entries.count }

    /// A window can never owe more tags than its limit. One more is not kept, and the SENDME for it will not match.
    package mutating func expect(_ tag: SendmeTag, at now: Instant) {
        guard entries.count < limit else { return }
        entries.append(Entry(tag: tag, sent: now))
    }

    /// The tag of a SENDME must be that of the oldest cell not yet acknowledged; when that cell was sent.
    package mutating func match(_ tag: [UInt8]) throws(FlowFailure) -> Instant {
        guard let expected = entries.first else { throw .unexpectedSendme }
        guard SendmeTag(tag) == expected.tag else { throw .wrongTag }
        entries.removeFirst()
        return expected.sent
    }
}
