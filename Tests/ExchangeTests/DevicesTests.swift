import Ambience
import Exchange
import Foundation
import MarketHistories
import Sealing
import Testing

@Suite("One seed on two devices")
struct DevicesTests {
    /// Ten thousand with `DUSTCLOUD_SEEDS`: they take half a minute.
    private static let operations = ProcessInfo.processInfo.environment["DUSTCLOUD_SEEDS"] == nil ? 300 : 10_000
    private static let slice = Slice(20_000 * Slice.perDay + 10)

    /// A wallet of nothing but credit, which counts as real ones do.
    private struct Device {
        let seed: WalletSeed
        var tokens: [WalletToken] = []
        var counter: UInt64 = 0

        var worth: Int64 { tokens.reduce(0) { $0 + $1.role.value } }

        /// Something that can be done with what there is: large ones are split, four small ones merged.
        mutating func next(_ random: inout SeededRandom) -> Recipe {
            let groups = Dictionary(grouping: tokens, by: \.role).sorted { $0.key.value < $1.key.value }
            let merges = groups.filter { $0.value.count >= 4 && $0.key.value < 256 }, splits = groups.filter { $0.key.value > 1 }
            let isMerge = splits.isEmpty || !merges.isEmpty && Bool.random(using: &random)
            let (role, held) = (isMerge ? merges : splits).randomElement(using: &random)!, chosen = Array(held.shuffled(using: &random).prefix(isMerge ? 4 : 1))
            guard case .credit(let denomination, _) = role else { fatalError() }
            tokens.removeAll { token in chosen.contains { $0.nonce == token.nonce } }
            return Recipe(isMerge ? .merge(denomination) : .split(denomination), at: DevicesTests.slice, from: counter, inputs: chosen.map { Recipe.Input($0) })
        }
    }

    @Test("both order from the same counters on, ten thousand times with DUSTCLOUD_SEEDS: no message comes twice and not a unit is lost")
    func together() throws {
        let cashier = Ed25519Key(), issuer = try #require(Issuer(seed: .random(32), cashier: cashier.publicKey)), secret = SecretBytes.random(32)
        for denomination in Denomination.allCases { issuer.open(.credit(denomination, week: Self.slice.week)) }
        let exchange = Exchange(store: MemoryStore(), desk: issuer)
        var random = SeededRandom(seed: 9), blinded: Set<[UInt8]> = [], made = 0
        var devices = try (UInt16(1)...2).map { Device(seed: try #require(WalletSeed(secret, device: $0))) }
        func carryOut(_ recipe: Recipe, _ device: inout Device) throws {
            let draft = try #require(Draft(recipe, seed: device.seed, keys: issuer))
            for message in draft.order.outputs.flatMap(\.blinded) {
                blinded.insert(message)
                made += 1
            }
            device.counter += recipe.counters
            let result = draft.finish(try exchange.carryOut(draft.order, at: Self.slice), keys: issuer, at: Self.slice, random: &random)
            if case .made(let tokens, isLost: false) = result { device.tokens += tokens } else { Issue.record("\(recipe.shape): \(result)") }
        }
        for index in devices.indices {
            let id = SecureRandom.bytes(32)
            try carryOut(Recipe(.prepay, .receipt(id, signature: cashier.sign(Signed.receipt(id))), at: Self.slice, from: 0), &devices[index])
        }
        for number in 0..<Self.operations {
            let recipe = devices[number % 2].next(&random)
            try carryOut(recipe, &devices[number % 2])
        }
        #expect(blinded.count == made && devices.allSatisfy { $0.worth == Shape.packValue })
        print("two devices with one seed, \(Self.operations) orders: \(made) blinded messages, \(made - blinded.count) twice, \(devices.map(\.worth)) smm of \(Shape.packValue) each")
    }
}
