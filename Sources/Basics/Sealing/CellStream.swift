internal import CAES
internal import CSodium

/// AES-128 in counter mode from zero that runs on from cell to cell, as tor1 relay crypto wants it.
///
/// The processor's own instructions do it where it has them, OpenSSL elsewhere.
// SAFETY: exactly one of `stream` and `context` is set; `stream` is owned here and freed in deinit.
struct CellStream: ~Copyable {
    private let stream: UnsafeMutablePointer<dc_aes_stream>?
    private var context: AESCounter?
    private let isPaired: Int32

    /// `key` has 16 bytes.
    init(key: [UInt8], engine: CipherEngine = .best) {
        precondition(key.count == 16)
        isPaired = engine == .pairs ? 1 : 0
        guard engine != .anywhere else {
            stream = nil
            context = AESCounter(key: key)
            return
        }
        let stream = UnsafeMutablePointer<dc_aes_stream>.allocate(capacity: 1)
        stream.initialize(to: dc_aes_stream())
        dc_aes_expand(&stream.pointee.schedule, key)
        self.stream = stream
        context = nil
    }

    deinit {
        guard let stream else { return }
        sodium_memzero(stream, MemoryLayout<dc_aes_stream>.size)
        stream.deallocate()
    }

    /// Encrypts or decrypts the next cell in place.
    // SAFETY: the caller's memory is valid for the 509 bytes of a cell's body for the length of the call.
    @inline(__always)
    mutating func apply(_ body: UnsafeMutablePointer<UInt8>) {
        if let stream { dc_aes_stream_cell(stream, body, isPaired) } else { context?.apply(body, count: Int(DC_AES_CELL)) }
    }
}
