import Ambience
@testable import Placement
@testable import Prices
import Testing

@Suite struct FaultTests {
    private func fault(_ policy: PlacementPolicy, _ catalogue: Catalogue, motes: Int) -> String {
        var random = SeededRandom(seed: 1)
        do throws(PlacementFault) {
            _ = try Forecast(policy: policy, catalogue: catalogue, slots: World.slots(motes), horizonSeconds: 0, random: &random)
            return "none"
        } catch { return error.description }
    }

    private func world() throws -> Catalogue { try World.catalogue([try World.provider("a", ["DE", "FR"]), try World.provider("b", ["DE", "NL"])]) }

    @Test("A name that the catalogue lacks is named with those that it has")
    func unknown() throws {
        var policy = try World.policy(["a"])
        policy.accounts[0].regions = ["r0", "moon"]
        #expect(fault(policy, try world(), motes: 1) == "a has no region \"moon\" in the catalogue; it has r0, r1")
        policy.accounts[0].regions = nil
        policy.accounts[0].machines = ["huge"]
        #expect(fault(policy, try world(), motes: 1).contains("no machine \"huge\""))
        #expect(fault(try World.policy(["c"]), try world(), motes: 1) == "there is no provider \"c\" in the catalogue; there are a, b")
        policy = try World.policy(["a"])
        policy.denyPlaces = ["the west"]
        #expect(fault(policy, try world(), motes: 1).contains("\"the west\" is neither"))
    }

    @Test("A cap that is too tight by itself is named with what would do")
    func tight() throws {
        let text = fault(try World.policy(["a", "b"], caps: [.provider: try World.amount("0.4")]), try world(), motes: 5)
        #expect(text.contains("one provider may have 2 motes (0.4)") && text.contains("hold 4") && text.contains("raise the cap on provider to 0.60"))
        #expect(fault(try World.policy(["a", "b"], caps: [.provider: try World.amount("0.6")]), try world(), motes: 5) == "none")
    }

    @Test("A cap on a group is named where every place is of the group")
    func group() throws {
        var policy = try World.policy(["a"])
        policy.groupCaps = ["pair": try World.amount("0.5")]
        let text = fault(policy, try world(), motes: 4)
        #expect(text.contains("all of pair together may have 2 motes (0.5)") && text.contains("raise the cap on pair to 1.00"))
    }

    @Test("Where caps exclude each other, one whose absence helps is named")
    func together() throws {
        // Each cap alone leaves room for two, but both companies are in Germany only.
        let catalogue = try World.catalogue([
            try World.provider("a", ["DE"]), try World.provider("b", ["DE"]), try World.provider("c", ["FR"], parent: "none"),
        ])
        var policy = try World.policy(["a", "b", "c"], caps: [.country: try World.amount("0.5"), .parent: try World.amount("0.5")])
        #expect(fault(policy, catalogue, motes: 2) == "none")
        policy.caps[.payer] = Amount(1)
        policy.caps[.provider] = try World.amount("0.34")
        policy.caps[.country] = try World.amount("0.5")
        let text = fault(policy, catalogue, motes: 3)
        #expect(text.contains("3 motes cannot be placed") && text.contains("raise the cap on"), "\(text)")
    }

    @Test("Denied countries and companies leave the rest, or a reason for each that went")
    func denied() throws {
        var policy = try World.policy(["a", "b"])
        policy.denyPlaces = ["pair"]
        let (allowed, refused) = try policy.places(in: try world())
        #expect(allowed.map(\.country.rawValue) == ["NL"] && refused.count == 3)
        policy.denyPlaces = ["pair", "NL"]
        #expect(fault(policy, try world(), motes: 1).contains("machines in DE are denied (2 places)"))
        policy.denyPlaces = []
        policy.denySeats = ["CH"]
        #expect(fault(policy, try world(), motes: 1).contains("companies of CH are denied (4 places)"))
    }

    @Test("A currency without a ceiling is not spent")
    func currency() throws {
        let catalogue = try World.catalogue([try World.provider("a", ["DE"], currency: "EUR")])
        #expect(fault(try World.policy(["a"]), catalogue, motes: 1).contains("there is no ceiling in EUR"))
    }

    @Test("A machine that no mote can run on is not taken, and its reason is told")
    func unfit() throws {
        var catalogue = try World.catalogue([try World.provider("a", ["DE"])])
        catalogue.providers[0].offers[0].unfit = "it has no address"
        #expect(fault(try World.policy(["a"]), catalogue, motes: 1).contains("it has no address"))
    }

    @Test("A limit that makes no sense is refused by its field")
    func unsound() throws {
        var policy = try World.policy(["a"], caps: [.provider: Amount(2)])
        #expect(fault(policy, try world(), motes: 1).hasPrefix("caps: the cap on provider"))
        policy = try World.policy(["a"])
        policy.costWeight = .nan
        #expect(fault(policy, try world(), motes: 1).hasPrefix("costWeight"))
        policy = try World.policy(["a"])
        policy.ceilings = [:]
        #expect(fault(policy, try world(), motes: 1).hasPrefix("ceilings"))
    }
}
