// The least that a middle relay can cost: whole TLS records in, one AES pass over every cell, whole records out, in as few system calls
// as our links make, and nothing else.
//
// `floor MEBIBYTES` runs three threads: one sends records, the main one is the relay in the middle and is measured, one swallows.
// It prints the relay's CPU seconds per GiB of cell data.

import Glibc
import Sealing

let cellBytes = 514
let cellDataBytes = 498
let cellsPerRecord = 31
let recordBytes = cellBytes * cellsPerRecord

func fail(_ what: String) -> Never {
    perror(what)
    exit(71)
}

/// A connected pair over loopback TCP, as relays have it; a socket pair would be cheaper than life.
func connectedPair() -> (Int32, Int32) {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    return withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
            guard bind(listener, pointer, size) == 0, listen(listener, 1) == 0, getsockname(listener, pointer, &size) == 0 else { fail("listen") }
            let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            guard connect(client, pointer, size) == 0 else { fail("connect") }
            let server = accept(listener, nil, nil)
            close(listener)
            return (client, server)
        }
    }
}

func session(_ fd: Int32, isServer: Bool) -> TLSSession {
    let now = Int64(time(nil))
    let context = isServer ? TLSContext(notBefore: now - 86400, notAfter: now + 86400) : TLSContext()
    return TLSSession(context: context, fd: fd, isServer: isServer, input: TLSInput())
}

func handshake(_ session: TLSSession) { guard session.handshake() == .done else { fail("TLS handshake") } }

/// Runs `body` on a thread of its own.
func onThread(_ body: @escaping () -> Void) -> pthread_t {
    final class Work {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    // SAFETY: the thread takes over the one reference made here.
    guard pthread_create(&thread, nil, { context in
        Unmanaged<Work>.fromOpaque(context!).takeRetainedValue().body()
        return nil
    }, Unmanaged.passRetained(Work(body)).toOpaque()) == 0 else { fail("pthread_create") }
    return thread
}

func write(_ session: TLSSession, _ bytes: UnsafePointer<UInt8>, _ size: Int) {
    var done = 0
    while done < size {
        let (count, progress) = session.write(bytes + done, count: min(recordBytes, size - done))
        guard progress == .done else { fail("write") }
        done += count
    }
}

func send(_ session: TLSSession, records: Int) {
    handshake(session)
    let record = [UInt8](repeating: 7, count: recordBytes)
    for _ in 0..<records { record.withUnsafeBufferPointer { write(session, $0.baseAddress!, recordBytes) } }
    guard session.push() == .done else { fail("push") }
}

/// Calls `take` with all bytes that come, as many at once as there are; it says how many at the end are to be kept for the next call.
func receive(_ session: TLSSession, bytes: Int, _ take: (UnsafeMutablePointer<UInt8>, Int) -> Int) {
    // SAFETY: used by this thread alone; less than a cell is kept in front of what `read` needs.
    let room = UnsafeMutablePointer<UInt8>.allocate(capacity: TLSSession.readBytes + cellBytes)
    var left = bytes
    var kept = 0
    while left > 0 {
        let (count, progress) = session.read(into: room + kept, capacity: TLSSession.readBytes)
        guard count > 0 || progress == .wantsRead else { fail("read") }
        left -= count
        let all = kept + count
        kept = take(room, all)
        if kept > 0 { memmove(room, room + all - kept, kept) }
    }
}

func swallow(_ session: TLSSession, bytes: Int) {
    handshake(session)
    receive(session, bytes: bytes) { _, _ in 0 }
}

func relay(from source: TLSSession, to sink: TLSSession, bytes: Int) {
    var cipher = RelayCellCipher(material: SecureRandom.bytes(RelayCellCipher.materialBytes))
    receive(source, bytes: bytes) { room, count in
        let whole = count / cellBytes * cellBytes
        for offset in stride(from: 0, to: whole, by: cellBytes) { cipher.crypt(room + offset + 5) }
        write(sink, room, whole)
        guard sink.push() == .done else { fail("push") }
        return count - whole
    }
}

/// Of the calling thread.
func cpuSeconds() -> Double {
    var spent = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent)
    return Double(spent.tv_sec) + Double(spent.tv_nsec) / 1e9
}

guard CommandLine.arguments.count == 2, let mebibytes = Int(CommandLine.arguments[1]), mebibytes > 0 else {
    print("usage: floor MEBIBYTES")
    exit(64)
}
let records = mebibytes * (1 << 20) / (cellsPerRecord * cellDataBytes)
let (out, relayIn) = connectedPair()
let (relayOut, last) = connectedPair()
let sender = onThread { send(session(out, isServer: false), records: records) }
let swallower = onThread { swallow(session(last, isServer: true), bytes: records * recordBytes) }
let incoming = session(relayIn, isServer: true)
let outgoing = session(relayOut, isServer: false)
handshake(incoming)
handshake(outgoing)
let before = cpuSeconds()
relay(from: incoming, to: outgoing, bytes: records * recordBytes)
let spent = cpuSeconds() - before
pthread_join(sender, nil)
pthread_join(swallower, nil)
print("\((spent * 1024 / Double(mebibytes) * 1000).rounded() / 1000)")
