internal import CSodium
internal import CX25519

/// A scalar times a point of curve25519 (RFC 7748, section 5), 32 bytes each.
struct PointMultiplication {
    let scalar: SecretBytes
    let point: [UInt8]

    private static let lanes = 4
    private static let bytes = Curve25519Key.bytes

    static let hasVectors = dc_x25519_is_fast() != 0

    #if DEBUG
    /// Vectors that the compiler did not optimise are a hundred times slower than libsodium.
    private static let isFast = false
    #else
    private static let isFast = hasVectors
    #endif

    /// The products in the same order; those of points of small order are all zeros.
    static func perform(_ jobs: [PointMultiplication]) -> [[UInt8]] { perform(jobs, withVectors: isFast) }

    /// `withVectors` only where there are some.
    static func perform(_ jobs: [PointMultiplication], withVectors: Bool) -> [[UInt8]] {
        guard withVectors else { return jobs.map(\.product) }
        return stride(from: 0, to: jobs.count, by: lanes).flatMap { four(jobs[$0..<min($0 + lanes, jobs.count)]) }
    }

    static func isNothing(_ product: [UInt8]) -> Bool { sodium_is_zero(product, product.count) == 1 }

    private var product: [UInt8] {
        _ = Sodium.ready
        var out = [UInt8](repeating: 0, count: Self.bytes)
        _ = scalar.read { crypto_scalarmult(&out, $0, point) }
        return out
    }

    /// At most four; lanes that are left are computed with zeros.
    private static func four(_ jobs: ArraySlice<PointMultiplication>) -> [[UInt8]] {
        withUnsafeTemporaryAllocation(byteCount: 3 * lanes * bytes, alignment: 32) { memory in
            let out = memory.bindMemory(to: UInt8.self).baseAddress.unsafelyUnwrapped
            let (scalars, points) = (out + lanes * bytes, out + 2 * lanes * bytes)
            out.initialize(repeating: 0, count: memory.count)
            for (lane, job) in jobs.enumerated() {
                job.scalar.read { (scalars + lane * bytes).update(from: $0, count: bytes) }
                (points + lane * bytes).update(from: job.point, count: bytes)
            }
            defer { sodium_memzero(out, memory.count) }
            dc_x25519_four(out, scalars, points)
            return jobs.indices.map { Array(UnsafeBufferPointer(start: out + ($0 - jobs.startIndex) * bytes, count: bytes)) }
        }
    }
}
