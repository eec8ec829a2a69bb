import Exchange
import Foundation
import Market
import Sealing
import Testing

/// A desk with a database of its own, and the key of those who sell packs.
final class DeskSite {
    let folder: String
    let cashier = Ed25519Key()
    let seed = SecretBytes.random(32)
    let slice = Slice(20_000 * Slice.perDay + 300)
    private(set) var desk: MarketDesk
    let issuer: Issuer

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("dustcloud-desk-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        issuer = try #require(Issuer(seed: seed, cashier: cashier.publicKey))
        desk = MarketDesk(store: try MarketStore(path: folder + "/market.sqlite"), issuer: issuer)
        for denomination in [Denomination.twoHundredFiftySix, .sixtyFour] { issuer.open(.credit(denomination, week: slice.week)) }
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// Another process at the same files.
    func restart() throws { desk = MarketDesk(store: try MarketStore(path: folder + "/market.sqlite"), issuer: issuer) }

    func start(_ offset: Int64) -> Int64 { MarketTime.usual.start(of: slice) + offset }

    func pack(_ number: UInt8) throws -> Order {
        let receipt = [UInt8](repeating: number, count: 32), wallet = try #require(WalletSeed(.random(32), device: 0)), orderKey = wallet.orderKey(1)
        let detail = OrderDetail.receipt(receipt, signature: cashier.sign(Signed.receipt(receipt)))
        let wanted = try #require(Shape.prepay.outputs([], at: slice, detail: detail))
        let batches = try wanted.map { role, count in
            let key = try #require(issuer.key(of: role))
            guard case .credit(let denomination, _) = role else { throw OrderError.malformed }
            let blinded = try (0..<count).map { index in
                let pending = try #require(wallet.pending(role, key, UInt64(index), challenge: Challenges.credit(denomination)))
                return try #require(pending.blindedElement).bytes
            }
            return Batch(key: key, type: .voprf, blinded: blinded)
        }
        let unsigned = Order(shape: .prepay, detail: detail, inputs: [], outputs: batches, orderKey: orderKey.publicKey, signature: [])
        return Order(shape: .prepay, detail: detail, inputs: [], outputs: batches, orderKey: orderKey.publicKey, signature: orderKey.sign(Signed.order(unsigned.core)))
    }
}
