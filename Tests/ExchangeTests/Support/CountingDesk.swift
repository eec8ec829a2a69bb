import Exchange

/// An issuer that counts what it is made to compute.
final class CountingDesk: TokenDesk {
    private let issuer: Issuer
    private(set) var genuine = 0
    private(set) var signatures = 0
    private(set) var issued = 0

    init(_ issuer: Issuer) { self.issuer = issuer }

    func reset() { (genuine, signatures, issued) = (0, 0, 0) }

    var cashier: [UInt8] { issuer.cashier }
    func role(of key: KeyID) -> KeyRole? { issuer.role(of: key) }
    func key(of role: KeyRole) -> KeyID? { issuer.key(of: role) }

    func isGenuine(_ token: Token, _ role: KeyRole) -> Bool {
        genuine += 1
        return issuer.isGenuine(token, role)
    }

    func issue(_ batch: Batch, _ role: KeyRole) -> [UInt8]? {
        issued += 1
        return issuer.issue(batch, role)
    }

    func isSigned(_ signature: [UInt8], _ message: [UInt8], by key: [UInt8]) -> Bool {
        signatures += 1
        return issuer.isSigned(signature, message, by: key)
    }
}
