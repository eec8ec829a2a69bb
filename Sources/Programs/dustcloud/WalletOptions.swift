internal import Ambience
internal import ArgumentParser
internal import Coordination
internal import Exchange
internal import MarketLine
internal import Providers
internal import Wallet

/// Which wallet is meant: the one in the cloud's state folder.
struct WalletOption: ParsableArguments {
    @OptionGroup var state: StateOption

    func folder() throws -> WalletFolder { WalletFolder(WalletPlace(state: Files.whole(try state.place())).path) }

    /// The wallet there is, to look at it or to wish something of it.
    func open() throws -> (folder: WalletFolder, store: WalletStore, terms: MarketTerms) {
        let folder = try folder()
        return try WalletFault.told {
            let terms = try folder.readTerms()
            return (folder, try WalletStore(folder.database), terms)
        }
    }
}

/// How the exchange is reached.
struct RouteOptions: ParsableArguments {
    @Option(help: ArgumentHelp("SOCKS 5 port of a client of the overlay. Default: the running cloud's.", valueName: "address:port")) var socks: String?
    @Flag(help: "Connect straight to the exchange, which then sees from where. For trials.") var direct = false

    func validate() throws {
        guard socks == nil || !direct else { throw ValidationError("--socks or --direct, not both") }
        guard socks.map({ SocketAddress($0) != nil }) ?? true else { throw ValidationError("--socks is ADDRESS:PORT") }
    }

    /// Never straight unless that was asked for.
    func route(_ state: StateOption) throws -> MarketClient.Route {
        if direct { return .direct }
        if let socks, let address = SocketAddress(socks) { return .socks(address) }
        guard let settings = try state.existing()?.store.settings(), let address = SocketAddress(settings.network.socks) else {
            throw CoordinationError(.unavailable, "no cloud runs here whose client could be used; bring one up with 'dustcloud up', or name a client's port with --socks")
        }
        return .socks(address)
    }
}

/// The wallet's errors with the codes of sysexits.h.
enum WalletFault {
    static func told<R>(_ body: () throws -> R) throws -> R {
        do { return try body() } catch let error as WalletError { throw CoordinationError(kind(error.kind), error.description) } catch let error as MarketLineError {
            throw CoordinationError(.unavailable, error.description)
        }
    }

    private static func kind(_ kind: WalletError.Kind) -> CoordinationError.Kind {
        switch kind {
        case .usage: .usage
        case .badData: .badData
        case .notFound: .notFound
        case .unavailable: .unavailable
        case .busy: .busy
        case .cannotCreate: .cannotCreate
        }
    }
}
