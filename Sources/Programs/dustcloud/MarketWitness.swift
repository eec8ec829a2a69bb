internal import Ambience
internal import ArgumentParser
internal import Bytes
internal import Coordination
internal import Exchange
internal import Sealing
internal import Witnessing

/// A witness of an exchange. Three of them, run by people who do not trust each other, are what everybody's trust rests on.
struct MarketWitness: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "witness", abstract: "Watch over an exchange: its log, its beacons and its motes.", subcommands: [Run.self, Key.self], defaultSubcommand: Run.self)

    struct Key: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "key", abstract: "Make the witness's key, and print its public half for the exchange's first start.")

        @Option(name: .customLong("state"), help: ArgumentHelp("The witness's folder; it is made.", valueName: "dir"), completion: .directory) var state: String

        func run() throws { Terminal.say(Hex.lower(try MarketWitness.sorted { try WitnessFolder(state).key().publicKey })) }
    }

    struct Run: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "run", abstract: "Run the witness.",
            discussion: """
                It signs the exchange's log as long as it only grows, gives out one value a slice for the beacon, and probes each listed mote once a \
                slice at an instant of its own. Keep its folder: a witness that forgot what it signed is none. Make its key first: market witness key.
                """)

        @Option(name: .customLong("state"), help: ArgumentHelp("The witness's folder.", valueName: "dir"), completion: .directory) var state: String
        @Option(help: ArgumentHelp("The exchange's terms.", valueName: "file"), completion: .file()) var terms: String
        @Option(help: ArgumentHelp("Where it answers. Default: where the terms say.", valueName: "ip:port")) var listen: String?
        @Option(help: ArgumentHelp("The node program, which probes motes. Default: mote beside this program.", valueName: "file"), completion: .file()) var mote: String?
        @Option(help: ArgumentHelp("Reach the exchange through this client; an onion service is reached in no other way.", valueName: "ip:port")) var socks: String?

        func validate() throws {
            for (name, text) in [("--listen", listen), ("--socks", socks)] where text != nil && text.flatMap({ SocketAddress($0) }) == nil {
                throw ValidationError("\(name) needs an IP address and a port, such as 127.0.0.1:9081")
            }
        }

        func run() throws {
            var patience = Patience()
            let terms = try MarketWitness.terms(self.terms), folder = try MarketWitness.sorted { try WitnessFolder(state) }
            let key = try MarketWitness.sorted { try folder.key().publicKey }
            let own = terms.witnesses.first { $0.key == key }?.address
            guard let address = (listen ?? own).flatMap({ SocketAddress($0) }) else {
                throw CoordinationError(.usage, own == nil ? "\(Witness.Failure.notAWitness(folder: state))" : "the terms name no IP address for this witness: say where it answers with --listen")
            }
            let settings = Witness.Settings(listen: address, mote: try NodeProgram.find(mote), socks: socks.flatMap { SocketAddress($0) })
            let witness = try MarketWitness.sorted { try Witness(folder, terms, settings) { Terminal.report($0) } }
            Terminal.report("witness \(witness.name) of \(terms.origin) answers at \(witness.address)")
            while !patience.wait(milliseconds: 1000) {}
            Terminal.report("ending")
            witness.stop()
        }
    }

    static func terms(_ path: String) throws -> MarketTerms {
        do { return try MarketTerms(try Files.readText(path)) } catch let error as FileError { throw CoordinationError(.notFound, "cannot read the terms: \(error)") } catch {
            throw CoordinationError(.badData, "\(path): \(error)")
        }
    }

    /// With an exit code that says what kind of trouble it is.
    static func sorted<R>(_ work: () throws -> R) throws -> R {
        do { return try work() } catch let failure as WitnessFolder.Failure {
            switch failure {
            case .inUse: throw CoordinationError(.busy, "\(failure)")
            case .damaged: throw CoordinationError(.badData, "\(failure)")
            case .file: throw CoordinationError(.noPermission, "\(failure)")
            }
        } catch { throw CoordinationError(.unavailable, "\(error)") }
    }
}
