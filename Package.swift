// swift-tools-version: 6.2
// This file is the import table of the house: what it does not list does not compile. See Sources/README.md.
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func door(_ name: String, pkgConfig: String? = nil, apt: String? = nil) -> Target {
    .systemLibrary(name: name, path: "Sources/Doors/\(name)", pkgConfig: pkgConfig, providers: apt.map { [.apt([$0])] })
}

/// What simulations run through millions of times: optimised in every build, or a week of many motes takes an afternoon.
let busy: Set = ["Leasing", "LeasingTests", "Prices", "Placement", "CloudCalls", "Rehearsal", "FleetTests", "Exchange", "MarketHistories", "MarketWorldTests", "Mixing", "Boxes", "BoxesTests", "Pickup", "Letters", "Outgoing"]

func settings(_ name: String) -> [SwiftSetting] { settings + (busy.contains(name) ? [.unsafeFlags(["-O"])] : []) }

func room(_ floor: String, _ name: String, _ uses: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: uses, path: "Sources/\(floor)/\(name)", swiftSettings: settings(name))
}

func program(_ name: String, _ uses: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: uses, path: "Sources/Programs/\(name)", swiftSettings: settings)
}

/// A program that tests or benches start.
func tool(_ name: String, _ uses: [Target.Dependency], at path: String) -> Target {
    .executableTarget(name: name, dependencies: uses, path: path, swiftSettings: settings)
}

/// What several tests share.
func helper(_ name: String, _ uses: [Target.Dependency] = [], at path: String) -> Target {
    .target(name: name, dependencies: uses, path: path, swiftSettings: settings)
}

func tests(_ name: String, _ uses: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(name: name, dependencies: uses, path: "Tests/\(name)", resources: resources, swiftSettings: settings(name))
}

let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let database = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
/// The rooms that parse what others send.
let fuzzed: [Target.Dependency] = [
    "Ambience", "Sealing", "Compression", "Onion", "OnionServices", "Directory", "Voting", "Socks", "Torrc", "Transports", "ControlProtocol",
    "DirectoryService", "CloudCalls", "Leasing", "Enrolment", "Audit", "Exchange", "MarketLine", "Mixing", "Outgoing", "Boxes", "Pickup", "Letters",
]

let package = Package(
    name: "dustcloud",
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        door("COpenSSL", pkgConfig: "openssl", apt: "libssl-dev"),
        door("CSodium", pkgConfig: "libsodium", apt: "libsodium-dev"),
        door("CEvent", pkgConfig: "libevent", apt: "libevent-dev"),
        door("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
        door("CZstd", pkgConfig: "libzstd", apt: "libzstd-dev"),
        door("CLinux"),
        door("CSeccomp", pkgConfig: "libseccomp", apt: "libseccomp-dev"),
        door("CMachine"),
        door("CProcessor"),
        door("CPolyval"),
        door("CAES"),
        door("CX25519"),
        door("CAEZ"),
        door("CCurl", pkgConfig: "libcurl", apt: "libcurl4-openssl-dev"),
        door("CPostgres", pkgConfig: "libpq", apt: "libpq-dev"),

        room("Basics", "Bytes"),
        room("Basics", "Ambience", ["CLinux"]),
        room("Basics", "Confidential", ["Ambience", log]),
        room("Basics", "Sealing", ["Bytes", "Ambience", "COpenSSL", "CSodium", "CProcessor", "CPolyval", "CAES", "CX25519"]),
        room("Basics", "Compression", ["CZlib", "CZstd"]),

        room("Cores", "Onion", ["Bytes", "Ambience", "Sealing"]),
        room("Cores", "Directory", ["Bytes", "Ambience", "Sealing"]),
        room("Cores", "OnionServices", ["Bytes", "Ambience", "Sealing", "Directory"]),
        room("Cores", "Voting", ["Bytes", "Ambience", "Sealing", "Directory"]),
        room("Cores", "Paths", ["Bytes", "Ambience", "Sealing", "Directory"]),
        room("Cores", "Socks", ["Bytes", "Ambience"]),
        room("Cores", "Names", ["Ambience"]),
        room("Cores", "Transports", ["Bytes", "Ambience", "Sealing"]),
        room("Cores", "Statistics", ["Ambience"]),
        room("Cores", "ControlProtocol", ["Bytes", "Ambience", "Sealing"]),
        room("Cores", "Torrc", ["Bytes", "Ambience", "Sealing", "Directory", "Transports", "ControlProtocol", "Limits"]),
        room("Cores", "Limits", ["Ambience"]),
        room("Cores", "Leasing", ["Ambience", "Prices"]),
        room("Cores", "Prices", ["Ambience"]),
        room("Cores", "Rehearsal", ["Ambience", "Leasing", "Prices"]),
        room("Cores", "Placement", ["Ambience", "Prices", "Leasing"]),
        room("Cores", "Usage", ["Ambience", "Prices", "Leasing"]),
        room("Cores", "Exchange", ["Bytes", "Ambience", "Sealing"]),
        room("Cores", "Mixing", ["Bytes", "Ambience", "Sealing", "CAEZ"]),
        room("Cores", "Boxes", ["Bytes", "Ambience", "Sealing", "Letters"]),
        room("Cores", "Letters", ["Bytes", "Ambience", "Sealing"]),
        room("Cores", "Pickup", ["Bytes", "Ambience"]),
        room("Cores", "Outgoing", ["Bytes", "Ambience", "Sealing", "Letters"]),
        room("Cores", "CloudCalls", ["Bytes", "Ambience", "Sealing", "Leasing"]),
        room("Cores", "Audit", ["Bytes", "Ambience", "Sealing", "Leasing"]),
        room("Cores", "Enrolment", ["Bytes", "Ambience", "Sealing", "Leasing"]),
        room("Cores", "Disclosure", ["Bytes", "Ambience", "Sealing", "Leasing", "Audit", "Enrolment"]),

        room("Shells", "Loops", ["Ambience", "CEvent", "CLinux"]),
        room("Shells", "Links", ["Ambience", "Sealing", "Loops"]),
        room("Shells", "Spool", ["Bytes", "Ambience", "Sealing", "Loops", "CLinux"]),
        room("Shells", "Submission", ["Ambience", "Sealing", "Letters", "Loops", "Links"]),
        room("Shells", "Relaying", ["Bytes", "Ambience", "Confidential", "Sealing", "Onion", "OnionServices", "Limits", "Names", "Loops", "CLinux", log]),
        room("Shells", "DirectoryService", ["Bytes", "Ambience", "Confidential", "Sealing", "Compression", "Onion", "OnionServices", "Directory", "Loops", "Relaying", log]),
        room("Shells", "Authority", ["Bytes", "Ambience", "Confidential", "Sealing", "Onion", "Directory", "Voting", "Loops", "Relaying", "DirectoryService", log]),
        room("Shells", "Client", ["Bytes", "Ambience", "Confidential", "Sealing", "Onion", "Directory", "Paths", "Socks", "Exchange", "Loops", "Relaying", "DirectoryService", log]),
        room("Shells", "ControlService", ["Ambience", "Confidential", "Sealing", "ControlProtocol", "Loops", log]),
        room("Shells", "Node", ["Statistics", "ControlProtocol", "ControlService", "Bytes", "Ambience", "Confidential", "Sealing", "Onion", "OnionServices", "Directory", "Voting", "Paths", "Torrc", "Transports", "Limits", "Exchange", "Mixing", "Letters", "Outgoing", "Boxes", "Spool", "Submission", "Delivering", "BoxKeeping", "Loops", "Relaying", "DirectoryService", "Authority", "Client", "CLinux", "CSeccomp", log]),
        room("Shells", "Delivering", ["Bytes", "Ambience", "Sealing", "Letters", "Outgoing", "Loops", "Links", "Spool"]),
        room("Shells", "Cradle", ["Ambience", "Sealing", "Enrolment", "CLinux", "CMachine"]),
        room("Shells", "EnrolmentService", ["Bytes", "Ambience", "Sealing", "Leasing", "Enrolment", "Loops", "Links"]),
        room("Shells", "Auditing", ["Bytes", "Ambience", "Sealing", "Audit", "CLinux"]),
        room("Shells", "Calling", ["CCurl"]),
        room("Shells", "Clouds", ["Ambience", "Leasing", "CloudCalls", "Providers", "Audit", "Auditing", "Calling", "CLinux"]),
        room("Shells", "Providers", ["Ambience", "Leasing", "Enrolment", "EnrolmentService", "CLinux"]),
        room("Shells", "Coordination", ["Ambience", "Sealing", "Leasing", "Prices", "Placement", "Usage", "CloudCalls", "Clouds", "Enrolment", "EnrolmentService", "Providers", "Audit", "Auditing", "CLinux", database]),
        room("Shells", "MarketLine", ["Ambience", "Bytes", "Sealing", "Exchange", "Calling", "Loops"]),
        room("Shells", "Market", ["Ambience", "Bytes", "Sealing", "Exchange", "MarketLine", "Loops", "CLinux", "CPostgres", database]),
        room("Shells", "Wallet", ["Bytes", "Ambience", "Sealing", "Exchange", "MarketLine", "CLinux", database]),
        room("Shells", "BoxKeeping", ["Bytes", "Ambience", "Sealing", "Letters", "Boxes", "Loops", "Spool"]),
        room("Shells", "Postbox", ["Bytes", "Ambience", "Sealing", "Letters", "Boxes", "Pickup", "Calling", "Loops", "Submission", "CLinux", database]),
        room("Shells", "Witnessing", ["Bytes", "Ambience", "Sealing", "Exchange", "Loops", "MarketLine", "CLinux"]),

        program("mote", ["Ambience", "Confidential", "Sealing", "ControlProtocol", "Torrc", "Leasing", "Enrolment", "EnrolmentService", "Loops", "Node", "Cradle", log]),
        // What a relay cannot cost less than; `make bench` compares with it.
        tool("floor", ["Sealing"], at: "Tests/Bench/Floor"),
        program("dustcloud", ["Ambience", "Bytes", "Sealing", "MarketLine", "Market", "Wallet", "Torrc", "Leasing", "Rehearsal", "CloudCalls", "Exchange", "Mixing", "Clouds", "Prices", "Placement", "Usage", "Providers", "Audit", "Auditing", "Enrolment", "EnrolmentService", "Disclosure", "Coordination", "Witnessing", "Boxes", "Letters", "Pickup", "Postbox", arguments]),
        // What tokens cost beside the primitives they consist of; `make bench-tokens`.
        tool("tokencost", ["Stopwatch", "Exchange", "Sealing", "COpenSSL", "CSodium"], at: "Tests/Bench/Tokens"),
        // How many clients a running mote's gate lets in a second, by the same.
        tool("gateload", ["Stopwatch", "MarketHistories", "Ambience", "Bytes", "Exchange", "Loops", "Relaying", "Sealing", "COpenSSL", "CSodium"], at: "Tests/Bench/Gate"),
        // What a mote on the mix spends on a packet, likewise; `make bench-mix`.
        tool("mixcost", ["Stopwatch", "Mixing", "Spool", "Loops", "Ambience", "Sealing", "CSodium", "CAEZ"], at: "Tests/Bench/Mix"),
        helper("Stopwatch", at: "Tests/Bench/Stopwatch"),

        tests("BasicsTests", ["Bytes", "Ambience", "Confidential", "Sealing", "COpenSSL", "CPolyval"], resources: [.copy("Vectors")]),
        tests("CompressionTests", ["Compression", "Ambience"]),
        tests("OnionTests", ["Damage", "FreePorts", "Onion", "Bytes", "Ambience", "Sealing"], resources: [.copy("Vectors")]),
        tests("DirectoryTests", ["FreePorts", "Directory", "Bytes", "Ambience", "Sealing"], resources: [.copy("Vectors")]),
        tests("OnionServicesTests", ["Damage", "OnionServices", "Bytes", "Ambience", "Sealing"], resources: [.copy("Vectors")]),
        tests("VotingTests", ["Voting", "Directory", "Bytes", "Ambience", "Sealing"], resources: [.copy("Vectors")]),
        tests("PathsTests", ["Paths", "Directory", "Bytes", "Ambience", "Sealing"]),
        tests("SocksTests", ["Socks", "Bytes", "Ambience"]),
        tests("NamesTests", ["Names", "Ambience"]),
        tests("TransportsTests", ["Transports", "Bytes", "Ambience", "Sealing"]),
        tests("StatisticsTests", ["Statistics", "Ambience"]),
        tests("ControlProtocolTests", ["ControlProtocol", "Bytes", "Ambience", "Sealing"]),
        tests("TorrcTests", ["Torrc", "Limits", "Directory", "Bytes", "Ambience", "Sealing"]),
        tests("LoopsTests", ["Loops", "Ambience"]),
        tests("LimitsTests", ["Limits", "Ambience"]),
        tests("RelayingTests", ["MarketHistories", "Exchange", "Relaying", "Onion", "OnionServices", "Limits", "Loops", "Bytes", "Ambience", "Sealing", "COpenSSL"]),
        tests("DirectoryServiceTests", ["DirectoryService", "Compression", "Directory", "Loops", "Relaying", "Onion", "OnionServices", "Bytes", "Ambience", "Sealing", log], resources: [.copy("Vectors")]),
        tests("ControlServiceTests", ["ControlService", "ControlProtocol", "Loops", "Bytes", "Ambience", "Sealing", log]),
        tests("AuthorityTests", ["Authority", "Voting", "DirectoryService", "Relaying", "Loops", "Onion", "Directory", "Bytes", "Ambience", "Sealing", log]),
        tests("ClientTests", ["MarketHistories", "Exchange", "Client", "Paths", "Socks", "Loops", "Relaying", "DirectoryService", "Onion", "Directory", "Bytes", "Ambience", "Sealing", log]),
        tests("NodeTests", ["OwnThread", "MarketHistories", "Exchange", "Node", "Letters", "Spool", "CLinux", "Loops", "Relaying", "DirectoryService", "Torrc", "Directory", "Statistics", "Bytes", "Ambience", "Sealing", log]),
        tests("LeasingTests", ["Leasing", "Coordination", "Prices", "Ambience"]),
        tests("PricesTests", ["Prices", "Ambience"]),
        tests("PlacementTests", ["Placement", "Prices", "Leasing", "Ambience"]),
        tests("CoordinationTests", ["OwnThread", "FreePorts", "Coordination", "Clouds", "CloudCalls", "Providers", "Leasing", "Prices", "Placement", "Audit", "Usage", "Ambience"]),
        tests("FleetTests", ["FreePorts", "Providers", "Rehearsal", "Leasing", "CloudCalls", "Prices", "Ambience"]),
        tests("UsageTests", ["Usage", "Prices", "Leasing", "Ambience"]),
        tests("ExchangeTests", ["Damage", "MarketHistories", "Exchange", "Bytes", "Ambience", "Sealing", "COpenSSL"], resources: [.copy("Vectors")]),
        tests("LogTests", ["Exchange", "Bytes", "Sealing"]),
        tests("WitnessingTests", ["Witnessing", "MarketLine", "Exchange", "Bytes", "Ambience", "Sealing"]),
        tests("MarketLineTests", ["MarketLine", "Loops", "Exchange", "Sealing", "Ambience"]),
        tests("MarketTests", ["MarketHistories", "MarketSite", "Market", "MarketLine", "Exchange", "Bytes", "Ambience", "Sealing"]),
        tests("MarketWorldTests", ["MarketHistories", "Exchange", "Ambience", "Sealing"]),
        tests("MixingTests", ["Damage", "Mixing", "Bytes", "Ambience", "Sealing"], resources: [.copy("Vectors")]),
        tests("BoxesTests", ["Boxes", "Letters", "Ambience", "Sealing"]),
        tests("LettersTests", ["Letters", "Ambience", "Sealing"]),
        // A submission service with a spool in a process of its own, to be killed and to be measured.
        tool("postroom", ["Submission", "Spool", "Letters", "Loops", "Sealing", "Ambience", "Bytes"], at: "Tests/Mail/Postroom"),
        tests("LinksTests", ["Links", "Loops", "Sealing", "Ambience"]),
        tests("SubmissionTests", ["Submission", "Letters", "Loops", "Sealing", "Ambience"]),
        tests("SpoolTests", ["Spool", "Loops", "Ambience", "Sealing"]),
        tests("DeliveringTests", ["Delivering", "Letters", "Outgoing", "Spool", "Loops", "Ambience"]),
        tests("PickupTests", ["Pickup", "Ambience"]),
        tests("OutgoingTests", ["Outgoing", "Letters", "Bytes", "Ambience", "Sealing"]),
        tests("PostboxTests", ["Postbox", "Boxes", "Letters", "Pickup", "Ambience", "Sealing"]),
        tests("BoxKeepingTests", ["BoxKeeping", "Boxes", "Letters", "Spool", "Loops", "Ambience", "Sealing"]),
        tests("WalletTests", ["MarketHistories", "Wallet", "Exchange", "Bytes", "Sealing", "Ambience"]),
        tests("PostgresTests", ["MarketHistories", "MarketSite", "Market", "Exchange", "Sealing", "Ambience"]),
        tests("CloudCallsTests", ["CloudCalls", "Leasing", "Ambience", "Bytes"], resources: [.copy("Vectors")]),
        tests("AuditTests", ["Audit", "Auditing", "Leasing", "Ambience"]),
        tests("DisclosureTests", ["Disclosure", "Audit", "Enrolment", "Leasing", "Sealing", "Ambience"]),
        tests("CradleTests", ["Cradle", "Ambience"]),
        tests("EnrolmentTests", ["OwnThread", "FreePorts", "Enrolment", "EnrolmentService", "Leasing", "Loops", "Bytes", "Ambience", "Sealing"]),
        tests("CloudsTests", ["OwnThread", "Clouds", "CloudCalls", "Leasing", "Ambience", "Providers"]),
        helper("Damage", ["Ambience"], at: "Tests/Damage"),
        helper("MarketHistories", ["Ambience", "Exchange", "Sealing"], at: "Tests/MarketHistories"),
        // An exchange in a process of its own, to be killed, and its witnesses.
        helper("MarketSite", ["FreePorts", "MarketLine", "Exchange", "Bytes", "Ambience", "Sealing"], at: "Tests/MarketSite"),
        // An exchange's ledger in a process of its own, to be killed.
        tool("ledgerdriver", ["MarketHistories", "Market", "Exchange"], at: "Tests/LedgerDriver"),
        // The way out for letters in a process of its own, to be killed.
        tool("deliverydriver", ["Delivering", "Letters", "Outgoing", "Spool", "Loops", "Sealing", "Bytes", "Ambience"], at: "Tests/DeliveryDriver"),
        helper("FreePorts", at: "Tests/FreePorts"),
        helper("OwnThread", at: "Tests/OwnThread"),
        helper("FuzzTargets", fuzzed, at: "Tests/Fuzz/Targets"),
        tests("FuzzTests", ["Damage", "FuzzTargets", "Onion", "Directory", "Voting", "Ambience"]),
        tests("InteropTests", ["OwnThread"]),
        tests("MannersTests", []),
    ],
    swiftLanguageModes: [.v6]
)

// Whoever works on a few rooms builds their tests alone: DUSTCLOUD_TESTS=LeasingTests,CloudsTests.
if let names = Context.environment["DUSTCLOUD_TESTS"]?.split(separator: ",").map(String.init) {
    package.targets.removeAll { $0.type == .test && !names.contains($0.name) }
}

// With a sanitizer everything is slow to build and to run: only mote, and tests of the rooms that have several threads. `make tsan`.
if Context.environment["DUSTCLOUD_SANITIZE"] != nil {
    package.targets.removeAll { $0.type == .test && !["LoopsTests", "RelayingTests"].contains($0.name) || ["dustcloud", "Coordination", "floor"].contains($0.name) }
}

// Steered by the coverage of instrumented rooms, so it is built apart from everything else: `make fuzz`.
if Context.environment["DUSTCLOUD_FUZZ"] != nil {
    package.targets.append(.executableTarget(
        name: "fuzzer", dependencies: ["FuzzTargets"], path: "Tests/Fuzz/Fuzzer", swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])]))
}
