internal import Ambience
internal import ArgumentParser
internal import Bytes
internal import Coordination
internal import Exchange
internal import Market
internal import Sealing
internal import Synchronization

struct MarketServe: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run an exchange.",
        discussion: """
            The first start makes the exchange's keys and its terms, which never change: it needs --market, --cashier, three --witness and at least one \
            --bucket. Later starts need --state, and --listen and --database as before; whatever else they are given must be as in the terms. Give the file \
            'terms' in the state folder to everybody who is to use the exchange. Keep a copy of the file 'seed' elsewhere: without it all credit is void.

              dustcloud market cashier key cashier.key          (prints what --cashier needs)
              dustcloud market witness key --state DIR          (prints a witness's key; three of them, run by others)
              dustcloud market serve --state exchange --market dust.example/market --cashier HEX --witness w1,HEX,192.0.2.1:9081 --witness … --bucket 0,eu,first

            People should reach it as an onion service: let a tor serve the port of --listen, and name the service in --address.
            Killed at any moment, it goes on where it was when it is started again.
            """)

    @Option(name: .customLong("state"), help: ArgumentHelp("Where the exchange's keys and its database lie.", valueName: "dir"), completion: .directory) var state: String
    @Option(help: ArgumentHelp("Where its ledger is: postgres://USER@HOST/NAME, the password in ~/.pgpass. Default: a file of SQLite's in the state folder.", valueName: "address"))
    var database: String?
    @Option(help: ArgumentHelp("Where it answers.", valueName: "ip:port")) var listen = "127.0.0.1:9080"
    @OptionGroup(title: "First start") var first: MarketFirstStart
    @OptionGroup(title: "First start, for trials") var trial: MarketTrial

    func validate() throws {
        guard database.map(PostgresDatabase.isAddress) != false else { throw ValidationError("--database needs an address such as postgres://exchange@127.0.0.1/market") }
        guard SocketAddress(listen) != nil else { throw ValidationError("--listen needs an IP address and a port, such as 127.0.0.1:9080") }
    }

    func run() throws {
        var patience = Patience()
        let folder = try Self.sorted { try MarketFolder(state) }
        let terms = try first.terms(folder, listen: listen, trial), narrator = MarketNarrator()
        let server = try Self.sorted {
            let store = try MarketStore.open(database ?? folder.database) { Terminal.report("the counts of \($0.count) keys were not what their rows say, as after a backup was given back; they are now") }
            return try MarketServer(folder, terms, store: store, listen: SocketAddress(listen)!) { narrator.tell($0) }
        }
        Terminal.report("the exchange \(terms.origin) answers at \(server.address); its terms: \(folder.terms)")
        while !patience.wait(milliseconds: 1000) {}
        Terminal.report("ending")
        server.end()
    }

    private static func sorted<R>(_ work: () throws -> R) throws -> R {
        do { return try work() } catch let error as CoordinationError { throw error } catch let failure as MarketFolder.Failure {
            if case .inUse = failure { throw CoordinationError(.busy, "\(failure)") }
            throw CoordinationError(.noPermission, "\(failure)")
        } catch { throw CoordinationError(.unavailable, "\(error)") }
    }
}

/// Says each trouble once, and how many keys are still to be made every few seconds.
final class MarketNarrator: Sendable {
    private struct State {
        var trouble = ""
        var toldAt: WallTime?
    }

    private static let progressSeconds: Int64 = 2
    private let state = Mutex(State())

    func tell(_ news: MarketNews) {
        let isNew = state.withLock { state in
            switch news {
            case .trouble(let text):
                defer { state.trouble = text }
                return state.trouble != text
            case .making(let keys):
                let now = SystemTime().wall
                guard keys == 0 || state.toldAt.map({ now - $0 >= Self.progressSeconds }) ?? true else { return false }
                state.toldAt = now
                return true
            case .settled:
                state.trouble = ""
                return true
            case .published: return true
            }
        }
        if isNew { Terminal.report("\(news)") }
    }
}
