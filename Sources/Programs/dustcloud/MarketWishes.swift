internal import Ambience
internal import ArgumentParser
internal import Bytes
internal import Coordination
internal import Exchange
internal import Glibc
internal import Wallet

struct MarketPrepay: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prepay", abstract: "Turn receipts of paid packs into credit.",
        discussion: "FILE has what the cashier gave: lines 'dust-receipt ID SIGNATURE', one for each pack of 960 smm.")

    @OptionGroup var wallet: WalletOption
    @Argument(help: ArgumentHelp("The receipts.", valueName: "file"), completion: .file()) var file: String

    func run() throws {
        let (_, store, _) = try wallet.open()
        try WalletFault.told {
            let text: String
            do { text = try Files.readText(file) } catch { throw WalletError(.notFound, "cannot read the receipts: \(error)") }
            let packs = try text.split(separator: "\n").filter { !$0.allSatisfy(\.isWhitespace) }.map { line in
                let words = line.split(separator: " ")
                guard words.count == 3, words[0] == "dust-receipt", let receipt = Hex.decode(words[1]), receipt.count == 32, let signature = Hex.decode(words[2]), signature.count == 64
                else { throw WalletError(.badData, "\(file) has a line that is no receipt: 'dust-receipt ID SIGNATURE' is expected") }
                return Pack(receipt: receipt, signature: signature)
            }
            let new = try packs.count { try store.add($0) }
            Terminal.say("\(new) pack\(new == 1 ? "" : "s") to be had" + (new < packs.count ? ", \(packs.count - new) known already" : "") + "; 'dustcloud market run' gets them")
        }
    }
}

struct MarketBuy: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "buy", abstract: "Buy access to motes for the next slices.",
        discussion: """
            A purchase is always three equal tokens of credit for 12, 48 or 192 of access, so that what is bought says little. The wallet draws the \
            motes itself, never its own. Credit must have aged before it is spent, or an insider of the exchange can guess who paid for it: \
            --urgent spends fresh credit, and the guess is shown and agreed to first.
            """)

    enum Size: UInt16, ExpressibleByArgument, CaseIterable { case twelve = 12, fortyEight = 48, oneHundredNinetyTwo = 192 }

    @OptionGroup var wallet: WalletOption
    @Option(help: ArgumentHelp("How many purchases.", valueName: "number")) var bundles = 1
    @Option(help: ArgumentHelp("Tokens of each: 12, 48 or 192.", valueName: "number")) var tokens: Size = .twelve
    @Flag(help: "Spend fresh credit if there is no other.") var urgent = false
    @Flag(help: "Agree to the guess.") var yes = false

    private static let bundlesRange = 1...64

    func validate() throws {
        guard Self.bundlesRange.contains(bundles) else { throw ValidationError("--bundles is \(Self.bundlesRange.lowerBound) to \(Self.bundlesRange.upperBound)") }
    }

    func run() throws {
        let (_, store, terms) = try wallet.open()
        let slice = terms.time.slice(at: SystemTime().wall.secondsSinceEpoch)
        let figure = try WalletFault.told { GuessFigure(sources: try store.sourcesPerSlice(before: slice), isFresh: urgent) }
        Terminal.say(figure.text)
        guard figure.isGood || yes || Terminal.agrees("buy all the same?") else {
            throw CoordinationError(.usage, "nothing was bought; wait until more people use the exchange or credit is older, or agree with --yes")
        }
        guard let denomination = Denomination(rawValue: tokens.rawValue / 3) else { return }
        try WalletFault.told { for _ in 0..<bundles { try store.addPurchase(denomination, isUrgent: urgent, notBefore: slice) } }
        Terminal.say("\(bundles) purchase\(bundles == 1 ? "" : "s") of \(tokens.rawValue) tokens noted; 'dustcloud market run' makes them")
    }
}

/// How well an insider of the exchange could guess who paid, in words.
struct GuessFigure {
    /// Fewer than this many to hide among is told and asked about.
    private static let least = 50.0

    let others: Double?

    /// - Parameter sources: payments and deposits per slice, if it is known.
    init(sources: Double?, isFresh: Bool) { others = sources.map { 1 / Anonymity.guess(sourcesPerSlice: $0, slices: isFresh ? 1 : TokenStock.ages.count) } }

    var isGood: Bool { others.map { $0 >= Self.least } ?? false }

    var text: String {
        guard let others else { return "who paid: no report of the exchange is known yet, so it may be that nobody else pays or deposits just now" }
        return "who paid: an insider of the exchange guesses right 1 time in \(Int(others))" + (isGood ? "" : "; that is few to hide among")
    }
}

extension Terminal {
    /// Asks a person; without one, the answer is no.
    static func agrees(_ question: String) -> Bool {
        guard isatty(0) == 1 else { return false }
        say("\(question) [y/N]")
        return readLine()?.lowercased().hasPrefix("y") ?? false
    }
}

struct MarketSwap: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swap", abstract: "Swap an offered mote for the use of motes elsewhere, instead of credit.",
        discussion: "The exchange clears swaps once a slice, in rings of any length. While the own mote is up, it earns rights in the other bucket, slice by slice.")

    @OptionGroup var wallet: WalletOption
    @Argument(help: ArgumentHelp("The offered mote's MoteMarket folder.", valueName: "folder"), completion: .directory) var folder: String
    @Option(name: .customLong("for"), help: ArgumentHelp("A bucket that would do; may be repeated.", valueName: "bucket")) var buckets: [UInt8] = []

    func run() throws {
        let (_, store, terms) = try wallet.open()
        let path = Files.whole(folder)
        guard !buckets.isEmpty, buckets.allSatisfy({ bucket in terms.buckets.contains { $0.number == bucket } }) else {
            throw CoordinationError(.usage, "name buckets with --for; the exchange has \(terms.buckets.map { "\($0.number) (\($0.region), \($0.group))" }.joined(separator: ", "))")
        }
        let count = try WalletFault.told { try store.want(buckets.reduce(0) { $0 | 1 << UInt32($1) }, folder: path) }
        guard count > 0 else { throw CoordinationError(.notFound, "no mote is offered out of \(path); offer it first with: dustcloud market offer") }
        Terminal.say("it shall be swapped; 'dustcloud market run' asks for that when the mote is listed")
    }
}

struct MarketRefund: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refund", abstract: "Have access that was not used paid back now, not at a moment of the wallet's choice.",
        discussion: "Possible from the second day after the day it was for, sixteen tokens at a time, for 15 of credit.")

    @OptionGroup var wallet: WalletOption
    @Flag(help: "Leave the moment to the wallet again.") var later = false

    func run() throws {
        let (_, store, _) = try wallet.open()
        try WalletFault.told { if later { try store.unset("refunds") } else { try store.set("refunds", [1]) } }
        Terminal.say(later ? "the wallet chooses when" : "what can be refunded is, as soon as its time has come; 'dustcloud market run' does it")
    }
}
