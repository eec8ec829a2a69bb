/// What the clearing of a slice came to for one request (M13): a bucket, or nothing.
package struct SwapResult: Hashable, Sendable {
    package let request: SwapRequest
    package let bucket: UInt8?

    package init(_ request: SwapRequest, _ bucket: UInt8?) { (self.request, self.bucket) = (request, bucket) }

    private static let nothing: UInt8 = 255

    package var bytes: [UInt8] { [bucket ?? Self.nothing] + request.bytes }

    /// `nil` unless it is the one encoding of a result.
    package init?(_ bytes: [UInt8]) {
        guard let first = bytes.first, first < 32 || first == Self.nothing, let request = try? SwapRequest(Array(bytes.dropFirst())) else { return nil }
        self.init(request, first == Self.nothing ? nil : first)
    }
}
