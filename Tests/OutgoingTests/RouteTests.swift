import Ambience
import Outgoing
import Sealing
import Testing

@Suite("Which servers get a domain's letters")
struct RouteTests {
    private static let four = IPAddress("192.0.2.1")!
    private static let onion = String(repeating: "a", count: 56) + ".onion"
    private static let digest = [UInt8](repeating: 7, count: 32)

    private func policy(_ mode: String, _ pattern: String) -> STSPolicy? { STSPolicy(Array("version: STSv1\nmode: \(mode)\nmx: \(pattern)\nmax_age: 100\n".utf8)) }
    private func hosts(_ answer: DNSAnswer, seed: UInt64 = 1) throws(NoRoute) -> [String] {
        var random = SeededRandom(seed: seed)
        return try DirectRoutes.hosts(of: "example.org", answer, &random)
    }

    private func trust(_ records: [TLSARecord]?, isAuthentic: Bool = true, host: String = "mx.example.org", _ policy: STSPolicy? = nil) -> MailHop.Trust? {
        let answer = records.map { DNSAnswer($0.isEmpty ? .empty : .found($0.map { .association($0) }), isAuthentic: isAuthentic) }
        return DirectRoutes.trust(in: .init(name: host, addresses: [Self.four], isAuthentic: isAuthentic, associations: answer), of: "example.org", policy)
    }

    private func record(_ usage: UInt8, _ selector: UInt8 = 1, _ matching: UInt8 = 1, _ data: [UInt8] = digest) -> TLSARecord { TLSARecord(usage: usage, selector: selector, matching: matching, data: data) }

    // MARK: MX

    @Test("the most preferred come first, those of one preference in any order, each once and eight at most")
    func order() throws {
        let answer = DNSAnswer(.found([.mail(preference: 20, host: "c"), .mail(preference: 10, host: "a"), .mail(preference: 10, host: "b"), .mail(preference: 30, host: "a")]))
        let orders = try Set((1...40).map { try hosts(answer, seed: $0) })
        #expect(orders == [["a", "b", "c"], ["b", "a", "c"]])
        #expect(try hosts(DNSAnswer(.found((0..<20).map { .mail(preference: $0, host: "h\($0)") }))) == (0..<8).map { "h\($0)" })
    }

    @Test("a domain without MX takes letters itself; one that takes none, or is not there, is told apart from one that cannot be asked")
    func none() {
        #expect((try? hosts(DNSAnswer(.empty))) == ["example.org"])
        #expect(throws: NoRoute.ever("5.1.10", "example.org takes no mail")) { try hosts(DNSAnswer(.found([.mail(preference: 0, host: "")]))) }
        #expect(throws: NoRoute.ever("5.1.2", "there is no domain example.org")) { try hosts(DNSAnswer(.missing)) }
        #expect(throws: NoRoute.now) { try hosts(DNSAnswer(.failed)) }
    }

    @Test("only addresses of the internet are reached, four of a server at most")
    func reachable() throws {
        let all = try ["10.0.0.1", "127.0.0.1", "192.168.1.1", "169.254.1.1", "::1", "fe80::1", "fd00::1", "9.9.9.9", "2620:fe::fe"].map { try #require(IPAddress($0)) }
        #expect(DirectRoutes.reachable(all, allowsPrivate: false).map { "\($0)" } == ["9.9.9.9", "2620:fe::fe"])
        #expect(DirectRoutes.reachable(all, allowsPrivate: true).count == DirectRoutes.addressesLimit)
    }

    // MARK: DANE

    @Test("records of a server's own key or of its authority are what it must show, whatever a policy says")
    func recorded() {
        let usable = [record(3), record(2), record(3, 0), record(3, 1, 2, [UInt8](repeating: 7, count: 64)), record(2, 0, 0, [1, 2, 3])]
        for one in usable { #expect(trust([one], policy("enforce", "other.example")) == .recorded(names: ["mx.example.org", "example.org"], [one]), "\(one)") }
        #expect(trust(usable + [record(1)]) == .recorded(names: ["mx.example.org", "example.org"], usable))
    }

    @Test("records that nobody can use still ask for TLS, with anybody")
    func unusable() {
        for one in [record(0), record(1), record(4), record(3, 2), record(3, 1, 3), record(3, 1, 1, [1, 2]), record(3, 1, 2), record(3, 1, 0, [])] { #expect(trust([one]) == .encrypted, "\(one)") }
    }

    @Test("without signatures, or without records, there is nothing to show but what a policy asks")
    func unsigned() {
        #expect(trust([record(3)], isAuthentic: false) == .opportunistic && trust([]) == .opportunistic && trust(nil) == .opportunistic)
        #expect(trust([], policy("enforce", "*.example.org")) == .named && trust([], policy("enforce", "mx.other.org")) == nil)
        for mode in ["testing", "none"] { #expect(trust([], policy(mode, "mx.other.org")) == .opportunistic) }
        let unsure = DirectRoutes.Host(name: "mx.example.org", addresses: [], isAuthentic: true, associations: DNSAnswer(.found([.association(record(3))])))
        #expect(DirectRoutes.trust(in: unsure, of: "example.org", nil) == .opportunistic, "the records themselves are not signed")
    }

    @Test("a server whose records cannot be had now is not used, for somebody may keep them back")
    func withheld() {
        let host = DirectRoutes.Host(name: "mx.example.org", addresses: [], isAuthentic: true, associations: DNSAnswer(.failed))
        #expect(DirectRoutes.trust(in: host, of: "example.org", nil) == nil)
    }

    @Test("what must be shown decides what is encrypted, and who is believed")
    func hops() {
        func hop(_ trust: MailHop.Trust, isImplicit: Bool = false) -> MailHop { MailHop(host: "mx", port: 25, addresses: [], trust: trust, isImplicit: isImplicit) }
        #expect([.plain, .opportunistic, .encrypted, .named, .recorded(names: [], [])].map { hop($0).encryption } == [.never, .ifOffered, .required, .required, .required])
        #expect(hop(.named, isImplicit: true).encryption == .fromTheStart && hop(.named).peer == .named("mx") && hop(.encrypted).peer == .anybody(name: "mx"))
    }

    // MARK: Onion services

    @Test("a map has lines of a domain and its services, with comments; any other line is named")
    func map() throws {
        let onions = try OnionRoutes(map: "# who\nExample.org \(Self.onion.uppercased()):2525 # one\n\nexample.org\tsub.\(Self.onion)\r\n")
        #expect(onions.known("example.org").map(\.host) == [Self.onion, "sub.\(Self.onion)"] && onions.known("example.org").map(\.port) == [2525, 25])
        #expect(onions.known("other.org") == [] && onions.known(Self.onion).map(\.host) == [Self.onion])
        #expect(onions.known("example.org").allSatisfy { $0.trust == .opportunistic && $0.addresses.isEmpty })
        for (line, text) in ["x", "x y.onion", "x \(Self.onion):0", "x \(Self.onion):99999", "x \(Self.onion) y", "x \(Self.onion):1:2"].enumerated() {
            let lines = String(repeating: "\n", count: line) + text
            #expect(throws: OnionRoutes.Flaw.line(line + 1), "\(text)") { try OnionRoutes(map: lines) }
        }
        #expect(throws: OnionRoutes.Flaw.tooLong) { try OnionRoutes(map: (0...OnionRoutes.domainsLimit).map { "d\($0) \(Self.onion)" }.joined(separator: "\n")) }
    }

    @Test("services that a domain announces are taken in the order of their priority, by weight among equals, and only if that was signed")
    func announced() {
        func service(_ priority: UInt16, _ weight: UInt16, _ letter: Character, port: UInt16 = 25) -> DNSRecord { .service(priority: priority, weight: weight, port: port, host: String(repeating: letter, count: 56) + ".onion") }
        let records = [service(20, 1, "c"), service(10, 9, "a"), service(10, 1, "b"), service(5, 1, "d", port: 0), .service(priority: 1, weight: 1, port: 25, host: "mx.example.org")]
        var random = SeededRandom(seed: 3), firsts = [Character: Int]()
        for _ in 0..<1_000 {
            let hops = OnionRoutes.announced(DNSAnswer(.found(records), isAuthentic: true), &random)
            #expect(hops.count == 3 && hops.last?.host.first == "c")
            firsts[hops[0].host.first ?? "?", default: 0] += 1
        }
        #expect((850...950).contains(firsts["a"] ?? 0), "\(firsts)")
        #expect(OnionRoutes.announced(DNSAnswer(.found(records)), &random).isEmpty)
    }

    @Test("a service's name is 56 letters and digits of base 32")
    func names() {
        #expect(OnionRoutes.isOnion(Self.onion) && OnionRoutes.isOnion("a.b.\(Self.onion)"))
        for name in ["onion", ".onion", "a.onion", Self.onion + ".", "\(Self.onion).x", Self.onion.uppercased(), "1" + Self.onion.dropFirst()] { #expect(!OnionRoutes.isOnion(name), "\(name)") }
    }
}
