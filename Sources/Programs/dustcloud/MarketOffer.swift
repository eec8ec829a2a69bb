internal import Ambience
internal import ArgumentParser
internal import Bytes
internal import Coordination
internal import Exchange
internal import Leasing
internal import Providers
internal import Wallet

struct MarketOffer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "offer", abstract: "Offer a mote that runs on this machine.",
        discussion: """
            Name a mote of the running cloud with --mote, or any other by its 'MoteMarket' FOLDER, address and fingerprint. The wallet writes into the \
            folder what the mote needs, and reads there whom it let in. A permit is drawn for, good for four slices; it stakes credit, which comes back \
            two days later unless the mote cheats. With --trial, work is shown instead. For more slices permits are asked for one after another; \
            offered again, the mote goes on for so many more.
            """)

    enum Size: String, ExpressibleByArgument, CaseIterable { case small, medium, large }

    @OptionGroup var wallet: WalletOption
    @Argument(help: ArgumentHelp("The mote's MoteMarket folder; it is made.", valueName: "folder"), completion: .directory) var folder: String?
    @Option(help: ArgumentHelp("A mote of the running cloud on this machine: its key or at least the first four digits.", valueName: "mote")) var mote: String?
    @Option(help: ArgumentHelp("Where the mote's ORPort is.", valueName: "address:port")) var address: String?
    @Option(help: ArgumentHelp("The mote's fingerprint, 40 hexadecimal digits.", valueName: "hex")) var fingerprint: String?
    @Option(name: .customLong("class"), help: "How much it carries: 15, 60 or 240 shares a slice.") var size: Size = .small
    @Option(help: ArgumentHelp("Its bucket in the exchange's terms.", valueName: "number")) var bucket: UInt8 = 0
    @Option(help: ArgumentHelp("For so many slices; each permit is for four. Default: four, or as long as a mote of the cloud lives.", valueName: "number")) var slices: Int64?
    @Flag(help: "Show work instead of a stake.") var trial = false
    @Flag(help: "Ask for no further permit for that mote.") var withdraw = false

    private static let slicesRange: ClosedRange<Int64> = 1...31 * Slice.perDay

    func validate() throws {
        guard (folder == nil) != (mote == nil) else { throw ValidationError("name a mote of the cloud with --mote, or the FOLDER of another") }
        guard mote == nil || address == nil && fingerprint == nil else { throw ValidationError("--address and --fingerprint go with FOLDER: of --mote they are known") }
        guard slices.map(Self.slicesRange.contains) ?? true else { throw ValidationError("--slices is \(Self.slicesRange.lowerBound) to \(Self.slicesRange.upperBound)") }
    }

    func run() throws {
        let (_, store, terms) = try wallet.open()
        let found = try mote.map { try CloudMote($0, wallet.state) }
        guard let path = found?.market ?? folder.map({ Files.whole($0) }) else { return }
        guard !withdraw else { return try withdraw(path, store) }
        guard let place = try found.map({ try $0.address() }) ?? MoteAddress("\(address ?? "") \(fingerprint ?? "")") else {
            throw CoordinationError(.usage, "name the mote with --address ADDRESS:PORT and --fingerprint HEX")
        }
        guard let own = terms.buckets.first(where: { $0.number == bucket }) else {
            throw CoordinationError(.usage, "the exchange has no bucket \(bucket); it has \(terms.buckets.map { "\($0.number)" }.joined(separator: ", "))")
        }
        try offer(path, place, permits: try permits(found, terms.time), own, store)
    }

    private func withdraw(_ path: String, _ store: WalletStore) throws {
        let count = try WalletFault.told { try store.withdraw(folder: path) }
        Terminal.say(count == 0 ? "no mote out of \(path) waits for a permit; one that has a permit serves to its end" : "no further permit is asked for")
    }

    private func permits(_ found: CloudMote?, _ time: MarketTime) throws -> Int {
        let each = MoteClass.slicesPerPermit
        if let slices { return Int((slices + each - 1) / each) }
        guard let found else { return 1 }
        // The first permit's slices begin in two.
        let left = (found.drains.secondsSinceEpoch - SystemTime().wall.secondsSinceEpoch) / time.sliceSeconds - WalletRules().permitLead
        guard left >= each else {
            throw CoordinationError(.unavailable, "mote \(found.key) lives too short for a permit of \(each) slices; offer one that was started with a longer --ttl, or say --slices")
        }
        return Int(left / each)
    }

    private func offer(_ path: String, _ place: MoteAddress, permits: Int, _ own: MarketTerms.Bucket, _ store: WalletStore) throws {
        let size: MoteClass = switch self.size { case .small: .small; case .medium: .medium; case .large: .large }
        let offered = try WalletFault.told { try store.addLot(size, bucket: bucket, folder: path, address: place, isTrial: trial, permits: permits) }
        guard offered != .waitsAlready else {
            throw CoordinationError(.usage, "a mote is offered out of \(path) already, and waits for its permit; offer it again when it has one, or give another mote a folder of its own")
        }
        let when = if case .from(let slice) = offered { " from slice \(slice.index) on" } else { "" }, slices = permits * Int(MoteClass.slicesPerPermit)
        Terminal.say("a \(self.size.rawValue) mote in \(own.region) (\(own.group)) is offered for \(slices) slices\(when); 'dustcloud market run' asks for its permit\(permits > 1 ? "s" : "")")
    }
}

/// A mote of the running cloud that is a process on this machine.
struct CloudMote {
    let key: MoteKey
    let drains: WallTime
    let market: String
    private let node: NodeFolder

    init(_ text: String, _ state: StateOption) throws {
        let (folder, store, _) = try state.required()
        key = try MoteArgument.find(text, store)
        (node, market) = (NodeFolder("\(folder.motes)/\(key)"), WalletPlace(state: folder.path).market(of: key))
        guard let record = try store.ledger().records[key], let torrc = try? Files.readText(node.torrc) else {
            throw CoordinationError(.notFound, "mote \(key) is no process of this machine; only those can be offered")
        }
        guard torrc.contains("\nMoteMarket \(market)\n") else {
            throw CoordinationError(.unavailable, "mote \(key) was started before there was a wallet; its successor can be offered: see dustcloud mote list")
        }
        drains = record.lease.drains
    }

    /// As its files have it.
    func address() throws -> MoteAddress {
        guard let place = node.place, let words = try? Files.readText(node.data + "/fingerprint").split(whereSeparator: \.isWhitespace), words.count == 2,
            let address = MoteAddress("\(place) \(words[1])")
        else { throw CoordinationError(.unavailable, "mote \(key) has no fingerprint yet; ask again when it runs") }
        return address
    }
}
