internal import CZlib
internal import CZstd

/// A library's state for one stream, in one direction.
final class CodingStream {
    struct Step {
        var consumed: Int
        var produced: Int
        var isEnd: Bool
    }

    /// The largest window that a zstd stream may ask us to keep: 8 MiB, what RFC 8878 wants every decoder to grant.
    private static let windowLog: Int32 = 23
    private static let chunkBytes = 64 << 10

    private enum State {
        case zlib(UnsafeMutablePointer<dc_zlib>)
        case zstd(UnsafeMutablePointer<dc_zstd>)
    }

    // SAFETY: made here, freed in deinit, never handed out.
    private let state: State
    private(set) var chunk = [UInt8](repeating: 0, count: CodingStream.chunkBytes)

    /// `nil` effort unpacks.
    init(_ coding: ContentCoding, effort: ContentCoding.Effort?) throws(CompressionError) {
        let made: State? =
            switch coding {
            case .identity: nil
            case .deflate, .gzip: dc_zlib_new(effort == nil ? 1 : 0, coding == .gzip ? 1 : 0, effort == .quick ? 1 : 9).map { .zlib($0) }
            case .zstd: dc_zstd_new(effort == nil ? 1 : 0, effort == .quick ? 1 : 9, Self.windowLog).map { .zstd($0) }
            }
        guard let made else { throw .outOfMemory }
        state = made
    }

    deinit {
        switch state {
        case .zlib(let zlib): dc_zlib_free(zlib)
        case .zstd(let zstd): dc_zstd_free(zstd)
        }
    }

    /// Makes ready for another stream.
    func reset() throws(CompressionError) {
        let status =
            switch state {
            case .zlib(let zlib): dc_zlib_reset(zlib)
            case .zstd(let zstd): dc_zstd_reset(zstd)
            }
        guard status == 0 else { throw .corrupt }
    }

    /// Fills `chunk` from the front with as much as fits; `isLast` when nothing will follow `input`.
    func run(_ input: ArraySlice<UInt8>, isLast: Bool) throws(CompressionError) -> Step {
        var consumed = input.count
        var produced = chunk.count
        let last: Int32 = isLast ? 1 : 0
        // Both buffers are lent for this call only.
        let status = input.withUnsafeBufferPointer { source in
            chunk.withUnsafeMutableBufferPointer { target in
                switch state {
                case .zlib(let zlib): dc_zlib_run(zlib, source.baseAddress, &consumed, target.baseAddress, &produced, last)
                case .zstd(let zstd): dc_zstd_run(zstd, source.baseAddress, &consumed, target.baseAddress, &produced, last)
                }
            }
        }
        guard status >= 0 else { throw .corrupt }
        return Step(consumed: consumed, produced: produced, isEnd: status == 1)
    }
}
