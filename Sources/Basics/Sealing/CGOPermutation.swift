internal import CPolyval
internal import CSodium

/// Sixteen bytes as they lie in memory: a tag, a nonce, a cipher block.
typealias Block = SIMD2<UInt64>

/// UIV+, the keyed permutation of a whole cell body that Counter Galois Onion is made of (proposal 359, sections 3.1 to 3.4).
///
/// A body is a left block of 16 bytes and 493 bytes to its right. `exchangeLeft` permutes the left block, tweaked by everything else;
/// `maskRight` masks the right part with a stream that follows from the left block.
// SAFETY: bodies are valid for 509 bytes, tweaks for 16, material for `materialBytes`, during each call; nothing is kept.
struct CGOPermutation: ~Copyable {
    /// AES and POLYVAL key of the left block, then both of the stream.
    static let materialBytes = 64
    private static let leftBytes = 16
    private static let rightBytes = Int(DC_CGO_RIGHT)
    /// Blocks of stream that one cell takes; those from here on serve key updates.
    private static let streamBlocks = 31
    static let updateBytes = 5 * 16

    private struct Hashes {
        var tweak = dc_polyval_key()
        var stream = dc_polyval_element()
    }

    private let leftCipher: AESBlocks
    private let streamCipher: AESBlocks
    private let hashes: UnsafeMutablePointer<Hashes>
    private let engine: CipherEngine

    init(material: UnsafePointer<UInt8>, isEncrypting: Bool, engine: CipherEngine) {
        leftCipher = AESBlocks(key: material, isEncrypting: isEncrypting, engine: engine)
        streamCipher = AESBlocks(key: material + 32, isEncrypting: true, engine: engine)
        hashes = .allocate(capacity: 1)
        hashes.initialize(to: Hashes())
        self.engine = engine
        rekeyHashes(material)
    }

    deinit {
        sodium_memzero(hashes, MemoryLayout<Hashes>.size)
        hashes.deallocate()
    }

    borrowing func rekey(_ material: UnsafePointer<UInt8>) {
        leftCipher.rekey(material)
        streamCipher.rekey(material + 32)
        rekeyHashes(material)
    }

    private borrowing func rekeyHashes(_ material: UnsafePointer<UInt8>) {
        hashes.pointee.tweak.powers.7 = dc_polyval_load(material + 16)
        hashes.pointee.stream = dc_polyval_load(material + 48)
        if engine != .anywhere { dc_polyval_expand_fast(&hashes.pointee.tweak) }
    }

    // MARK: Whole bodies

    /// What relays do.
    @inline(__always)
    borrowing func encrypt(_ body: UnsafeMutablePointer<UInt8>, tweak: UnsafePointer<UInt8>, command: UInt8) {
        exchangeLeft(body, tweak: tweak, command: command)
        maskRight(body)
    }

    /// What clients do.
    @inline(__always)
    borrowing func decrypt(_ body: UnsafeMutablePointer<UInt8>, tweak: UnsafePointer<UInt8>, command: UInt8) {
        maskRight(body)
        exchangeLeft(body, tweak: tweak, command: command)
    }

    /// ET: the left block, tweaked by `tweak`, the cell's command and the right part.
    borrowing func exchangeLeft(_ body: UnsafeMutablePointer<UInt8>, tweak: UnsafePointer<UInt8>, command: UInt8) {
        let right = UnsafePointer(body + Self.leftBytes)
        let hash =
            switch engine {
            case .anywhere: dc_polyval_tweak_anywhere(&hashes.pointee.tweak, tweak, command, right)
            case .blocks: dc_polyval_tweak_blocks(&hashes.pointee.tweak, tweak, command, right)
            case .pairs: dc_polyval_tweak_pairs(&hashes.pointee.tweak, tweak, command, right)
            }
        let mask = Block(hash.low, hash.high)
        body.block ^= mask
        leftCipher.apply(body)
        body.block ^= mask
    }

    /// The right part, masked with PRF(left block, t = 0).
    borrowing func maskRight(_ body: UnsafeMutablePointer<UInt8>) {
        streamCipher.mask(body + Self.leftBytes, count: Self.rightBytes, from: streamStart(body), first: 0)
    }

    /// PRF(nonce, t = 1): the next keys and the next nonce.
    borrowing func deriveUpdate(from nonce: UnsafePointer<UInt8>, into out: UnsafeMutablePointer<UInt8>) {
        out.update(repeating: 0, count: Self.updateBytes)
        streamCipher.mask(out, count: Self.updateBytes, from: streamStart(nonce), first: Self.streamBlocks)
    }

    // MARK: The stream

    /// The first counter block: POLYVAL of the input, its last six bits cleared to leave room for counting.
    @inline(__always)
    private borrowing func streamStart(_ input: UnsafePointer<UInt8>) -> Block {
        let element = dc_polyval_load(input)
        let key = hashes.pointee.stream
        let hash = engine == .anywhere ? dc_polyval_multiply_anywhere(element, key) : dc_polyval_multiply_fast(element, key)
        return Block(hash.low, hash.high & ~(0x3F << 56))
    }
}

extension UnsafeMutablePointer<UInt8> {
    /// The 16 bytes from here on.
    @inline(__always)
    var block: Block {
        get { UnsafeRawPointer(self).loadUnaligned(as: Block.self) }
        nonmutating set { UnsafeMutableRawPointer(self).storeBytes(of: newValue, as: Block.self) }
    }
}
