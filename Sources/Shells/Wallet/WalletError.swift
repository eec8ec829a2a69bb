/// Why the wallet cannot do something, in words for its owner.
package struct WalletError: Error, CustomStringConvertible {
    package enum Kind: Sendable { case usage, badData, notFound, unavailable, busy, cannotCreate }

    package let kind: Kind
    package let description: String

    package init(_ kind: Kind, _ description: String) { (self.kind, self.description) = (kind, description) }
}
