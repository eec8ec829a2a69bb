// What a mote on the mix spends on a packet on one core, beside the calls of libsodium and OpenSSL that it consists of: `make bench-mix`.
import Ambience
import CAEZ
import CSodium
import Glibc
import Mixing
import Sealing
import Stopwatch

let seconds = CommandLine.arguments.dropFirst().first.flatMap { Double($0) } ?? 1.0

@MainActor func microseconds(_ work: @MainActor () -> Void) -> Double { Stopwatch.microseconds(seconds, work) }

let layout = SphinxLayout.mail, small = SphinxLayout(payloadBytes: 2_574)
let keys = (0..<4).map { _ in MixKey(secret: SecureRandom.bytes(32))! }
let ids = (0..<4).map { MixID([UInt8](repeating: UInt8($0), count: 32))! }
let route = zip(ids, keys).map { MixHop(id: $0, publicKey: $1.publicKey, delayMilliseconds: 1000) }
@MainActor func packet(_ layout: SphinxLayout) -> [UInt8] {
    try! Sphinx.packet(layout, route: route, to: ids[3], payload: [UInt8](repeating: 1, count: layout.payloadBytes), fresh: SecureRandom.bytes)
}

// MARK: the primitives

_ = sodium_init()
let scalar = SecureRandom.bytes(32), point = keys[0].publicKey
var shared = [UInt8](repeating: 0, count: 32), digest = [UInt8](repeating: 0, count: 32), header = SecureRandom.bytes(492)
let multiplication = microseconds { _ = crypto_scalarmult(&shared, scalar, point) }
let authentication = microseconds { _ = crypto_auth_hmacsha256(&digest, header, 444, scalar) }
let counter = AESCounter(key: SecureRandom.bytes(32))
let stream = microseconds { counter.apply(&header) }
// Asking the processor costs more than the answer is worth in a machine that is virtual.
let hasInstructions = dc_aez_has_instructions()
let aezKey = SecureRandom.bytes(48), nonce = SecureRandom.bytes(16)
@MainActor func enciphering(_ layout: SphinxLayout) -> Double {
    var body = [UInt8](repeating: 0, count: layout.packetBytes - 476)
    return microseconds { body.withUnsafeMutableBufferPointer { dc_aez_apply(aezKey, nonce, $0.baseAddress, $0.count, 1, hasInstructions) } }
}

let sealKey = SecretBytes.random(32), sealNonce = SecureRandom.bytes(24)
@MainActor func writing(_ count: Int) throws -> Double {
    let path = "/tmp/mixcost-\(getpid())", bytes = [UInt8](repeating: 1, count: count)
    let file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
    guard file >= 0 else { throw FileError(path: path, operation: "open", code: errno) }
    defer { close(file); unlink(path) }
    return microseconds { _ = pwrite(file, bytes, bytes.count, 0) }
}

// MARK: the packets

var isEnough = true
@MainActor func say(_ what: String, _ cost: Double, of primitives: Double, most: Double?) {
    let passes = cost <= most ?? .infinity
    isEnough = isEnough && passes
    func tenths(_ value: Double) -> Double { Double(Int(value * 10)) / 10 }
    print("\(what): \(tenths(cost)) µs, \(Int(1e6 / cost)) a second, \(Double(Int(cost / primitives * 100)) / 100) × its primitives (\(tenths(primitives)) µs)\(passes ? "" : "  MISSED")")
}

for (name, layout) in [("3,082-byte", small), ("29,180-byte", layout)] {
    let packets = (0..<8).map { _ in packet(layout) }
    let primitives = 2 * multiplication + 6 * authentication + stream + enciphering(layout)
    say("unwrap a \(name) packet", microseconds { _ = try? keys[0].unwrap(packets[0], layout) }, of: primitives, most: 100)
    say("unwrap one of eight \(name) packets", microseconds { _ = keys[0].unwrap(packets, layout) } / 8, of: primitives, most: 100)
}
// In a mote: as above, then sealed and written to disk.
let sealed = microseconds { _ = XChaCha20Poly1305.seal(header + [UInt8](repeating: 0, count: layout.packetBytes - header.count), key: sealKey, nonce: sealNonce, data: []) }
let written = try writing(layout.packetBytes)
let primitives = 2 * multiplication + 6 * authentication + stream + enciphering(layout) + sealed + written
let many = (0..<1024).map { _ in packet(layout) }
say("forward a 29,180-byte packet, on disk before it is answered", try Forwarding.microseconds(many, id: ids[0], key: keys[0], delay: 1000, rounds: 5), of: primitives, most: nil)
print("of which: sealing \(Double(Int(sealed * 10)) / 10) µs, writing \(Double(Int(written * 10)) / 10) µs")
// Of four hops: what each is multiplied by, and as many layers.
let making = 15 * multiplication + 4 * (6 * authentication + stream + enciphering(layout))
say("make a 29,180-byte packet for four hops", microseconds { _ = packet(layout) }, of: making, most: nil)
print("the primitives: X25519 \(Double(Int(multiplication * 10)) / 10) µs, HMAC-SHA256 of a header \(Double(Int(authentication * 10)) / 10) µs, AEZ of a letter's share \(Double(Int(enciphering(layout) * 10)) / 10) µs")
exit(isEnough ? 0 : 1)
