internal import CSodium

/// One direction of one hop's Counter Galois Onion relay crypto (proposal 359): each cell's tag tweaks the next, so that whoever changes a bit
/// on the way garbles everything after it.
///
/// Relays always encrypt and clients always decrypt, whichever way a cell goes: only encryption spreads a change over the whole cell.
/// All calls work in place on the 509 bytes of a cell body; `command` is that of the cell, RELAY or RELAY_EARLY.
// SAFETY: every body must be valid for 509 bytes during the call; nothing is kept.
package struct CGOCipher: ~Copyable {
    package enum Side: Sendable {
        case relay
        case client
    }

    /// Keys of the permutation, then the first nonce.
    package static let materialBytes = CGOPermutation.materialBytes + 16

    private let side: Side
    private let permutation: CGOPermutation
    /// T' 16, N 16, the tag of the last SENDME-worthy cell 16.
    private let state: UnsafeMutablePointer<UInt8>
    private static let stateBytes = 48

    /// `material` has 80 bytes: this direction's part of what the handshake gave.
    package init(material: [UInt8], side: Side) { self.init(material: material, side: side, previous: [], engine: .best) }

    /// In the middle of a conversation: `previous` is T', nothing being zeros.
    init(material: [UInt8], side: Side, previous: [UInt8], engine: CipherEngine) {
        precondition(material.count == Self.materialBytes)
        self.side = side
        state = .allocate(capacity: Self.stateBytes)
        state.initialize(repeating: 0, count: Self.stateBytes)
        permutation = CGOPermutation(material: material, isEncrypting: side == .relay, engine: engine)
        self.previous.update(from: previous, count: min(previous.count, 16))
        nonce.update(from: Array(material[CGOPermutation.materialBytes...]), count: 16)
    }

    deinit {
        sodium_memzero(state, Self.stateBytes)
        state.deallocate()
    }

    /// T': the tag of the cell before.
    @inline(__always) private var previous: UnsafeMutablePointer<UInt8> { state }
    /// N: the tag of a cell that ends or begins here.
    @inline(__always) private var nonce: UnsafeMutablePointer<UInt8> { state + 16 }
    @inline(__always) private var tag: UnsafeMutablePointer<UInt8> { state + 32 }

    /// The tag of the last cell that began or was recognised here.
    package var lastTag: SendmeTag { SendmeTag(tag.block) }

    /// Takes a cell on its way past this hop, away from where this direction ends.
    @inline(__always)
    package mutating func pass(_ body: UnsafeMutablePointer<UInt8>, _ command: UInt8) {
        switch side {
        case .relay:
            permutation.encrypt(body, tweak: previous, command: command)
            previous.block = body.block
        case .client:
            let arrived = body.block
            permutation.decrypt(body, tweak: previous, command: command)
            previous.block = arrived
        }
    }

    /// Takes a cell that may end here, and says whether it does.
    package mutating func recognize(_ body: UnsafeMutablePointer<UInt8>, _ command: UInt8) -> Bool {
        let arrived = body.block
        pass(body, command)
        let difference = body.block ^ nonce.block
        guard difference.x | difference.y == 0 else { return false }
        tag.block = arrived
        if side == .client { nonce.block = arrived }
        update()
        return true
    }

    /// Takes a cell that begins here: tagged and encrypted.
    package mutating func originate(_ body: UnsafeMutablePointer<UInt8>, _ command: UInt8) {
        body.block = nonce.block
        pass(body, command)
        tag.block = body.block
        if side == .relay { nonce.block = body.block }
        update()
    }

    /// New keys and a new nonce, which nobody can turn back into the old ones.
    private mutating func update() {
        withUnsafeTemporaryAllocation(byteCount: CGOPermutation.updateBytes, alignment: 16) { memory in
            let fresh = memory.bindMemory(to: UInt8.self).baseAddress.unsafelyUnwrapped
            permutation.deriveUpdate(from: nonce, into: fresh)
            permutation.rekey(fresh)
            nonce.block = (fresh + CGOPermutation.materialBytes).block
            sodium_memzero(fresh, CGOPermutation.updateBytes)
        }
    }
}
