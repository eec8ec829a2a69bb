internal import Bytes
internal import Sealing

package enum OrderError: Error, Equatable {
    /// Not the one encoding of an order: all such get the same refusal.
    case malformed
}

/// A token that is spent, and what makes it the spender's.
package struct Spend: Hashable, Sendable {
    package let token: Token
    package let evidence: Evidence

    package init(_ token: Token, _ evidence: Evidence = .bearer) { (self.token, self.evidence) = (token, evidence) }

    package enum Evidence: Hashable, Sendable {
        /// Credit and rights belong to whoever has them.
        case bearer
        /// The token's own key signed: a refund.
        case signed([UInt8])
        /// What the buyer gave the mote: where and in which TLS session it was spent, and the salt that opens the token's challenge.
        case spent(Slice, salt: [UInt8], session: [UInt8], signature: [UInt8])
    }
}

/// Blinded messages for one key.
package struct Batch: Hashable, Sendable {
    package let key: KeyID
    package let type: TokenType
    package let blinded: [[UInt8]]

    package init(key: KeyID, type: TokenType, blinded: [[UInt8]]) {
        precondition(blinded.allSatisfy { $0.count == type.blindedBytes })
        (self.key, self.type, self.blinded) = (key, type, blinded)
    }
}

/// An order (M6). Its identifier is a digest of all of it, so sending it again is the same order.
package struct Order: Hashable, Sendable {
    package static let version: UInt8 = 1
    package static let inputsLimit = Shape.bundle
    package static let batchesLimit = 2
    package static let blindedLimit = 192

    package let shape: Shape
    package let detail: OrderDetail
    package let inputs: [Spend]
    package let outputs: [Batch]
    /// A fresh Ed25519 key for this order alone.
    package let orderKey: [UInt8]
    package let signature: [UInt8]

    package init(shape: Shape, detail: OrderDetail, inputs: [Spend], outputs: [Batch], orderKey: [UInt8], signature: [UInt8]) {
        (self.shape, self.detail, self.inputs, self.outputs, self.orderKey, self.signature) = (shape, detail, inputs, outputs, orderKey, signature)
    }

    package var id: [UInt8] { Digest.sha256(bytes) }

    /// What all signatures of an order are over: everything but them.
    package var core: [UInt8] {
        var writer = ByteWriter(capacity: 4096)
        writer.append("dust-order-1")
        writeHead(&writer)
        for spend in inputs { writer.append(spend.token.bytes) }
        writeOutputs(&writer)
        return Digest.sha256(writer.bytes)
    }

    // MARK: encoding

    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 4096)
        writeHead(&writer)
        writer.u8(UInt8(inputs.count))
        for spend in inputs {
            writer.append(spend.token.bytes)
            spend.evidence.write(&writer)
        }
        writer.u8(UInt8(outputs.count))
        writeOutputs(&writer)
        writeSignatures(&writer)
        return writer.bytes
    }

    private func writeHead(_ writer: inout ByteWriter) {
        let (code, number) = shape.code
        writer.u8(Self.version)
        writer.u8(code)
        writer.u16(number)
        detail.write(&writer)
        writer.append(orderKey)
    }

    private func writeOutputs(_ writer: inout ByteWriter) {
        for batch in outputs {
            writer.append(batch.key.bytes)
            writer.u16(batch.type.rawValue)
            writer.u8(UInt8(batch.blinded.count))
            for blinded in batch.blinded { writer.append(blinded) }
        }
    }

    private func writeSignatures(_ writer: inout ByteWriter) {
        if case .signature(let bytes) = detail { writer.append(bytes) }
        writer.append(signature)
    }

    package init(_ bytes: [UInt8]) throws(OrderError) {
        do {
            var reader = ByteReader(bytes)
            guard try reader.u8() == Self.version, let shape = Shape(code: try reader.u8(), detail: try reader.u16()) else { throw OrderError.malformed }
            var detail = try OrderDetail(for: shape, &reader)
            let orderKey = try reader.bytes(32)
            let inputs = try Self.list(&reader, limit: Self.inputsLimit) { reader in Spend(try Token(&reader), try Spend.Evidence(for: shape, &reader)) }
            let outputs = try Self.list(&reader, limit: Self.batchesLimit, Batch.init(_:))
            if case .signature = detail { detail = .signature(try reader.bytes(64)) }
            self.init(shape: shape, detail: detail, inputs: inputs, outputs: outputs, orderKey: orderKey, signature: try reader.bytes(64))
            guard reader.isAtEnd else { throw OrderError.malformed }
        } catch { throw .malformed }
    }

    private static func list<Element>(_ reader: inout ByteReader, limit: Int, _ read: (inout ByteReader) throws -> Element) throws -> [Element] {
        let count = Int(try reader.u8())
        guard count <= limit else { throw OrderError.malformed }
        var elements: [Element] = []
        for _ in 0..<count { elements.append(try read(&reader)) }
        return elements
    }
}

extension Batch {
    fileprivate init(_ reader: inout ByteReader) throws {
        guard let key = KeyID(try reader.bytes(32)), let type = TokenType(rawValue: try reader.u16()) else { throw OrderError.malformed }
        let count = Int(try reader.u8())
        guard (1...Order.blindedLimit).contains(count) else { throw OrderError.malformed }
        self.init(key: key, type: type, blinded: try (0..<count).map { _ in try reader.bytes(type.blindedBytes) })
    }
}

extension Spend.Evidence {
    fileprivate func write(_ writer: inout ByteWriter) {
        switch self {
        case .bearer: break
        case .signed(let signature): writer.append(signature)
        case .spent(let slice, let salt, let session, let signature):
            writer.u64(UInt64(bitPattern: slice.index))
            writer.append(salt + session + signature)
        }
    }

    fileprivate init(for shape: Shape, _ reader: inout ByteReader) throws {
        switch shape {
        case .refund: self = .signed(try reader.bytes(64))
        case .deposit: self = .spent(try Slice(&reader), salt: try reader.bytes(32), session: try reader.bytes(32), signature: try reader.bytes(64))
        default: self = .bearer
        }
    }
}

extension OrderDetail {
    func write(_ writer: inout ByteWriter) {
        switch self {
        case .none, .signature: break
        case .day(let day): writer.u64(UInt64(bitPattern: day))
        case .mote(let key): writer.append(key)
        case .receipt(let id, let signature): writer.append(id + signature)
        case .start(let slice): writer.u64(UInt64(bitPattern: slice.index))
        case .work(let slice, let nonce):
            writer.u64(UInt64(bitPattern: slice.index))
            writer.append(nonce)
        case .swap(let id, let bucket, let slice):
            writer.append(id)
            writer.u8(bucket)
            writer.u64(UInt64(bitPattern: slice.index))
        }
    }

    init(for shape: Shape, _ reader: inout ByteReader) throws {
        switch shape {
        case .buy: self = .day(try Slice(&reader).index)
        case .roll, .split, .merge, .refund, .barter: self = .none
        case .deposit: self = .mote(try reader.bytes(32))
        case .prepay: self = .receipt(try reader.bytes(32), signature: try reader.bytes(64))
        case .permit: self = .start(try Slice(&reader))
        case .trial: self = .work(try Slice(&reader), nonce: try reader.bytes(8))
        case .unstake: self = .signature([])
        case .right: self = .swap(try reader.bytes(32), bucket: try reader.u8(), try Slice(&reader))
        }
    }
}

extension Slice {
    /// Times further away than this cannot be meant, and would overflow what is computed with them.
    private static let farthest: UInt64 = 1 << 40

    init(_ reader: inout ByteReader) throws {
        let index = try reader.u64()
        guard index < Self.farthest else { throw OrderError.malformed }
        self.init(Int64(index))
    }
}

/// Messages have few lengths, so that what is in one does not show.
package enum Padding {
    private static let steps = [8 << 10, 16 << 10, 64 << 10, 128 << 10]
    package static let limit = 128 << 10

    package static func isLength(_ count: Int) -> Bool { steps.contains(count) }

    /// `nil` when it is too long for the largest.
    package static func pad(_ bytes: [UInt8], least: Int = 8 << 10) -> [UInt8]? {
        guard let step = steps.first(where: { $0 >= max(least, bytes.count + 4) }) else { return nil }
        var writer = ByteWriter(capacity: step)
        writer.u32(UInt32(bytes.count))
        writer.append(bytes)
        return writer.bytes + [UInt8](repeating: 0, count: step - bytes.count - 4)
    }

    /// `nil` unless it has one of the lengths and zeros behind what it says.
    package static func strip(_ bytes: [UInt8]) -> [UInt8]? {
        guard steps.contains(bytes.count) else { return nil }
        let count = bytes[..<4].reduce(0) { $0 << 8 | Int($1) }
        guard count <= bytes.count - 4, bytes[(4 + count)...].allSatisfy({ $0 == 0 }) else { return nil }
        return Array(bytes[4..<4 + count])
    }
}
