internal import Ambience
internal import ArgumentParser
internal import Bytes
internal import Coordination
internal import Exchange
internal import Sealing

/// The side that takes money. It and the exchange share nothing but this key: the exchange has its public half.
struct MarketCashier: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cashier", abstract: "Sign receipts for packs that were paid for.", subcommands: [Key.self, Receipt.self])

    struct Key: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "key", abstract: "Make a cashier's key, and print its public half for 'market serve --cashier'.")

        @Argument(help: ArgumentHelp("Where the key is to be; an existing file is kept.", valueName: "file"), completion: .file()) var file: String

        func run() throws { Terminal.say(Hex.lower(try CashierKey.make(file).publicKey)) }
    }

    struct Receipt: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "receipt", abstract: "Print a receipt for one pack, for 'market prepay'.",
            discussion: "Print one for each pack that was paid for, and remember nothing of it longer than you must. Whoever has it has the pack.")

        @Option(help: ArgumentHelp("The cashier's key.", valueName: "file"), completion: .file()) var key: String

        func run() throws {
            let receipt = SecureRandom.bytes(32)
            Terminal.say("dust-receipt \(Hex.lower(receipt)) \(Hex.lower(try CashierKey.read(key).sign(Signed.receipt(receipt))))")
        }
    }
}

/// A file with an Ed25519 seed in hexadecimal, readable by its owner only.
enum CashierKey {
    static func make(_ path: String) throws -> Ed25519Key {
        if !Files.exists(path) {
            var seed = SecureRandom.bytes(32)
            defer { seed.wipe() }
            do { try Files.replace(path, with: Hex.lower(seed) + "\n") } catch { throw CoordinationError(.cannotCreate, "cannot make the cashier's key: \(error)") }
        }
        return try read(path)
    }

    static func read(_ path: String) throws -> Ed25519Key {
        let text: String
        do { text = try Files.readText(path) } catch {
            throw CoordinationError(.notFound, "cannot read the cashier's key: \(error); make one with: dustcloud market cashier key FILE")
        }
        guard var seed = Hex.decode(text.filter { !$0.isWhitespace }), seed.count == 32 else {
            throw CoordinationError(.badData, "\(path) is no cashier's key: 64 hexadecimal digits are expected")
        }
        defer { seed.wipe() }
        return Ed25519Key(seed: seed)
    }
}
