internal import Ambience
internal import Onion

/// A few consecutive cells of one circuit, as they go to the link.
struct CellChunk {
    static let cells = 8
    static let bytes = cells * CellLayout.fixedBytes

    var next: UnsafeMutablePointer<CellChunk>?
    /// When its first cell was queued.
    var since = Instant.zero

    /// SAFETY: `CellPool` allocates `bytes` bytes behind the header of each chunk.
    static func cell(_ index: Int, of chunk: UnsafeMutablePointer<CellChunk>) -> UnsafeMutablePointer<UInt8> {
        UnsafeMutableRawPointer(chunk + 1).assumingMemoryBound(to: UInt8.self) + index * CellLayout.fixedBytes
    }
}

/// The memory of all cells that wait in circuit queues of one loop. Chunks that come back are given out again.
// SAFETY: a chunk is either in the free list or with exactly one `CircuitQueue`, which gives it back before it goes.
struct CellPool: ~Copyable {
    private static let allocationBytes = MemoryLayout<CellChunk>.stride + CellChunk.bytes
    /// Idle chunks kept for the next backlog, through `releaseIdleMemory`.
    private static let keptChunks = 64

    private var free: UnsafeMutablePointer<CellChunk>?
    private var freeCount = 0
    /// Chunks that hold cells.
    private(set) var usedCount = 0

    deinit {
        var next = free
        while let chunk = next {
            next = chunk.pointee.next
            UnsafeMutableRawPointer(chunk).deallocate()
        }
    }

    /// Memory held, in use or kept for later.
    var bytes: Int { (usedCount + freeCount) * Self.allocationBytes }

    mutating func take(now: Instant) -> UnsafeMutablePointer<CellChunk> {
        usedCount += 1
        let chunk: UnsafeMutablePointer<CellChunk>
        if let kept = free {
            free = kept.pointee.next
            freeCount -= 1
            chunk = kept
        } else {
            let raw = UnsafeMutableRawPointer.allocate(byteCount: Self.allocationBytes, alignment: MemoryLayout<CellChunk>.alignment)
            chunk = raw.bindMemory(to: CellChunk.self, capacity: 1)
        }
        chunk.initialize(to: CellChunk(next: nil, since: now))
        return chunk
    }

    mutating func give(_ chunk: UnsafeMutablePointer<CellChunk>) {
        usedCount -= 1
        freeCount += 1
        chunk.pointee.next = free
        free = chunk
    }

    /// Gives chunks back that nobody needs now.
    mutating func releaseIdleMemory() {
        while freeCount > Self.keptChunks, let chunk = free {
            free = chunk.pointee.next
            freeCount -= 1
            UnsafeMutableRawPointer(chunk).deallocate()
        }
    }
}
