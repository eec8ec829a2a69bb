internal import Dispatch
internal import Exchange
internal import MarketLine
internal import Sealing
internal import Synchronization

/// Drives an exchange through its slices. Every step is durable before the next and may be done again, so there is nothing to repair after a
/// kill: the engine looks where it is, and goes on.
///
/// 1. Keys of the time are made, opened and logged; witnesses sign the log.
/// 2. At 600 s of a slice its orders are fixed, and their root is logged and witnessed.
/// 3. The witnesses reveal what the beacon is made of. Without two of them orders wait.
/// 4. Orders are carried out in the beacon's order; swaps are cleared; permits are given out for a start to come.
struct MarketEngine: Sendable {
    /// For a witness to answer one question.
    static let witnessMilliseconds = 10_000
    /// Orders that are carried out before somebody else has a turn with the keys.
    private static let roundsOfLog = 3

    let house: Locked<MarketHouse>
    let terms: MarketTerms
    let records: MarketRecords
    let now: @Sendable () -> Int64
    let isStopped: @Sendable () -> Bool

    /// Does what is due.
    func step() throws {
        let seconds = now()
        try house.use { try $0.tendKeys(at: terms.time.slice(at: seconds)) }
        try publish()
        while !isStopped(), let slice = try house.use({ try $0.due(at: seconds) }) {
            guard try settle(slice, at: seconds) else { return }
        }
    }

    /// False while something is missing for it.
    private func settle(_ slice: Slice, at seconds: Int64) throws -> Bool {
        guard house.use({ $0.revealing(slice).count }) >= LogTrust.witnessesNeeded else {
            try house.use { try $0.skip(slice) }
            return true
        }
        guard let seal = try house.use({ try $0.seal(slice, at: seconds) }) else { return false }
        try publish()
        guard let beacon = try beacon(seal) else { return false }
        try house.use { try $0.desk.decide(slice) }
        let turns = try house.use { try $0.desk.turns(slice, beacon: beacon.value) }
        for id in turns {
            guard !isStopped() else { return false }
            try house.use { try $0.desk.carryOut(id, at: slice) }
        }
        try house.use {
            try $0.finish(slice, beacon)
            $0.note(settled: slice, orders: seal.count)
        }
        try publish()
        return true
    }

    // MARK: witnesses

    private func client(_ witness: MarketTerms.Witness) -> MarketClient? { MarketClient(witness.address, .direct, limitMilliseconds: Self.witnessMilliseconds) }

    /// Asks all of them at once; those that do not answer are left out.
    private func ask<R: Sendable>(_ witnesses: [MarketTerms.Witness], _ body: @Sendable (MarketTerms.Witness, MarketClient) throws -> R?) -> [(witness: String, answer: R)] {
        let answers = Mutex<[(witness: String, answer: R)]>([])
        DispatchQueue.concurrentPerform(iterations: witnesses.count) { index in
            guard let client = client(witnesses[index]), let answer = try? body(witnesses[index], client) else { return }
            answers.withLock { $0.append((witnesses[index].name, answer)) }
        }
        return answers.withLock { $0.sorted { $0.witness < $1.witness } }
    }

    /// Has the witnesses sign what the log has grown by.
    private func publish() throws {
        for _ in 0..<Self.roundsOfLog {
            guard house.use({ !$0.log.author.isPublished && $0.log.author.log.size > 0 }) else { break }
            let requests = house.use { house in Dictionary(uniqueKeysWithValues: terms.witnesses.map { ($0.name, house.log.request(to: $0.name)) }) }
            let answers = ask(terms.witnesses) { witness, client in try requests[witness.name].map { try client.perform(MarketRequest(.addCheckpoint, $0.body)) } }
            let again = try house.use { house in
                try answers.reduce(false) { again, answer in
                    try house.log.receive(status: answer.answer.status, answer.answer.body, from: answer.witness, about: requests[answer.witness]!.size) || again
                }
            }
            guard again else { break }
        }
        try house.use { try $0.takeChains() }
    }

    private func beacon(_ seal: OrdersSeal) throws -> BeaconRecord? {
        if let known = try records.beacon(seal.slice) { return known }
        guard let document = try LogShelf(store: records.store).document(.orders, seal.slice.index) else { return nil }
        let witnesses = house.use { $0.revealing(seal.slice) }
        let reveals = ask(witnesses) { _, client in try client.fetchReveal(document) }.map(\.answer)
        return try house.use { try $0.take(reveals, for: seal) } ? try records.beacon(seal.slice) : nil
    }
}

extension MarketClient {
    fileprivate func fetchReveal(_ document: [UInt8]) throws -> Reveal? { Reveal(try post(.reveal, document)) }
}
