internal import Ambience
internal import Auditing
internal import ArgumentParser
internal import CloudCalls
internal import Clouds
internal import Coordination
internal import Leasing

/// Rented machines, by hand: those of `dustcloud up` have a coordinator.
struct MachineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "machine", abstract: "Rent machines that end at a known time, list them, end those that are overdue.",
        discussion: """
            Credentials come from the environment or a file (--credentials, mode 600), by the names that the providers' own tools use:
            AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN; HCLOUD_TOKEN; DIGITALOCEAN_TOKEN; VULTR_API_KEY; OS_AUTH_URL, OS_USERNAME,
            OS_PASSWORD, OS_PROJECT_NAME and their domains, or OS_APPLICATION_CREDENTIAL_ID and _SECRET (OS_NETWORK: which network to join). On EC2 they need RunInstances,
            CreateTags, DescribeInstances, DescribeRegions and TerminateInstances, and no more.
            Machines rented here are yours to use; motes are rented by 'dustcloud up --placement'. Run 'sweep' from cron, on any computer, for as long as you rent,
            with the --fleet that 'up' names: it ends by their tags alone what is overdue.
            """,
        subcommands: [Rent.self, List.self, End.self, Sweep.self])

    struct Rent: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Rent one machine. What was ordered is on disk before the provider is asked; killed, 'sweep' finishes it.")

        @OptionGroup var account: AccountOptions
        @Option(help: ArgumentHelp("Region or location.", valueName: "place")) var place: String
        @Option(help: ArgumentHelp("Availability zone (EC2, OpenStack).", valueName: "zone")) var zone: String?
        @Option(help: ArgumentHelp("Instance type (EC2: t3.nano:spot is a spot machine), server type, size, plan or flavor.", valueName: "name")) var size: String
        @Option(help: ArgumentHelp("Image. Vultr: a number is an os_id, else a snapshot.", valueName: "id")) var image: String
        @Option(help: ArgumentHelp("How long it lives.", valueName: "duration")) var ttl: Duration
        @Option(help: ArgumentHelp("What the machine does first. Default: it powers itself off when its time is over.", valueName: "file"), completion: .file())
        var userData: String?

        func validate() throws {
            guard zone == nil || [.ec2, .openstack].contains(account.provider) else { throw ValidationError("--zone is for ec2 and openstack") }
        }

        func run() throws {
            try CloudFault.sorted {
                let order = try order(), renter = try account.renter()
                var last: CallFailure?
                let rental = try renter.settle(Rental(order)) { failure in
                    last = failure
                    Terminal.complain("\(failure)")
                }
                guard let id = rental?.machine else { throw CoordinationError(last?.kind ?? .unavailable, "\(order.key): \(rental?.stage.words ?? "in other hands")") }
                Terminal.say("\(id)  \(order.key)  in \(place), to be gone at \(order.expires.rfc3339)")
            }
        }

        private func order() throws -> MachineOrder {
            var random = SystemRandomNumberGenerator()
            let expires = SystemTime().wall + ttl.seconds
            return MachineOrder(
                fleet: account.fleet, key: .random(&random), place: place, zone: zone, size: size, image: image, expires: expires,
                userData: try userData.map(read) ?? BootScript.end(at: expires))
        }

        private func read(_ path: String) throws -> String {
            do { return try Files.readText(path) } catch { throw CoordinationError(.notFound, "\(error)") }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the fleet's machines as the provider has them, the soonest to end first.")

        @OptionGroup var account: AccountOptions
        @Flag(help: "Print JSON.") var json = false

        struct Line: Encodable {
            let machine, key, place, state, expires: String
            let address: String?
        }

        func run() throws {
            let now = SystemTime().wall
            let machines = try CloudFault.sorted { try account.account().list(fleet: account.fleet) }.sorted { ($0.tags.expires, $0.id) < ($1.tags.expires, $1.id) }
            if json {
                return try JSON.say(machines.map {
                    Line(machine: $0.id, key: "\($0.tags.key)", place: $0.place, state: $0.state.rawValue, expires: $0.tags.expires.rfc3339, address: $0.address)
                })
            }
            var table = Table(["MACHINE", "KEY", "PLACE", "STATE", "ENDS IN", "ADDRESS"])
            for machine in machines {
                let left = machine.tags.expires - now
                table.add([
                    machine.id, String("\(machine.tags.key)".prefix(8)), machine.place, machine.state.rawValue, left > 0 ? Duration.text(left) : "overdue",
                    machine.address ?? "-",
                ])
            }
            Terminal.say(table.text)
        }
    }

    struct End: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End the machine of a key now.")

        @OptionGroup var account: AccountOptions
        @Argument(help: "The key, or its first digits.") var key: String

        func run() throws {
            try CloudFault.sorted {
                let open = try account.account()
                let found = try machines(open).filter { "\($0.tags.key)".hasPrefix(key) }
                guard !key.isEmpty, let first = found.first else { throw CoordinationError(.notFound, "no machine has a key that begins with \"\(key)\"") }
                guard found.allSatisfy({ $0.tags.key == first.tags.key }) else { throw CoordinationError(.usage, "several keys begin with \(key)") }
                for machine in found {
                    try open.end(machine).get()
                    Terminal.say("\(machine.id)  ending")
                }
            }
        }

        /// What is listed, and what was rented and is not listed yet.
        private func machines(_ open: CloudAccount) throws -> [Machine] {
            let listed = try open.list(fleet: account.fleet), known = Set(listed.map(\.id)), now = SystemTime().wall
            let hidden = try account.rentals().filter { $0.order.fleet == account.fleet && $0.order.expires > now }.compactMap { rental in
                rental.machine.map { Machine(id: $0, place: rental.order.place, tags: rental.order.tags, state: .starting) }
            }
            return listed.filter(\.isThere) + hidden.filter { !known.contains($0.id) }
        }
    }

    struct Sweep: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End machines that are expired, and second ones of one order; finish rentals that were cut short. Meant for cron.")

        @OptionGroup var account: AccountOptions

        func run() throws {
            let swept = try CloudFault.sorted { try account.renter().sweep(fleet: account.fleet) }
            for (machine, reason) in swept.ended { Terminal.say("\(machine.id)  \(reason.rawValue)  ending") }
            for (of, why) in swept.failures { Terminal.complain("\(of): \(why)") }
            try CloudFault.sorted {
                if let damage = swept.damage { throw damage }
                for rental in try account.rentals() where rental.isInDoubt {
                    let settled = try account.renter().settle(rental) { Terminal.complain("\(rental.order.key): \($0)") }
                    if let id = settled?.machine { Terminal.say("\(id)  \(rental.order.key)  rented") }
                }
            }
            if let why = swept.failures.first?.why { throw ExitCode(why.kind.exitCode) }
        }
    }
}

/// At which provider, as whom, and which machines.
struct AccountOptions: ParsableArguments {
    @OptionGroup var state: StateOption
    @Option(help: "ec2, hetzner, digitalocean, vultr or openstack.") var provider: CloudAccount.Provider
    @Option(help: ArgumentHelp("The fleet that machines are tagged with.", valueName: "name")) var fleet = "dustcloud"
    @Option(help: ArgumentHelp("A file of NAME=value lines that only you can read.", valueName: "file"), completion: .file()) var credentials: String?

    func validate() throws {
        guard MachineTags.isFleet(fleet) else { throw ValidationError("a fleet's name has 1 to 32 lower-case letters, digits and hyphens") }
    }

    func account() throws -> CloudAccount {
        let folder = try state.place()
        try Files.makeFolder(folder)
        return try CloudAccount(provider, secrets: try credentials.map { try Secrets.file($0) } ?? .environment(), audit: AuditLog(folder + "/audit"))
    }
    func renter() throws -> Renter { Renter(try account(), book: try book()) }
    func rentals() throws -> [Rental] { try book().rentals(provider: provider.rawValue) }

    private func book() throws -> RentalBook { RentalBook(try state.place() + "/machines") }
}

extension CloudAccount.Provider: ExpressibleByArgument {}

extension Rental.Stage {
    fileprivate var words: String {
        switch self {
        case .failed(let why): why
        case .spent: "its machine has ended already"
        case .intended, .asked, .named, .made: "not settled"
        }
    }
}
