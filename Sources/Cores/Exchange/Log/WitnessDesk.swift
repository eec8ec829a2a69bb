internal import Bytes
package import Sealing

/// What a witness answers, and what it must have written down before it does. It never signs two pasts of the log, and never gives out a
/// value of its chain for two roots of orders, nor before the slice's orders are closed, nor for a slice before the last: a value tells all
/// earlier ones.
package struct WitnessDesk: Sendable {
    /// Slices whose values can still be asked for by anybody.
    package static let revealsKept = 192
    /// Of a slice of 900 s: when orders are closed.
    private static let sealSecond: Int64 = 600

    package struct Answer: Hashable, Sendable {
        package let status: Int
        package let body: [UInt8]
        /// Whether the body is a size as tlog-witness has it.
        package let isSize: Bool
        /// Whether the state is another one now: it is written down first.
        package let isNews: Bool

        init(_ status: Int, _ body: [UInt8] = [], isSize: Bool = false, isNews: Bool = false) {
            (self.status, self.body, self.isSize, self.isNews) = (status, body, isSize, isNews)
        }
    }

    /// What it must not forget.
    package struct State: Hashable, Sendable {
        var size = 0
        var root: [UInt8] = []
        var seals: [OrdersSeal] = []

        package init() {}
    }

    private let terms: MarketTerms
    package let name: String
    private let key: Ed25519Key
    private let chains: [(chain: BeaconChain, secret: ChainSecret)]
    package private(set) var state: State

    /// `nil` unless the key is one of the terms' witnesses'.
    ///
    /// - Parameter chains: where each begins, oldest first; the last one is what the exchange is told.
    package init?(_ terms: MarketTerms, key: Ed25519Key, chains: [(first: Slice, secret: ChainSecret)], state: State) {
        guard let name = terms.witnesses.first(where: { $0.key == key.publicKey })?.name, !chains.isEmpty else { return nil }
        (self.terms, self.name, self.key, self.state) = (terms, name, key, state)
        self.chains = chains.map { (BeaconChain(witness: name, first: $0.first, secret: $0.secret, key: key), $0.secret) }
    }

    /// As it is logged.
    package var chain: BeaconChain { chains.last!.chain }

    // MARK: the log

    /// Cosigns a checkpoint (tlog-witness).
    package mutating func addCheckpoint(_ body: [UInt8], at seconds: Int64) -> Answer {
        guard let text = String(validating: body, as: UTF8.self), let request = try? AddCheckpoint(text), seconds >= 0 else { return Answer(400) }
        do throws(WitnessedLog.Refusal) {
            let log = try WitnessedLog(origin: terms.origin, key: terms.logKey, size: state.size, root: state.root).adding(request)
            let isNews = (log.size, log.root) != (state.size, state.root)
            (state.size, state.root) = (log.size, log.root)
            return Answer(200, Array(request.checkpoint.cosignature(name, key, secondsSinceEpoch: UInt64(seconds)).utf8), isNews: isNews)
        } catch { return error == .conflict ? Answer(409, Array("\(state.size)\n".utf8), isSize: true) : Answer(error.rawValue) }
    }

    // MARK: the beacon

    /// Gives out a slice's value, for orders that are in the log.
    package mutating func reveal(_ body: [UInt8], at seconds: Int64) -> Answer {
        guard let document = try? LoggedDocument(body), document.kind == .orders, let seal = try? OrdersSeal(document.body), seal.slice.index == document.number
        else { return Answer(400) }
        guard document.loggedAt(terms.trust) != nil else { return Answer(403) }
        if let known = state.seals.first(where: { $0.slice == seal.slice }) { return known == seal ? answer(seal, isNews: false) : Answer(409) }
        if let last = state.seals.last, last.slice >= seal.slice { return Answer(409) }
        // Nobody asks so early who means well, unless clocks differ: then it is asked again.
        guard seconds >= terms.time.moment(Self.sealSecond, of: seal.slice) else { return Answer(425) }
        let answer = answer(seal, isNews: true)
        if answer.status == 200 { state.seals = state.seals.suffix(Self.revealsKept - 1) + [seal] }
        return answer
    }

    private func answer(_ seal: OrdersSeal, isNews: Bool) -> Answer {
        guard let (chain, secret) = chains.first(where: { $0.chain.slices.contains(seal.slice) }), let value = secret.value(Int(seal.slice.index - chain.first.index))
        else { return Answer(404) }
        return Answer(200, Reveal(witness: name, value: value, of: seal, key: key).bytes, isNews: isNews)
    }

    /// What it gave out for a slice, and for which orders: an exchange that leaves it out of its beacon is seen to.
    package func revealed(_ slice: Slice) -> Answer {
        guard let seal = state.seals.first(where: { $0.slice == slice }) else { return Answer(404) }
        let answer = answer(seal, isNews: false)
        return answer.status == 200 ? Answer(200, BeaconRecord(seal: seal, reveals: [Reveal(answer.body)].compactMap { $0 }).bytes) : answer
    }

    // MARK: motes

    /// - Parameter taken: shares of the slice before, as the mote signed them; `nil` when it is down.
    package func verdict(on mote: [UInt8], at slice: Slice, taken: UInt16?) -> Verdict {
        Verdict(witness: name, mote: mote, slice: slice, isUp: taken != nil, taken: taken ?? 0, key: key)
    }
}

extension WitnessDesk.State {
    package static let bytesLimit = 64 << 10

    package var bytes: [UInt8] {
        Array(("dust-witness 1\nlog \(size) \(root.isEmpty ? "-" : Hex.lower(root))\n" + seals.map { "revealed \(Hex.lower($0.bytes))\n" }.joined()).utf8)
    }

    /// `nil` for anything but what was written.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count <= Self.bytesLimit, let text = String(validating: bytes, as: UTF8.self) else { return nil }
        let lines = text.split(separator: "\n").map { $0.split(separator: " ", omittingEmptySubsequences: false) }
        guard lines.count >= 2, lines[1].count == 3, let size = Int(lines[1][1]), size >= 0, let root = lines[1][2] == "-" ? [] : Hex.decode(lines[1][2]),
            lines.count - 2 <= WitnessDesk.revealsKept
        else { return nil }
        (self.size, self.root) = (size, root)
        for line in lines.dropFirst(2) {
            guard line.count == 2, let bytes = Hex.decode(line[1]), let seal = try? OrdersSeal(bytes) else { return nil }
            seals.append(seal)
        }
        guard self.bytes == bytes else { return nil }
    }
}
