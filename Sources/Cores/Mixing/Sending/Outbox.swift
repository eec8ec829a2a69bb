/// What waits for a slot at a gateway, and what goes out in each.
package struct Outbox: Sendable {
    /// Shares and answers that wait: 471 MB of them. A letter that does not fit whole is refused.
    package static let limit = 16_384

    package enum Sent: Hashable, Sendable {
        /// Which share of which letter.
        case fragment(letter: [UInt8], place: Int)
        /// Of a report with this name.
        case answer(ParcelID?)
        /// To itself: it should come back.
        case loop(LoopID)
        case cover
    }

    /// What has not been sent of a letter.
    private struct Letter {
        let mailbox: MixID
        var fragments: [Fragment]
        /// How many shares of each group go through each mote.
        var through: [Int: [MixID: Int]] = [:]

        /// The first share whose group can still spare every mote on the way: with a mote no more shares may be lost than there are parities.
        /// Where the motes of a layer have become too few for that, or are in others, too, shares cut for more of them go any way.
        mutating func take(_ hops: [MixID], width: Int) -> Fragment? {
            let index = fragments.firstIndex { fragment in
                fragment.code.parity * width < fragment.code.shares || hops.allSatisfy { through[fragment.group]?[$0] ?? 0 < fragment.code.parity }
            }
            guard let index else { return nil }
            let fragment = fragments.remove(at: index)
            for hop in hops { through[fragment.group, default: [:]][hop, default: 0] += 1 }
            return fragment
        }
    }

    /// Motes of the narrowest layer.
    package var width = ErasureCode.sharesLimit
    private let own: MixID
    private let layout: SphinxLayout
    private var letters: [[UInt8]: Letter] = [:]
    /// Letters for each gateway, by whose turn it is: a long one keeps no other waiting.
    private var turns: [MixID: [[UInt8]]] = [:]
    private var shares = 0
    private var answers: [(block: ReplyBlock, payload: [UInt8], report: ParcelID?)] = []

    package init(own: MixID, layout: SphinxLayout) { (self.own, self.layout) = (own, layout) }

    package var waiting: Int { shares + answers.count }
    package var room: Int { Self.limit - waiting }

    /// A letter's shares, for a mailbox at that gateway. False if there is no room.
    package mutating func add(_ letter: [Fragment], to mailbox: MixID, at gateway: MixID) -> Bool {
        guard let name = letter.first?.letter, waiting + letter.count <= Self.limit else { return false }
        drop(name)
        letters[name] = Letter(mailbox: mailbox, fragments: letter)
        turns[gateway, default: []].append(name)
        shares += letter.count
        return true
    }

    /// Takes back what has not been sent of a letter.
    package mutating func drop(_ letter: [UInt8]) { shares -= letters.removeValue(forKey: letter)?.fragments.count ?? 0 }

    /// How much of a letter has not been sent.
    package func waiting(of letter: [UInt8]) -> Int { letters[letter]?.fragments.count ?? 0 }

    /// An answer to a reply block. It waits for a slot with the same first hop, for that is all that can be seen of where it goes. False if
    /// there is no room.
    /// - Parameter report: its name, if it is one.
    /// - Throws: `wrongLength` for more than an answer holds.
    package mutating func add(_ answer: [UInt8], by block: ReplyBlock, of report: ParcelID? = nil) throws(SphinxError) -> Bool {
        guard waiting < Self.limit else { return false }
        answers.append((block, try MixPayload.answer(answer).encoded(layout), report))
        return true
    }

    /// Answers whose first hop is there no more go nowhere.
    /// - Returns: which of them are reports.
    @discardableResult package mutating func forgetAnswers(exceptBy motes: Set<MixID>) -> [ParcelID] {
        let lost = answers.filter { !motes.contains($0.block.firstHop) }.compactMap(\.report)
        answers.removeAll { !motes.contains($0.block.firstHop) }
        return lost
    }

    /// Of a gateway that has no slots any more: every answer that waits, as the packet that its first hop would get. Not reports, which are written down elsewhere.
    package mutating func takeAnswers() -> [(firstHop: MixID, packet: [UInt8])] {
        defer { answers = [] }
        return answers.filter { $0.report == nil }.compactMap { answer in (try? answer.block.packet(layout, payload: answer.payload)).map { (answer.block.firstHop, $0) } }
    }

    /// The packet of a slot, for its first hop.
    package mutating func fill(_ slot: SendingSlot, fresh: Sphinx.Fresh) throws(SphinxError) -> (packet: [UInt8], sent: Sent) {
        switch take(slot) {
        case .answer(let block, let payload, let report): return (try block.packet(layout, payload: payload), .answer(report))
        case .fragment(let mailbox, let fragment):
            let payload = try MixPayload.fragment(fragment).encoded(layout)
            return (try Sphinx.packet(layout, route: slot.route, to: mailbox, payload: payload, fresh: fresh), .fragment(letter: fragment.letter, place: fragment.place))
        case .nothing:
            guard let loop = LoopID(fresh(LoopID.bytesCount)) else { throw .damagedPayload }
            let packet = try Sphinx.packet(layout, route: slot.route, to: slot.gateway.id, payload: try MixPayload.cover(loop).encoded(layout), fresh: fresh)
            return (packet, slot.gateway.id == own ? .loop(loop) : .cover)
        }
    }

    enum Taken {
        case answer(ReplyBlock, payload: [UInt8], report: ParcelID?)
        case fragment(mailbox: MixID, Fragment)
        case nothing
    }

    /// What goes out in a slot: it changes nothing that can be seen.
    mutating func take(_ slot: SendingSlot) -> Taken {
        if let index = answers.firstIndex(where: { $0.block.firstHop == slot.route.first?.id }) {
            let answer = answers.remove(at: index)
            return .answer(answer.block, payload: answer.payload, report: answer.report)
        }
        return takeFragment(slot).map { .fragment(mailbox: $0.mailbox, $0.fragment) } ?? .nothing
    }

    /// Of the letters for the slot's gateway, the next that has a share for its way.
    private mutating func takeFragment(_ slot: SendingSlot) -> (mailbox: MixID, fragment: Fragment)? {
        let hops = slot.route.dropLast().map(\.id)
        guard var queue = turns.removeValue(forKey: slot.gateway.id) else { return nil }
        defer { if !queue.isEmpty { turns[slot.gateway.id] = queue } }
        for _ in queue.indices {
            let name = queue.removeFirst()
            guard let mailbox = letters[name]?.mailbox else { continue }
            let fragment = letters[name]?.take(hops, width: width)
            if letters[name]?.fragments.isEmpty == true { letters[name] = nil } else { queue.append(name) }
            guard let fragment else { continue }
            shares -= 1
            return (mailbox, fragment)
        }
        return nil
    }
}
