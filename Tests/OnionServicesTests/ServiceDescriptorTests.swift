import Ambience
import Bytes
import Damage
import OnionServices
import Sealing
import Testing

@Suite("Outer layer of service descriptors")
struct ServiceDescriptorTests {
    @Test("descriptors that stock tor made are read", arguments: [("hsdesc1.txt", UInt64(19_655_750)), ("hsdesc2.txt", 0)])
    func stock(name: String, revision: UInt64) throws {
        let text = try Vectors.bytes(name)
        let time = try certificateTime(text)
        let descriptor = try ServiceDescriptor(text, now: time)
        #expect(descriptor.lifetimeSeconds == 180 * 60 && descriptor.text == text)
        if revision != 0 { #expect(descriptor.revision == revision) }
        #expect(throws: ServiceDescriptorError.badSignature) { try ServiceDescriptor(text, now: time + 3 * 86400) }
    }

    /// An hour before the certificate ends.
    private func certificateTime(_ text: [UInt8]) throws -> WallTime {
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
        let start = try #require(lines.firstIndex { $0.contains("BEGIN ED25519") }), end = try #require(lines.firstIndex { $0.contains("END ED25519") })
        let certificate = try TorCertificate(try #require(Base64.decode(lines[(start + 1)..<end].joined())))
        return certificate.expires + -3600
    }

    @Test("a descriptor is known by the blinded key that certifies its signing key")
    func made() throws {
        var maker = DescriptorMaker()
        maker.extra = "future-line is ignored\n"
        maker.revision = "18446744073709551615"
        let descriptor = try maker.descriptor()
        #expect(descriptor.blindedKey == maker.key && descriptor.revision == .max)
    }

    @Test("what no service sends is refused")
    func refused() throws {
        let changes: [(inout DescriptorMaker) -> Void] = [
            { $0.version = "2" }, { $0.version = "4" }, { $0.version = "3 3" }, { $0.lifetime = "721" }, { $0.lifetime = "-1" }, { $0.lifetime = "+5" },
            { $0.lifetime = "99999999999999999999" }, { $0.revision = "18446744073709551616" }, { $0.revision = "" }, { $0.certificateKind = 4 },
            { $0.namesBlindedKey = false }, { $0.expires = DescriptorMaker.now + -7200 }, { $0.content = [1, 2, 3] }, { $0.extra = "revision-counter 2\n" },
            { $0.extra = "hs-descriptor 3\n" }, { $0.extra = "signature AAAA\n" }, { $0.content = [UInt8](repeating: 0, count: 50_000) },
        ]
        for (index, change) in changes.enumerated() {
            var maker = DescriptorMaker()
            change(&maker)
            #expect(throws: ServiceDescriptorError.self, "change \(index)") { try maker.descriptor() }
        }
        #expect(throws: ServiceDescriptorError.self) { try ServiceDescriptor([], now: DescriptorMaker.now) }
        #expect(throws: ServiceDescriptorError.self) { try ServiceDescriptor(DescriptorMaker().text() + Array("more\n".utf8), now: DescriptorMaker.now) }
    }

    @Test("no damaged descriptor passes for another revision or key, and none traps", arguments: [71, 72] as [UInt64])
    func damaged(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let maker = DescriptorMaker()
        let text = maker.text()
        for _ in 0..<3000 {
            guard let taken = try? ServiceDescriptor(Damage.some(text, &random), now: DescriptorMaker.now) else { continue }
            #expect(taken.blindedKey == maker.key && taken.revision == 1, "seed \(seed)")
        }
    }
}

/// A cache that expectations may change.
private final class KeptCache {
    private var cache: HSDirCache
    var bytes: Int { cache.bytes }
    var count: Int { cache.count }

    init(limitBytes: Int) { cache = HSDirCache(settings: .init(limitBytes: limitBytes)) }

    func store(_ descriptor: ServiceDescriptor, now: Instant) -> Bool { cache.store(descriptor, now: now) }
    func text(of key: Ed25519Identity, now: Instant) -> [UInt8]? { cache.text(of: key, now: now) }
    func shrink(toBytes target: Int) { cache.shrink(toBytes: target) }
    func removeExpired(now: Instant) { cache.removeExpired(now: now) }
}

@Suite("Descriptor cache of an onion-service directory")
struct HSDirCacheTests {
    private let start = Instant.zero + .seconds(1000)

    @Test("only a greater revision replaces a descriptor")
    func revisions() throws {
        let cache = KeptCache(limitBytes: 1 << 20)
        var maker = DescriptorMaker()
        maker.revision = "5"
        let first = try maker.descriptor()
        #expect(cache.store(first, now: start))
        #expect(!cache.store(first, now: start))
        maker.revision = "4"
        #expect(!cache.store(try maker.descriptor(), now: start))
        #expect(cache.text(of: maker.key, now: start) == first.text)
        maker.revision = "6"
        let next = try maker.descriptor()
        #expect(cache.store(next, now: start))
        #expect(cache.text(of: maker.key, now: start) == next.text && cache.count == 1)
    }

    @Test("a descriptor is gone when its lifetime is over, and then an older revision may come")
    func expiry() throws {
        let cache = KeptCache(limitBytes: 1 << 20)
        var maker = DescriptorMaker()
        maker.revision = "9"
        #expect(cache.store(try maker.descriptor(), now: start))
        let end = start + .seconds(Int64(180 * 60))
        #expect(cache.text(of: maker.key, now: end + .seconds(Int64(-1))) != nil)
        #expect(cache.text(of: maker.key, now: end) == nil)
        maker.revision = "1"
        #expect(cache.store(try maker.descriptor(), now: end))
        cache.removeExpired(now: end + .seconds(Int64(180 * 60)))
        #expect(cache.count == 0 && cache.bytes == 0)
    }

    @Test("at the bound the least asked-for descriptors go, of those the oldest, and the newcomer stays")
    func eviction() throws {
        let makers = (0..<8).map { _ in DescriptorMaker() }
        let size = makers[0].text().count + 256
        let cache = KeptCache(limitBytes: size * 8)
        for (index, maker) in makers.enumerated() { #expect(cache.store(try maker.descriptor(), now: start + .seconds(Int64(index)))) }
        for maker in makers[..<2] { _ = cache.text(of: maker.key, now: start) }
        let newcomer = DescriptorMaker()
        #expect(cache.store(try newcomer.descriptor(), now: start + .seconds(Int64(20))))
        #expect(cache.bytes <= size * 8)
        #expect(cache.text(of: newcomer.key, now: start) != nil)
        #expect(makers[..<2].allSatisfy { cache.text(of: $0.key, now: start) != nil })
        #expect(cache.text(of: makers[2].key, now: start) == nil && cache.text(of: makers[7].key, now: start) != nil)
    }

    @Test("the bytes counted are those of the descriptors kept, whatever happens to them", arguments: [81, 82] as [UInt64])
    func accounting(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var makers = (0..<12).map { _ in DescriptorMaker() }
        let cache = KeptCache(limitBytes: 6000)
        var now = start
        for _ in 0..<300 {
            let index = Int.random(in: 0..<makers.count, using: &random)
            makers[index].revision = "\(Int.random(in: 0..<40, using: &random))"
            makers[index].content = [UInt8](repeating: 1, count: Int.random(in: 60..<900, using: &random))
            switch Int.random(in: 0..<6, using: &random) {
            case 0: now = now + .seconds(Int64.random(in: 0..<9000, using: &random))
            case 1: cache.shrink(toBytes: Int.random(in: 0..<6000, using: &random))
            case 2: _ = cache.text(of: makers[index].key, now: now)
            default: _ = cache.store(try makers[index].descriptor(), now: now)
            }
            #expect(cache.bytes <= 6000 && (cache.count == 0) == (cache.bytes == 0), "seed \(seed)")
        }
    }
}
