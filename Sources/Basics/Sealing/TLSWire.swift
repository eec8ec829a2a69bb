internal import COpenSSL
internal import Glibc

/// Where the sessions of one loop receive: sealed bytes of one session at a time, for the length of one call.
package final class TLSInput {
    /// At most so many bytes are received at once.
    package static let sizeBytes = 128 << 10

    // SAFETY: allocated once, freed in deinit; used only inside `TLSSession.read` and `handshake`, on the loop's thread.
    fileprivate let base = UnsafeMutablePointer<UInt8>.allocate(capacity: sizeBytes)

    package init() {}

    deinit { base.deallocate() }
}

/// What OpenSSL takes for the connection: memory on both sides, with the socket behind it.
// SAFETY: `received` is a view of a `TLSInput` and is read up (OpenSSL copies everything out) before the call that set it returns;
// `sealed` is owned here, has `capacity` bytes, and 0 <= head <= tail <= capacity.
struct TLSWire: ~Copyable {
    /// Sealed bytes that are sent at once; above it `write` pushes first.
    private static let largestBatchBytes = 128 << 10
    private static let smallestBatchBytes = 16 << 10
    /// What TLS may owe beside data (alerts, key updates): a peer that asks for more and takes nothing is failed.
    private static let limitBytes = largestBatchBytes + (64 << 10)

    private let fd: Int32
    private var received: UnsafeMutablePointer<UInt8>?
    private var receivedCount = 0
    private var sealed: UnsafeMutablePointer<UInt8>?
    private var capacity = 0
    private var head = 0
    private var tail = 0
    /// Grows while the socket takes all, shrinks when it does not: what is sealed cannot be overtaken any more.
    private var batchBytes = smallestBatchBytes
    /// Since whoever pays for them asked last: bytes that came, and bytes that were sealed.
    private var receivedBytes = 0
    private var sealedBytes = 0
    /// The socket left something of the last batch.
    private var isBlocked = false

    init(fd: Int32) { self.fd = fd }

    deinit { sealed?.deallocate() }

    var unsentBytes: Int { tail - head }
    /// Memory held, full or not.
    var bytes: Int { capacity }
    /// Nothing more is sealed before some is sent.
    var isFull: Bool { isBlocked || unsentBytes >= batchBytes }

    mutating func takeReceivedBytes() -> Int {
        defer { receivedBytes = 0 }
        return receivedBytes
    }

    mutating func takeSealedBytes() -> Int {
        defer { sealedBytes = 0 }
        return sealedBytes
    }

    // MARK: From the socket

    mutating func receive(into input: TLSInput) -> TLSSession.Progress {
        let count = recv(fd, input.base, TLSInput.sizeBytes, 0)
        guard count > 0 else {
            if count == 0 { return .closed }
            return errno == EAGAIN || errno == EINTR ? .wantsRead : .failed
        }
        received = input.base
        receivedCount = count
        receivedBytes += count
        return .done
    }

    /// As if the socket had given `bytes`.
    mutating func receive(_ bytes: inout [UInt8], into input: TLSInput) -> TLSSession.Progress {
        input.base.update(from: bytes, count: bytes.count)
        received = input.base
        receivedCount = bytes.count
        bytes = []
        return .done
    }

    /// What OpenSSL has not asked for.
    mutating func takeRest() -> [UInt8] {
        defer { receivedCount = 0 }
        return Array(UnsafeBufferPointer(start: received, count: receivedCount))
    }

    fileprivate mutating func read(_ buffer: UnsafeMutablePointer<CChar>, _ size: Int) -> Int {
        guard let received, receivedCount > 0 else { return 0 }
        let count = min(size, receivedCount)
        memcpy(buffer, received, count)
        self.received = received + count
        receivedCount -= count
        return count
    }

    // MARK: To the socket

    fileprivate mutating func append(_ bytes: UnsafePointer<CChar>, _ count: Int) -> Bool {
        if tail + count > capacity, !makeRoom(count) { return false }
        memcpy(sealed.unsafelyUnwrapped + tail, bytes, count)
        tail += count
        sealedBytes += count
        return true
    }

    private mutating func makeRoom(_ count: Int) -> Bool {
        let live = unsentBytes
        guard live + count <= Self.limitBytes else { return false }
        let fresh = capacity == 0 ? UnsafeMutablePointer<UInt8>.allocate(capacity: Self.limitBytes) : sealed.unsafelyUnwrapped
        if let sealed, live > 0 { memmove(fresh, sealed + head, live) }
        sealed = fresh
        capacity = Self.limitBytes
        head = 0
        tail = live
        return true
    }

    mutating func send() -> TLSSession.Progress {
        let waiting = unsentBytes
        guard waiting > 0, let sealed else { return .done }
        let count = Glibc.send(fd, sealed + head, waiting, Int32(MSG_NOSIGNAL))
        guard count >= 0 || errno == EAGAIN || errno == EINTR else { return .failed }
        head += max(0, count)
        isBlocked = head != tail
        guard !isBlocked else {
            batchBytes = max(Self.smallestBatchBytes, batchBytes / 2)
            return .wantsWrite
        }
        if waiting >= batchBytes { batchBytes = min(Self.largestBatchBytes, batchBytes * 2) }
        head = 0
        tail = 0
        return .done
    }

    mutating func releaseIfIdle() {
        guard head == tail, let sealed else { return }
        sealed.deallocate()
        self.sealed = nil
        capacity = 0
        head = 0
        tail = 0
    }

    // MARK: OpenSSL's view

    // SAFETY: a pointer to OpenSSL's table of functions, made once and never changed.
    nonisolated(unsafe) private static let method: OpaquePointer? = {
        let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "batches")
        BIO_meth_set_create(method) { bio in
            BIO_set_init(bio, 1)
            return 1
        }
        BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        BIO_meth_set_write(method) { bio, bytes, count in
            BIO_clear_flags(bio, dc_bio_retry_flags)
            guard let bytes, count > 0 else { return 0 }
            return TLSWire.of(bio).pointee.append(bytes, Int(count)) ? count : -1
        }
        BIO_meth_set_read(method) { bio, buffer, size in
            BIO_clear_flags(bio, dc_bio_retry_flags)
            guard let buffer, size > 0 else { return 0 }
            let count = TLSWire.of(bio).pointee.read(buffer, Int(size))
            if count == 0 { BIO_set_flags(bio, dc_bio_retry_read) }
            return count > 0 ? Int32(truncatingIfNeeded: count) : -1
        }
        return method
    }()

    private static func of(_ bio: OpaquePointer?) -> UnsafeMutablePointer<TLSWire> {
        BIO_get_data(bio).assumingMemoryBound(to: TLSWire.self)
    }

    /// A connection for OpenSSL whose two sides are `wire`, which must outlive it.
    static func bio(_ wire: UnsafeMutablePointer<TLSWire>) -> OpaquePointer? {
        guard let bio = BIO_new(method) else { fatalError("out of memory for TLS") }
        BIO_set_data(bio, wire)
        return bio
    }
}
