package import Bytes
internal import Sealing

/// The exchange's public keys as a wallet knows them. Only those that it found in the witnessed log are in it.
package protocol PublicKeys {
    /// As it is published: 32 bytes of a group element, or an RSA key as `TokenPublicKey` writes it. `nil` for a key that is not known or not
    /// to be used yet.
    func publicKey(_ role: KeyRole) -> [UInt8]?
}

extension Issuer: PublicKeys {}

extension PublicKeys {
    package func id(_ role: KeyRole) -> KeyID? { publicKey(role).map { KeyID(role, publicKey: $0) } }
}

/// All that an order is made of, beside the seed: from both the same bytes come again, on this machine or on the one after it.
package struct Recipe: Hashable, Sendable {
    package struct Input: Hashable, Sendable {
        package let token: WalletToken
        package let evidence: Evidence

        package init(_ token: WalletToken, _ evidence: Evidence = .bearer) { (self.token, self.evidence) = (token, evidence) }

        package enum Evidence: Hashable, Sendable {
            case bearer
            /// Signed by the token's own key, which comes from its counter: a refund.
            case own
            /// What a mote was given with it.
            case spent(Slice, salt: [UInt8], session: [UInt8], signature: [UInt8])
        }
    }

    package let shape: Shape
    package let detail: OrderDetail
    /// For which the exchange's keys are chosen.
    package let slice: Slice
    /// The first of its tokens' counters, and its order key's.
    package let counter: UInt64
    /// The counter of another order key: a swap's rights are asked for with the swap's.
    package let keyCounter: UInt64?
    package let inputs: [Input]
    /// One for each access token.
    package let places: [Place]

    package init(_ shape: Shape, _ detail: OrderDetail = .none, at slice: Slice, from counter: UInt64, keyCounter: UInt64? = nil, inputs: [Input] = [], places: [Place] = []) {
        (self.shape, self.detail, self.slice, self.counter, self.keyCounter) = (shape, detail, slice, counter, keyCounter)
        (self.inputs, self.places) = (inputs, places)
    }

    package var wanted: [(role: KeyRole, count: Int)]? { wanted(at: slice) }
    private func wanted(at slice: Slice) -> [(role: KeyRole, count: Int)]? { shape.outputs(inputs.map(\.token.role), at: slice, detail: detail) }

    /// How many counters an order of that form takes.
    package var counters: UInt64 { UInt64(max(1, (wanted ?? []).reduce(0) { $0 + $1.count })) }

    /// Whether an exchange would carry it out in that slice, as far as times go: its keys are those of that slice, and its tokens are taken.
    package func isTimely(at other: Slice) -> Bool {
        guard let own = wanted, let then = wanted(at: other), own.map(\.role) == then.map(\.role) else { return false }
        let areTaken = inputs.allSatisfy { input in
            (shape == .refund ? input.token.role.refunded : input.token.role.accepted)?.contains(other) == true
        }
        return areTaken && own.allSatisfy { if case .credit = $0.role { true } else { $0.role.issued.contains(other) } }
    }

    // MARK: the encoding, of the wallet's own files

    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 1024)
        let (code, number) = shape.code
        writer.u8(code)
        writer.u16(number)
        detail.write(&writer)
        writer.append(slice.bytes)
        writer.u64(counter)
        writer.u8(keyCounter == nil ? 0 : 1)
        writer.u64(keyCounter ?? 0)
        writer.u8(UInt8(inputs.count))
        for input in inputs { input.write(&writer) }
        writer.u8(UInt8(places.count))
        for place in places { writer.append(place.mote + place.slice.bytes) }
        return writer.bytes
    }

    package init(_ reader: inout ByteReader) throws {
        guard let shape = Shape(code: try reader.u8(), detail: try reader.u16()) else { throw OrderError.malformed }
        let detail = try OrderDetail(for: shape, &reader), slice = try Slice(wallet: &reader), counter = try reader.u64()
        let hasKey = try reader.u8(), key = try reader.u64(), inputsCount = Int(try reader.u8())
        guard hasKey <= 1, inputsCount <= Order.inputsLimit else { throw OrderError.malformed }
        let inputs = try (0..<inputsCount).map { _ in try Input(own: &reader) }, placesCount = Int(try reader.u8())
        guard placesCount <= Order.blindedLimit else { throw OrderError.malformed }
        let places = try (0..<placesCount).map { _ in Place(mote: try reader.bytes(32), slice: try Slice(wallet: &reader)) }
        self.init(shape, detail, at: slice, from: counter, keyCounter: hasKey == 1 ? key : nil, inputs: inputs, places: places)
    }
}

extension Recipe.Input {
    package func write(_ writer: inout ByteWriter) {
        token.write(&writer)
        switch evidence {
        case .bearer: writer.u8(0)
        case .own: writer.u8(1)
        case .spent(let slice, let salt, let session, let signature):
            writer.u8(2)
            writer.append(slice.bytes + salt + session + signature)
        }
    }

    package init(own reader: inout ByteReader) throws {
        let token = try WalletToken(&reader)
        switch try reader.u8() {
        case 0: self.init(token)
        case 1: self.init(token, .own)
        case 2: self.init(token, .spent(try Slice(wallet: &reader), salt: try reader.bytes(32), session: try reader.bytes(32), signature: try reader.bytes(64)))
        default: throw OrderError.malformed
        }
    }
}
