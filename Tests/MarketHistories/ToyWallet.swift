internal import Ambience
internal import Exchange

/// Holds all tokens of a history's people, makes their orders, and knows what every token is worth without asking the ledger.
struct ToyWallet {
    struct Access {
        let token: Token
        let role: KeyRole
        let mote: [UInt8]
        let slice: Slice
        let salt: [UInt8]
    }

    /// An order that was made, and what its answers become.
    struct Made {
        let order: Order
        let wanted: [[TokenInput]]
        let accesses: [Access]
    }

    /// Of tokens that are not answered yet.
    private static let none = [UInt8](repeating: 0, count: TokenType.blindRSA.authenticatorBytes)

    let desk: ToyDesk
    var random: SeededRandom
    var tokens: [KeyRole: [Token]] = [:]
    /// Bought, not shown to any mote.
    var accesses: [Access] = []

    init(desk: ToyDesk, seed: UInt64) { (self.desk, random) = (desk, SeededRandom(seed: seed)) }

    mutating func bytes(_ count: Int = 32) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count { withUnsafeBytes(of: random.next()) { bytes += Array($0) } }
        return Array(bytes.prefix(count))
    }

    mutating func make(
        _ shape: Shape, _ detail: OrderDetail = .none, spending spent: [Spend] = [], roles: [KeyRole] = [], at slice: Slice, orderKey: [UInt8]? = nil, motes: [([UInt8], Slice)] = [],
        named nonce: [UInt8]? = nil
    ) -> Made? {
        guard let wanted = shape.outputs(roles, at: slice, detail: detail) else { return nil }
        var inputs: [[TokenInput]] = [], accesses: [Access] = []
        for (role, count) in wanted {
            let key = desk.key(of: role)!.bytes
            inputs.append((0..<count).map { index in
                let (digest, access) = challenge(role, motes.isEmpty ? nil : motes[index % motes.count])
                let input = TokenInput(type: role.tokenType, nonce: nonce ?? bytes(), challengeDigest: digest, keyID: key)
                if let (mote, slice, salt) = access { accesses.append(Access(token: Token(input: input, authenticator: Self.none), role: role, mote: mote, slice: slice, salt: salt)) }
                return input
            })
        }
        let batches = zip(wanted, inputs).map { Batch(key: desk.key(of: $0.role)!, type: $0.role.tokenType, blinded: $1.map(ToyDesk.blinded)) }
        let unsigned = Order(shape: shape, detail: detail, inputs: spent, outputs: batches, orderKey: orderKey ?? bytes(), signature: [UInt8](repeating: 0, count: 64))
        return Made(order: signed(unsigned), wanted: inputs, accesses: accesses)
    }

    private mutating func challenge(_ role: KeyRole, _ place: ([UInt8], Slice)?) -> ([UInt8], ([UInt8], Slice, [UInt8])?) {
        switch role {
        case .credit(let denomination, _): return (Challenges.credit(denomination).digest, nil)
        case .barter(let bucket, let slice): return (Challenges.barter(bucket: bucket, slice).digest, nil)
        case .permit(let start, _, _): return (Challenges.permit(from: start).digest, nil)
        case .access, .barterAccess:
            let (mote, slice) = place ?? ([UInt8](repeating: 0, count: 32), Slice(0)), salt = bytes()
            return (Challenges.access(mote: mote, slice, salt: salt).digest, (mote, slice, salt))
        }
    }

    /// With the signatures of the order's key and of tokens' own keys.
    func signed(_ order: Order) -> Order {
        let core = order.core
        var detail = order.detail
        if case .signature = detail { detail = .signature(ToyDesk.sign(Signed.unstake(core), order.inputs[0].token.input.nonce)) }
        let inputs = order.inputs.map { spend in
            if case .signed = spend.evidence { return Spend(spend.token, .signed(ToyDesk.sign(Signed.refund(core), spend.token.input.nonce))) }
            return spend
        }
        return Order(shape: order.shape, detail: detail, inputs: inputs, outputs: order.outputs, orderKey: order.orderKey, signature: ToyDesk.sign(Signed.order(core), order.orderKey))
    }

    static func spend(_ access: Access, exporter: [UInt8]) -> Spend {
        let session = Signed.session(exporter, token: access.token.input.nonce)
        let signature = ToyDesk.sign(Signed.spend(mote: access.mote, access.slice, session: session), access.token.input.nonce)
        return Spend(access.token, .spent(access.slice, salt: access.salt, session: session, signature: signature))
    }

    /// Takes what an order got into the bag. A lost draw answers the second batch only.
    mutating func take(_ made: Made, _ answers: [[UInt8]], isLost: Bool) {
        let wanted = isLost ? made.wanted.suffix(answers.count) : made.wanted.prefix(answers.count)
        for (inputs, answer) in zip(wanted, answers) {
            let own = ToyDesk.tokens(inputs, answer)
            guard let key = inputs.first.flatMap({ KeyID($0.keyID) }), let role = desk.role(of: key) else { continue }
            // Tokens of a purchase are in the order in which their motes were drawn.
            if made.accesses.count == own.count, made.accesses.first?.role == role {
                accesses += zip(own, made.accesses).map { Access(token: $0, role: role, mote: $1.mote, slice: $1.slice, salt: $1.salt) }
            } else {
                tokens[role, default: []] += own
            }
        }
    }

    mutating func draw(_ count: Int, of role: KeyRole) -> [Token]? {
        guard let held = tokens[role], held.count >= count else { return nil }
        tokens[role] = Array(held.dropFirst(count))
        return Array(held.prefix(count))
    }
}
