internal import Ambience
internal import ArgumentParser
internal import CloudCalls
internal import Clouds
internal import Coordination
internal import Glibc
internal import Leasing
internal import Placement
internal import Prices

/// Where motes are rented, and for how much.
struct CloudOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Rent motes where this placement policy says; see Policies/placement. With --provider, at that provider only.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    var placement: String?
    @Option(help: ArgumentHelp("The most to spend until the cloud is down, such as 5USD; once per currency. Default: the policy's ceilings.", valueName: "amount"))
    var budget: [MoneyArgument] = []
    @Option(help: ArgumentHelp("An address of this machine at which rented motes reach it.", valueName: "ip")) var address: String?
    @Option(help: ArgumentHelp("Where they report to. Default: --address, and a port that is free.", valueName: "ip:port")) var enrolListen: String?
    @Option(help: ArgumentHelp("Where machines fetch the mote image's initramfs (make image), by HTTP.", valueName: "url")) var imageUrl: String?
    @Option(help: ArgumentHelp("Its SHA-256.", valueName: "hex")) var imageSha256: String?
    @Option(help: ArgumentHelp("What machines boot, as provider=image or provider/region=image. Default: Debian 12.", valueName: "name=image")) var boot: [String] = []
    @Option(help: ArgumentHelp("A file of NAME=value lines that only you can read, instead of the environment.", valueName: "file"), completion: .file())
    var credentials: String?
    @Option(help: ArgumentHelp("The fleet that machines are tagged with. Default: one of its own for every cloud.", valueName: "name")) var fleet: String?
    @Flag(help: "Rent without asking.") var yes = false
    @Flag(help: "Say where motes would be rented and for how much, and end.") var dryRun = false

    /// The first of these that needs a placement policy and was given.
    var given: String? {
        !budget.isEmpty ? "--budget" : imageUrl != nil ? "--image-url" : imageSha256 != nil ? "--image-sha256" : !boot.isEmpty ? "--boot"
            : credentials != nil ? "--credentials" : fleet != nil ? "--fleet" : enrolListen != nil ? "--enrol-listen" : address != nil ? "--address" : dryRun ? "--dry-run" : nil
    }

    /// `only`: the one provider that is wanted of those in the policy.
    func plan(only provider: String?) throws -> CloudsPlan? {
        guard let placement else {
            if let provider { throw CoordinationError(.usage, "--provider \(provider) rents machines: say where and for how much with --placement; see Policies/placement") }
            if let given { throw CoordinationError(.usage, "\(given) is for rented motes; name a placement policy with --placement") }
            return nil
        }
        var (policy, catalogue) = try PolicyFile.placement(placement)
        if let provider {
            policy.accounts.removeAll { $0.provider != provider }
            guard !policy.accounts.isEmpty else { throw CoordinationError(.configuration, "\(placement) has no account at \(provider)") }
        }
        try refuseSharedProviders(policy, placement)
        if !budget.isEmpty { policy.ceilings = try ceilings(policy) }
        guard fleet.map(MachineTags.isFleet) ?? true else { throw CoordinationError(.usage, "a fleet's name has 1 to 32 lower-case letters, digits and hyphens") }
        guard let address, SocketAddress("\(address):0")?.ip.isIPv4 == true else {
            throw CoordinationError(.usage, "--address: name an IPv4 address of this machine at which rented motes reach it; authority and enrolment listen there")
        }
        var random = SystemRandomNumberGenerator()
        return CloudsPlan(
            fleet: fleet ?? "dust-" + MoteKey.random(&random).description.prefix(12), placement: policy, catalogue: catalogue, budget: policy.ceilings,
            credentials: try credentials.map(absolute), address: address, images: try images(), download: try download(), enrolment: enrolListen)
    }

    /// A running cloud's plan with what may change.
    func changed(_ plan: CloudsPlan?) throws -> CloudsPlan? {
        guard var plan else {
            if let given = placement != nil ? "--placement" : given { throw CoordinationError(.configuration, "\(given) is for rented motes, and this cloud's run here; first: dustcloud down") }
            return nil
        }
        let fixed = placement != nil ? "--placement" : imageUrl != nil ? "--image-url" : !boot.isEmpty ? "--boot" : fleet != nil ? "--fleet" : nil
        if let fixed { throw CoordinationError(.configuration, "\(fixed) cannot change while a cloud is up; first: dustcloud down") }
        for money in budget { plan.budget[money.money.currency] = money.money.amount }
        plan.placement.ceilings = plan.budget
        if let credentials { plan.credentials = try absolute(credentials) }
        return plan
    }

    private func ceilings(_ policy: PlacementPolicy) throws -> [Currency: Amount] {
        let amounts = Dictionary(budget.map { ($0.money.currency, $0.money.amount) }) { _, last in last }
        guard amounts.count == budget.count else { throw CoordinationError(.usage, "--budget: one amount for each currency") }
        return amounts
    }

    /// Each account has its credentials by the provider's name, so two of one provider could not be told apart.
    private func refuseSharedProviders(_ policy: PlacementPolicy, _ path: String) throws {
        for (provider, accounts) in Dictionary(grouping: policy.accounts, by: \.provider) where Set(accounts.map(\.payer)).count > 1 {
            throw CoordinationError(.configuration, "\(path): \(provider) has several payers, and 'up' has one account for each provider: leave one of them")
        }
    }

    private func images() throws -> [String: String] {
        var images: [String: String] = [:]
        for text in boot {
            guard let mark = text.firstIndex(of: "="), mark != text.startIndex, text.index(after: mark) != text.endIndex else {
                throw CoordinationError(.usage, "--boot \(text): expected provider=image or provider/region=image")
            }
            images[String(text[..<mark])] = String(text[text.index(after: mark)...])
        }
        return images
    }

    private func download() throws -> CloudsPlan.Download? {
        guard imageUrl != nil || imageSha256 != nil else { return nil }
        guard let imageUrl, let imageSha256, BootScript.Image(url: imageUrl, sha256: imageSha256) != nil else {
            throw CoordinationError(.usage, "--image-url needs an http or https address, and --image-sha256 with 64 lower-case hexadecimal digits")
        }
        return CloudsPlan.Download(url: imageUrl, sha256: imageSha256)
    }

    /// The coordinator may run elsewhere next time.
    private func absolute(_ path: String) throws -> String {
        guard let resolved = realpath(path, nil) else { throw CoordinationError(.notFound, "cannot read \(path): \(String(cString: strerror(errno)))") }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

/// `5USD`, `5.00 EUR`.
struct MoneyArgument: ExpressibleByArgument {
    let money: Money

    init?(argument: String) {
        let digits = argument.prefix { $0.isNumber || $0 == "." }
        guard let amount = Amount(String(digits)), let currency = Currency(rawValue: argument.dropFirst(digits.count).filter { $0 != " " }) else { return nil }
        money = Money(amount, currency)
    }
}
