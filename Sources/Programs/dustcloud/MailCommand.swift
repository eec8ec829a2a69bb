internal import Ambience
internal import ArgumentParser
internal import Boxes
internal import Coordination
internal import Postbox
internal import Providers
internal import Sealing

/// Mail of the cloud: what its people run.
struct MailCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mail", abstract: "A mailbox in the cloud, which nobody can tell to be yours.",
        discussion: """
            dustcloud mail address    make a mailbox, or show its address
            dustcloud mail serve      fetch what comes, and let mail programs on this machine read it
            dustcloud mail inbox      what has come
            dustcloud mail send       write to somebody, through the mix
            """,
        subcommands: [MailAddressCommand.self, MailSend.self, MailOutbox.self, MailInbox.self, MailServe.self, MailStatus.self])
}

/// Which mailbox is meant: the one in the cloud's state folder.
struct PostboxOption: ParsableArguments {
    @OptionGroup var state: StateOption

    func folder() throws -> PostboxFolder { PostboxFolder(try state.place() + "/mail") }

    /// The mailbox there is.
    func open() throws -> (folder: PostboxFolder, key: Curve25519Key, address: BoxAddress, store: PostboxStore) {
        let folder = try folder()
        return try MailFault.told {
            let key = try folder.key(making: false)
            return (folder, key, try Self.address(key), try PostboxStore(folder.database))
        }
    }

    static func address(_ key: Curve25519Key) throws -> BoxAddress {
        guard let address = BoxAddress(key: key.publicKey) else { throw CoordinationError(.badData, "the mailbox's key is damaged") }
        return address
    }
}

/// How motes are asked: through a mote that is a client.
struct MailRoute: ParsableArguments {
    @Option(help: ArgumentHelp("SOCKS port of a mote that is a client. Default: the running cloud's.", valueName: "address:port")) var socks: String?

    func validate() throws {
        guard socks.map({ SocketAddress($0) != nil }) ?? true else { throw ValidationError("--socks is ADDRESS:PORT") }
    }

    func line(_ state: StateOption) throws -> SocksBoxLine {
        if let socks, let address = SocketAddress(socks) { return SocksBoxLine(address) }
        guard let settings = try state.existing()?.store.settings(), let address = SocketAddress(settings.network.socks) else {
            throw CoordinationError(.unavailable, "no cloud runs here whose client could be used; bring one up with 'dustcloud up', or name a client's port with --socks")
        }
        return SocksBoxLine(address)
    }
}

/// The mailbox's errors with the codes of sysexits.h.
enum MailFault {
    static func told<R: ~Copyable>(_ body: () throws -> R) throws -> R {
        do { return try body() } catch let error as PostboxError { throw CoordinationError(kind(error.kind), error.description) } catch let error as FileError {
            throw CoordinationError(.unavailable, error.description)
        }
    }

    private static func kind(_ kind: PostboxError.Kind) -> CoordinationError.Kind {
        switch kind {
        case .notFound: .notFound
        case .badData: .badData
        case .unavailable: .unavailable
        case .busy: .busy
        case .cannotCreate: .cannotCreate
        }
    }
}

struct MailAddressCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "address", abstract: "Make a mailbox, or show the address of the one there is.",
        discussion: "Whatever name stands before the @ reaches you. Keep a copy of the file 'key' in the folder 'mail' of the state: without it no letter can be read.")

    @OptionGroup var mailbox: PostboxOption
    @Argument(help: ArgumentHelp("What stands before the @.", valueName: "name")) var name = "me"
    @Flag(help: "Print JSON.") var json = false

    private struct Line: Encodable {
        let address: String
        let folder: String
    }

    func validate() throws {
        guard (1...64).contains(name.utf8.count), name.utf8.allSatisfy({ $0 > 32 && $0 < 127 && !"@<>()[],;:\\\"".utf8.contains($0) }) else {
            throw ValidationError("a name has 1 to 64 letters, digits and such signs as . - _ +")
        }
    }

    func run() throws {
        let folder = try mailbox.folder(), isNew = !folder.exists
        let address = try MailFault.told { try PostboxOption.address(try folder.key(making: true)) }
        let text = "\(name)@\(address.domain)"
        if json { return try JSON.say(Line(address: text, folder: folder.path)) }
        Terminal.say(text)
        if isNew { Terminal.say("its key is \(folder.path)/key: keep a copy elsewhere. Letters are fetched by: dustcloud mail serve") }
    }
}
