internal import Sealing

/// The work that a trial shows instead of a stake.
package enum Trial {
    /// Tries that are made at most: with the usual work one in ten billion searches needs more.
    package static let triesLimit: UInt64 = 50_000_000

    /// The recipe with a nonce that is enough; `nil` if there is none among so many, or if the recipe is no trial's.
    package static func mine(_ recipe: Recipe, seed: WalletSeed, keys: some PublicKeys, bits: Int = Work.bits, tries: UInt64 = triesLimit) -> Recipe? {
        guard case .work(let start, _) = recipe.detail, let draft = Draft(recipe, seed: seed, keys: keys) else { return nil }
        let order = draft.order
        for number in 0..<tries {
            let detail = OrderDetail.work(start, nonce: (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) })
            let core = Order(shape: order.shape, detail: detail, inputs: [], outputs: order.outputs, orderKey: order.orderKey, signature: []).core
            if Work.isEnough(core, bits: bits) { return Recipe(recipe.shape, detail, at: recipe.slice, from: recipe.counter) }
        }
        return nil
    }
}
