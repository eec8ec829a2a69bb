internal import Ambience
internal import Bytes
internal import Exchange
internal import Logging
internal import Loops
internal import Relaying
internal import Sealing

/// A mote that is sold on the exchange: what its folder `MoteMarket` says, and the gate for those who bought. The folder is the owner's
/// wallet's; it is looked at again and again, for keys come every day.
final class MarketRole {
    /// Key files that are looked at: more than there are weeks and days in question.
    private static let keyFilesLimit = 128
    private static let textLimitBytes = 64 << 10

    private let folder: String
    private let router: OnionRouter
    private let log = Logger(label: "market")
    private var terms: MarketTerms?
    private var book: KeyBook?
    private var takenKeys: Set<String> = []
    private var desk: GateDesk?
    /// Of the offer that was read last.
    private var signer: Ed25519Key?
    /// The words of the folder that hold now.
    private var said: [String] = []
    private var lastTrouble = ""
    /// Called when there is something new to tell in the descriptor.
    var onChange: () -> Void = {}
    /// Our public key on the exchange, once we are there.
    private(set) var key: [UInt8]?

    init(folder: String, router: OnionRouter) { (self.folder, self.router) = (folder, router) }

    private struct Trouble: Error { let words: String }

    /// Once a second.
    func look(at now: WallTime) {
        // Every mote beside a wallet may be offered; most are not.
        guard desk != nil || Files.exists(path(MoteFolder.offer)) else { return }
        do {
            try follow(at: now)
            lastTrouble = ""
        } catch {
            let words = (error as? Trouble)?.words ?? "\(error)"
            if words != lastTrouble { log.warning("MoteMarket \(folder): \(words)") }
            lastTrouble = words
        }
    }

    private func follow(at now: WallTime) throws {
        let terms = try terms ?? MarketTerms(text(MoteFolder.terms))
        self.terms = terms
        let slice = terms.time.slice(at: now.secondsSinceEpoch)
        let words = [try text(MoteFolder.offer), Files.exists(path(MoteFolder.owners)) ? try text(MoteFolder.owners) : ""]
        let isNew = takeKeys(terms, at: slice) || words != said
        if isNew || desk == nil { try renew(terms, words, at: slice) }
        guard let present = desk?.key(at: slice), present != key else { return }
        key = present
        log.notice("On the exchange \(terms.origin) with the key \(Hex.lower(present))")
        onChange()
    }

    private func renew(_ terms: MarketTerms, _ words: [String], at slice: Slice) throws {
        let offer = try MoteOffer(words[0]), owners = try owners(words[1]), keys = (book ?? KeyBook(terms)).access(bucket: offer.bucket)
        // The wallet writes the offer last: until it is new, the key that lies there may be the next offer's.
        let signer = try words[0] == said.first ? signer ?? readKey() : readKey()
        let isFirst = desk == nil
        let desk = try desk ?? GateDesk(terms.time, spends: SpendFile(path: path(MoteFolder.spends)))
        try desk.renew(offer, signer, owners: owners, keys: keys, at: slice)
        (self.desk, self.signer, said) = (desk, signer, words)
        if isFirst { router.policy.market = MarketEntry(keeper: desk, free: FreeAllowance(windowSeconds: terms.time.sliceSeconds)) }
    }

    private func readKey() throws -> Ed25519Key {
        var seed = try Files.read(path(MoteFolder.key))
        defer { seed.wipe() }
        guard seed.count == 32 else { throw Trouble(words: "\(MoteFolder.key) must hold 32 bytes, it has \(seed.count)") }
        return Ed25519Key(seed: seed)
    }

    /// Whether there were new keys.
    private func takeKeys(_ terms: MarketTerms, at slice: Slice) -> Bool {
        let names = ((try? Files.list(path(MoteFolder.keys))) ?? []).suffix(Self.keyFilesLimit).filter { !$0.hasSuffix(".tmp") }
        let fresh = names.filter { !takenKeys.contains($0) }
        guard !fresh.isEmpty || book == nil else { return false }
        var book = book ?? KeyBook(terms)
        for name in fresh {
            do {
                try book.accept(LoggedDocument(Files.read(path(MoteFolder.keys) + "/" + name)), at: slice)
            } catch { log.warning("MoteMarket \(folder): the keys in \(MoteFolder.keys)/\(name) are not honoured: \(error)") }
        }
        takenKeys = Set(names)
        self.book = book
        return true
    }

    private func owners(_ text: String) throws -> Set<[UInt8]> {
        let lines = text.split(separator: "\n"), keys = lines.compactMap { Hex.decode($0) }.filter { $0.count == 32 }
        guard keys.count == lines.count, keys.count <= MoteFolder.ownersLimit else {
            throw Trouble(words: "\(MoteFolder.owners) must have lines of 64 hexadecimal digits, \(MoteFolder.ownersLimit) at most")
        }
        return Set(keys)
    }

    private func path(_ name: String) -> String { folder + "/" + name }

    private func text(_ name: String) throws -> String {
        let text = try Files.readText(path(name))
        guard text.utf8.count <= Self.textLimitBytes else { throw Trouble(words: "\(name) is too long") }
        return text
    }
}
