internal import CLinux

/// Cells waiting to be written on one channel, contiguous so that a TLS record can be filled from it in one call.
///
/// The memory is allocated when the first cell comes and reused ever after; it grows by doubling and is given back by
/// `releaseIfIdle`. In steady state a cell costs no allocation.
// SAFETY: `base` is owned by this value alone, points to `capacity` bytes, and 0 <= head <= tail <= capacity holds
// between calls; pointers handed out by `reserve` and `front` are used before the next mutating call.
struct OutputQueue: ~Copyable {
    private static let firstCapacityBytes = 64 << 10

    private var base: UnsafeMutablePointer<UInt8>?
    private var capacity = 0
    private var head = 0
    private var tail = 0

    deinit { base?.deallocate() }

    @inline(__always) var count: Int { tail - head }
    /// Memory held, full or not.
    var bytes: Int { capacity }

    /// Room for `size` more bytes at the end; the caller fills all of it.
    @inline(__always)
    mutating func reserve(_ size: Int) -> UnsafeMutablePointer<UInt8> {
        if tail + size > capacity { makeRoom(for: size) }
        defer { tail += size }
        return base.unsafelyUnwrapped + tail
    }

    /// The oldest byte; `count` bytes follow it.
    var front: UnsafeMutablePointer<UInt8>? { base.map { $0 + head } }

    mutating func consume(_ size: Int) {
        head += size
        if head == tail {
            head = 0
            tail = 0
        }
    }

    /// Gives the memory back when nothing waits.
    mutating func releaseIfIdle() {
        guard count == 0, let base else { return }
        base.deallocate()
        self.base = nil
        capacity = 0
        head = 0
        tail = 0
    }

    private mutating func makeRoom(for size: Int) {
        let live = count
        if let base, live + size <= capacity / 2 {
            memmove(base, base + head, live)
        } else {
            var grown = max(capacity, Self.firstCapacityBytes)
            while grown < live + size { grown *= 2 }
            if let base, grown == capacity {
                memmove(base, base + head, live)
            } else {
                let fresh = UnsafeMutablePointer<UInt8>.allocate(capacity: grown)
                if let base {
                    memcpy(fresh, base + head, live)
                    base.deallocate()
                }
                base = fresh
                capacity = grown
            }
        }
        head = 0
        tail = live
    }
}
