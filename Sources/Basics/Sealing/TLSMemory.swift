internal import COpenSSL

/// OpenSSL's own memory.
package enum TLSMemory {
    /// Has OpenSSL keep the small blocks that each record costs it, so that a forwarded cell allocates nothing. It must come before
    /// anything else here; `false` when it came too late, and nothing has changed.
    @discardableResult
    package static func keepSmallBlocks() -> Bool { dc_keep_small_blocks() == 1 }
}
