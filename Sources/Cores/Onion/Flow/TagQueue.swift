package import Sealing

/// The digests that SENDMEs to come must prove to have seen, oldest first (proposal 289, tor-spec "Flow control").
package struct TagQueue: Sendable {
    /// Cells in flight over cells per SENDME: what a full window can owe.
    package static let limit = FlowControl.circuitWindowCells / FlowControl.circuitIncrementCells

    private var tags: [Digest20] = []

    package init() {}

    package var count: Int { tags.count }

    /// A window can never owe more than `limit` tags. One more is not kept, and the SENDME for it will not match.
    package mutating func expect(_ tag: Digest20) {
        guard tags.count < Self.limit else { return }
        tags.append(tag)
    }

    /// The tag of a SENDME must be that of the oldest cell not yet acknowledged.
    package mutating func match(_ tag: [UInt8]) throws(FlowFailure) {
        guard let expected = tags.first else { throw .unexpectedSendme }
        guard Digest20(tag) == expected else { throw .wrongTag }
        tags.removeFirst()
    }
}
