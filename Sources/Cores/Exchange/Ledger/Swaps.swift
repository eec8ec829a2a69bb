internal import Bytes
internal import Sealing

/// A listed mote is offered for motes elsewhere (M12). Public, like the listing.
package struct SwapRequest: Hashable, Sendable {
    package static let bytesCount = 148

    package let mote: [UInt8]
    /// Buckets that its owner would like instead: one bit for each.
    package let accepts: UInt32
    /// Slices in which it serves others; it is listed for all of them.
    package let first: Slice
    package let last: Slice
    /// The key that will ask for the rights.
    package let orderKey: [UInt8]
    /// The mote's, over `signed`.
    package let signature: [UInt8]

    package init(mote: [UInt8], accepts: UInt32, first: Slice, last: Slice, orderKey: [UInt8], signature: [UInt8]) {
        (self.mote, self.accepts, self.first, self.last, self.orderKey, self.signature) = (mote, accepts, first, last, orderKey, signature)
    }

    private var head: [UInt8] {
        var writer = ByteWriter(capacity: Self.bytesCount)
        writer.append(mote)
        writer.u32(accepts)
        writer.append(first.bytes + last.bytes + orderKey)
        return writer.bytes
    }

    package var signed: [UInt8] { Array("dust-swap".utf8) + head }
    package var bytes: [UInt8] { head + signature }
    package var id: [UInt8] { Digest.sha256(bytes) }

    package init(_ bytes: [UInt8]) throws(OrderError) {
        do {
            var reader = ByteReader(bytes)
            self.init(
                mote: try reader.bytes(32), accepts: try reader.u32(), first: try Slice(&reader), last: try Slice(&reader), orderKey: try reader.bytes(32),
                signature: try reader.bytes(64))
            guard reader.isAtEnd, first <= last else { throw OrderError.malformed }
        } catch { throw .malformed }
    }
}

extension Exchange {
    /// Whether a request may take part in the next clearings; it does until it is matched or its slices are over.
    package func check(_ request: SwapRequest, at slice: Slice) throws -> Refusal? {
        guard request.last >= slice else { return .untimely }
        guard desk.isSigned(request.signature, request.signed, by: request.mote) else { return .forged }
        return try store.inspect { try listing(of: request, &$0) == nil ? .unearned : nil }
    }

    private func listing(of request: SwapRequest, _ statements: inout Store.Statements) throws -> Listing? {
        guard let listing = try statements.listing(request.mote, at: request.first), listing.last >= request.last, try statements.isFree(request) else { return nil }
        return listing
    }

    /// Clears the swaps of a slice and notes who gets what. A function of the requests, the listings and the beacon; doing it twice does nothing
    /// more. Each class of motes is cleared apart, so as much is got as is given. Who was not matched may come again for the next slice.
    package func clear(_ requests: [SwapRequest], beacon: [UInt8], at slice: Slice) throws -> [Swap] {
        // One request of each mote: of several, the draw must not depend on which came first.
        let lowest = Dictionary(grouping: requests.filter { $0.last >= slice }, by: \.mote).compactMap { $1.min { $0.id.lexicographicallyPrecedes($1.id) } }
        return try store.transaction { statements in
            var offers: [MoteClass: [(request: SwapRequest, offer: SwapOffer)]] = [:]
            for request in lowest {
                guard let listing = try listing(of: request, &statements), let offer = SwapOffer(id: request.id, gives: listing.bucket, accepts: request.accepts) else { continue }
                offers[listing.size, default: []].append((request, offer))
            }
            let swaps = offers.flatMap { size, offers in matched(offers, size, beacon: beacon, at: slice) }.sorted { $0.id.lexicographicallyPrecedes($1.id) }
            for swap in swaps { try statements.insertSwap(swap) }
            return swaps
        }
    }

    private func matched(_ offers: [(request: SwapRequest, offer: SwapOffer)], _ size: MoteClass, beacon: [UInt8], at slice: Slice) -> [Swap] {
        let buckets = Clearing.run(offers.map(\.offer), beacon: beacon, leastFleet: rules.leastFleet)
        return offers.compactMap { request, offer in
            buckets[offer.id].map {
                Swap(id: offer.id, mote: request.mote, size: size, bucket: $0, first: max(request.first, slice), last: request.last, orderKey: request.orderKey)
            }
        }
    }
}

extension LedgerStatements {
    /// Not in another swap for one of those slices.
    fileprivate mutating func isFree(_ request: SwapRequest) throws -> Bool {
        try swapID(of: request.mote, from: request.first, to: request.last).map { $0 == request.id } ?? true
    }
}
