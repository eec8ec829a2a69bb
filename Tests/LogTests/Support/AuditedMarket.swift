import Exchange
import Sealing
import Testing

/// A small exchange's publications of some slices, made honestly; tests bend them.
final class AuditedMarket {
    // SAFETY: OpenSSL's keys may be used by several threads at once; nobody changes this one.
    private nonisolated(unsafe) static let permitKey = RSAKey.generateLocked(bits: 2048)

    let world: LogWorld
    let secrets = (0..<3).map { _ in ChainSecret(seed: .random(32), length: 96)! }
    let start: Slice
    var published: Published
    /// By slice: what its orders are.
    var ids: [Slice: [[UInt8]]] = [:]
    private var entries: [[UInt8]] { world.entries }
    private var leaves: [(leaf: LogLeaf, index: Int, body: [UInt8], at: Slice)] = []
    let permitRole: KeyRole
    private var law: PermitLaw
    private(set) var motes: [Ed25519Key] = []

    /// Slices from `start + 3` on, for which there are chains and keys; motes are listed from the next one on.
    init(slices: Int64 = 6, motes count: Int = 2) throws {
        world = try LogWorld()
        start = Slice.first(ofDay: world.now.day)
        law = PermitLaw(world.terms)
        permitRole = .permit(start + 4, .small, isStaked: true)
        published = Published(Checkpoint(origin: world.origin, size: 0, root: MerkleTree.root([[UInt8]]())))
        for denomination in Denomination.allCases { world.issuer.open(.credit(denomination, week: start.week)) }
        world.issuer.open(permitRole, Self.permitKey)
        for bucket in 0..<UInt8(3) { for slice in start..<start + Slice.perDay { world.issuer.open(.barter(bucket: bucket, slice)) } }
        log(.week, start.week, try #require(world.issuer.table(week: start.week)).bytes, at: start)
        log(.day, start.day, try #require(world.issuer.table(day: start.day)).bytes, at: start)
        for (witness, secret) in zip(world.witnesses, secrets) {
            log(.chain, start.index, BeaconChain(witness: witness.name, first: start, secret: secret, key: witness.key).bytes, at: start - 1)
        }
        let root = MerkleTree.root(world.entries.map { MerkleTree.leaf($0) })
        motes = (0..<count).map { _ in Ed25519Key() }
        let offers = try motes.enumerated().map { try offer($1, bucket: UInt8($0), root) }
        for slice in start + 3..<start + 4 + slices { try settle(slice, offers) }
        finish()
    }

    private func log(_ kind: LogLeaf.Kind, _ number: Int64, _ body: [UInt8], at slice: Slice) {
        let leaf = LogLeaf(origin: world.origin, kind: kind, number: number, body: body)
        leaves.append((leaf, world.entries.count, body, slice))
        world.entries.append(leaf.bytes)
    }

    private func offer(_ mote: Ed25519Key, bucket: UInt8, _ root: [UInt8]) throws -> Offer {
        let key = try #require(world.issuer.key(of: permitRole)), start = start + 4
        let input = TokenInput(type: .blindRSA, nonce: mote.publicKey, challengeDigest: Challenges.permit(from: start).digest, keyID: key.bytes)
        let publicKey = Self.permitKey.publicKey, scheme = BlindSignature.deterministic
        let block = try #require(scheme.encode(input.bytes, salt: [UInt8](repeating: 7, count: 48), for: publicKey)), signature = try #require(Self.permitKey.signBlock(block))
        func made(_ signed: [UInt8]) -> Offer {
            Offer(
                permit: Token(input: input, authenticator: signature), size: .small, bucket: bucket, first: start, last: start + 3, group: MarketRules(world.terms).groups[bucket]!,
                address: Array("127.0.0.1:1 \(String(repeating: "AB", count: 20))".utf8), keyRoot: root, signature: signed)
        }
        return made(mote.sign(made([UInt8](repeating: 0, count: 64)).signed))
    }

    private func settle(_ slice: Slice, _ offers: [Offer]) throws {
        let listed = offers.filter { ($0.first...$0.last).contains(slice) }
        var own = (0..<5).map { Digest.sha256([UInt8($0), UInt8(slice.index & 255)]) }
        var requests: [SwapRequest] = []
        if slice == start + 4 { requests = motes.enumerated().map { swap($1, accepts: $0 == 0 ? 2 : 1) } }
        own = (own + requests.map(\.id)).sorted { $0.lexicographicallyPrecedes($1) }
        let seal = OrdersSeal(slice: slice, ids: own)
        log(.orders, slice.index, seal.bytes, at: slice)
        let record = BeaconRecord(seal: seal, reveals: zip(world.witnesses, secrets).map { Reveal(witness: $0.name, value: $1.value(Int(slice.index - start.index))!, of: seal, key: $0.key) })
        (published.identifiers[slice], published.beacons[slice], published.offers[slice]) = (own, record, listed)
        let buckets = Clearing.run(zip(requests, offers).map { SwapOffer(id: $0.id, gives: $1.bucket, accepts: $0.accepts)! }, beacon: record.value, leastFleet: 1)
        published.swaps[slice] = requests.map { SwapResult($0, buckets[$0.id]) }
        published.verdicts[slice] = listed.flatMap { offer in world.witnesses.map { Verdict(witness: $0.name, mote: offer.mote, slice: slice, isUp: true, taken: UInt16(listed.count), key: $0.key) } }
        published.lists[slice] = [.listings: listed.flatMap(\.bytes), .certs: published.verdicts[slice]!.isEmpty ? [] : Verdict.encode(published.verdicts[slice]!), .swaps: []]
        log(.report, slice.index, report(slice, record).bytes, at: slice)
    }

    private func swap(_ mote: Ed25519Key, accepts: UInt32) -> SwapRequest {
        func made(_ signature: [UInt8]) -> SwapRequest {
            SwapRequest(mote: mote.publicKey, accepts: accepts, first: start + 4, last: start + 7, orderKey: Digest.sha256([5]), signature: signature)
        }
        return made(mote.sign(made([UInt8](repeating: 0, count: 64)).signed))
    }

    /// A pack is bought each slice; the first one reports the permits too.
    private func report(_ slice: Slice, _ record: BeaconRecord) -> EpochReport {
        var report = EpochReport(origin: world.origin, seal: record.seal, beacon: record.value)
        let packs = slice.index - start.index - 3, staked: Int64 = slice > start + 3 ? 12 * Int64(motes.count) : 0
        report.counts = [
            .credit(.twoHundredFiftySix, week: start.week): KeyCount(issued: 3 * packs), .credit(.sixtyFour, week: start.week): KeyCount(issued: 3 * packs),
            .credit(.four, week: start.week): KeyCount(issued: staked / 4, redeemed: staked / 4),
        ]
        report.accounts = [.prepaid: -960 * packs - staked, .credit(week: start.week): 960 * packs, .stake: staked]
        if slice == start + 4 { report.counts[permitRole] = KeyCount(issued: Int64(motes.count)) }
        tellLists(&report)
        tellThrottle(&report)
        // A mote that served in a slice earns rights for the one after the next.
        if slice > start + 4, slice <= start + 8 { for bucket in [UInt8(0), 1] { report.counts[.barter(bucket: bucket, slice + 1)] = KeyCount(issued: 2) } }
        report.hidden = [.init(shape: .buy(.four), role: .credit(.four, week: start.week), orders: 3, set: 60, isHeld: false)]
        return report
    }

    private func tellLists(_ report: inout EpochReport) {
        let settled = report.slice - EpochReport.settling
        report.lists[.init(.swaps, of: report.slice)] = .init(count: 0, body: [])
        for list in [EpochReport.List.listings, .certs] {
            guard let body = published.lists[settled]?[list], !body.isEmpty else { continue }
            report.lists[.init(list, of: settled)] = .init(count: 1, body: body)
        }
    }

    private func tellThrottle(_ report: inout EpochReport) {
        let slice = report.slice, settled = slice - EpochReport.settling, listed = published.offers[slice] ?? []
        let probed = ProbedShares((published.offers[settled] ?? []).map { ($0.mote, $0.size) }, published.verdicts[settled] ?? [], at: settled, world.terms.trust)
        let wanted = slice == start + 4 ? Int64(motes.count) : 0
        let counts = SliceCounts(live: Int64(listed.count), ending: Int64(listed.count { $0.last == slice }), wanted: wanted, probed: probed)
        let (decision, permits) = law.decide(counts, at: slice)
        (report.throttle, report.permits) = ([slice: decision], permits)
    }

    /// Signs the log as it is now, and hands everything out with proofs.
    func finish() {
        let tree = TransparencyLog(world.entries.map { MerkleTree.leaf($0) })
        published.entries = world.entries
        published.checkpoint = world.checkpoint(at: leaves.last!.at + 1)
        published.documents = leaves.filter { $0.leaf.kind != .orders }.map { item in
            var checkpoint = Checkpoint(origin: world.origin, size: tree.size, root: tree.root)
            checkpoint.sign(world.logKey)
            for witness in world.witnesses { checkpoint.cosign(witness.name, witness.key, secondsSinceEpoch: UInt64(world.terms.time.start(of: item.at))) }
            return LoggedDocument(
                kind: item.leaf.kind, number: item.leaf.number, index: item.index, checkpoint: checkpoint, proof: tree.inclusion(of: item.index, size: tree.size)!, body: item.body)
        }
    }

    /// An entry more, among the others.
    func add(_ kind: LogLeaf.Kind, _ number: Int64, _ body: [UInt8], at slice: Slice) {
        log(kind, number, body, at: slice)
        finish()
    }

    /// The report of a slice, bent: the exchange says something else from the beginning.
    func bend(_ slice: Slice, _ change: (inout EpochReport) -> Void) throws {
        let place = try #require(leaves.firstIndex { $0.leaf.kind == .report && $0.leaf.number == slice.index })
        var report = try EpochReport(leaves[place].body)
        change(&report)
        let leaf = LogLeaf(origin: world.origin, kind: .report, number: slice.index, body: report.bytes)
        leaves[place] = (leaf, leaves[place].index, report.bytes, leaves[place].at)
        world.entries[leaves[place].index] = leaf.bytes
        finish()
    }

    var rulesBroken: Set<MarketAudit.Rule> { Set(findings.map(\.rule)) }
    var findings: [MarketAudit.Finding] { MarketAudit.findings(published, world.terms) }
}
