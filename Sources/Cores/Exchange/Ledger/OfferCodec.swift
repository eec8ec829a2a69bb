internal import Bytes

extension Offer {
    /// What is published, and what `signed` is over, with the signature behind it.
    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 512)
        writer.append(permit.bytes)
        writer.append([size.rawValue, bucket, group])
        writer.append(first.bytes + last.bytes)
        writer.u16(UInt16(truncatingIfNeeded: address.count))
        writer.append(address + keyRoot + signature)
        return writer.bytes
    }

    /// `nil` unless it is the one encoding of an offer. Nothing in it is believed yet.
    package init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard let offer = try? Offer(&reader), reader.isAtEnd else { return nil }
        self = offer
    }

    private init(_ reader: inout ByteReader) throws {
        let permit = try Token(&reader)
        guard let size = MoteClass(rawValue: try reader.u8()) else { throw OrderError.malformed }
        let (bucket, group) = (try reader.u8(), try reader.u8()), (first, last) = (try Slice(&reader), try Slice(&reader)), count = Int(try reader.u16())
        guard count <= 256 else { throw OrderError.malformed }
        self.init(
            permit: permit, size: size, bucket: bucket, first: first, last: last, group: group, address: try reader.bytes(count), keyRoot: try reader.bytes(32),
            signature: try reader.bytes(64))
    }
}

extension FraudProof {
    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 512)
        writer.append(mote + slice.bytes)
        writer.append(token.bytes)
        writer.append(salt + receipt)
        return writer.bytes
    }

    /// `nil` unless it is the one encoding of a proof. Nothing in it is believed yet.
    package init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard let proof = try? FraudProof(&reader), reader.isAtEnd else { return nil }
        self = proof
    }

    private init(_ reader: inout ByteReader) throws {
        self.init(mote: try reader.bytes(32), slice: try Slice(&reader), token: try Token(&reader), salt: try reader.bytes(32), receipt: try reader.bytes(64))
    }
}
