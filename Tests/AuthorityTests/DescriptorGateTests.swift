import Ambience
import Authority
import Directory
import DirectoryService
import Logging
import Sealing
import Testing

struct DescriptorGateTests {
    private let folder: ScratchFolder
    private let now = WallTime(secondsSinceEpoch: 1_800_000_000)
    private let keys: RelayKeys

    init() throws {
        folder = try ScratchFolder()
        keys = LoopbackAuthority.makeRelayKeys(wall: now)
    }

    private func store() -> DirectoryStore {
        let store = DirectoryStore(folder: folder.path, authorities: [], log: Logger(label: "test"))
        store.load(now: now)
        return store
    }

    private func gate(_ store: DirectoryStore, allowsPrivate: Bool = true) throws -> DescriptorGate {
        DescriptorGate(store: store, pins: try KeyPins(path: folder.path + "/key-pinning-journal"), demands: .init(allowsPrivateAddresses: allowsPrivate))
    }

    private func upload(_ keys: RelayKeys? = nil, published: WallTime? = nil, change: (inout DescriptorContent) -> Void = { _ in }) throws -> [UInt8] {
        try LoopbackAuthority.upload(keys ?? self.keys, nickname: "relay", orPort: 9001, published: published ?? now, change: change)
    }

    @Test("An accepted descriptor and its extra-info are on disk: a new process has them")
    func durable() throws {
        #expect(try gate(store()).admit(try upload(), now: now) == .accepted)
        let after = store()
        #expect(after.descriptors.map(\.nickname) == ["relay"])
        #expect(after.extraInfo(of: try #require(after.descriptors.first).rsa) != nil)
        #expect(try gate(after).admit(try upload(), now: now) == .notNew)
    }

    @Test("A newer descriptor that says the same is not stored; one that says more is")
    func cosmetic() throws {
        let store = store()
        let gate = try gate(store)
        #expect(gate.admit(try upload(), now: now) == .accepted)
        #expect(gate.admit(try upload(published: now + 60) { $0.uptimeSeconds = 60 }, now: now + 60) == .notNew)
        #expect(gate.admit(try upload(published: now + 60) { $0.isHibernating = true }, now: now + 60) == .accepted)
        #expect(gate.admit(try upload(published: now + 61) { $0.expires = now + 600 }, now: now + 61) == .accepted)
        #expect(gate.admit(try upload(published: now + 62) { $0.expires = now + 500 }, now: now + 62) == .accepted)
        #expect(gate.admit(try upload(published: now + 30) { $0.orPort = 9002 }, now: now + 62) == .notNew)
        #expect(store.descriptors.first?.expires == now + 500)
    }

    @Test("What stock refuses is refused with a reason")
    func refusals() throws {
        let gate = try gate(store())
        func reason(_ body: [UInt8], at time: WallTime? = nil) -> String? {
            if case .refused(let reason) = gate.admit(body, now: time ?? now) { reason } else { nil }
        }
        #expect(reason(try upload(), at: now + 86401)?.contains("too old") == true)
        #expect(reason(try upload(), at: now - 12 * 3600 - 1)?.contains("future") == true)
        #expect(reason(try upload { $0.expires = now })?.contains("dust-expires") == true)
        #expect(reason(try upload { $0.platform = "Tor 0.4.7.1 on Linux" })?.contains("version") == true)
        #expect(reason([]) != nil)
        #expect(reason(Array("hello\n".utf8)) != nil)
        #expect(reason([0xEF, 0xBB, 0xBF] + (try upload())) != nil)
        let strict = try self.gate(store(), allowsPrivate: false)
        #expect(strict.admit(try upload(), now: now) == .refused("Private address in descriptor."))
    }

    @Test("A relay that the operator rejects is refused")
    func rejected() throws {
        let gate = try gate(store())
        let identity = try #require(RSAIdentity(keys.rsaIdentity.publicKey.fingerprint))
        gate.rulings = RelayRulings("!reject \(identity)\n")
        guard case .refused = gate.admit(try upload(), now: now) else { return #expect(Bool(false), "a rejected relay was accepted") }
    }

    @Test("A relay may not come back with one of its two identities changed")
    func pinned() throws {
        let gate = try gate(store())
        #expect(gate.admit(try upload(), now: now) == .accepted)
        let other = LoopbackAuthority.makeRelayKeys(wall: now)
        let mixed = RelayKeys(
            rsaIdentity: keys.rsaIdentity, ed25519Identity: other.ed25519Identity, signingKey: other.signingKey, signingCertificate: other.signingCertificate,
            onionKey: keys.onionKey, ntorKey: keys.ntorKey)
        guard case .refused = gate.admit(try upload(mixed, published: now + 10), now: now + 10) else { return #expect(Bool(false), "mixed identities were accepted") }
    }

    @Test("Uploads with any one byte changed are never accepted, and never trap")
    func mutated() throws {
        let gate = try gate(store())
        let good = try upload()
        let descriptorEnd = try RouterDescriptor(good.splitDescriptor).text.count
        var random = SeededRandom(seed: 7)
        for _ in 0..<300 {
            var bad = good
            let index = Int.random(in: 0..<descriptorEnd, using: &random)
            bad[index] ^= UInt8.random(in: 1...255, using: &random)
            #expect(gate.admit(bad, now: now) != .accepted, "seed 7, byte \(index)")
        }
        for count in stride(from: 0, to: descriptorEnd, by: 13) { #expect(gate.admit(Array(good[..<count]), now: now) != .accepted) }
    }
}

extension [UInt8] {
    /// Only the server descriptor of an upload.
    fileprivate var splitDescriptor: [UInt8] { DocumentBundle.cut(self, at: ["router ", "extra-info "], limit: 2)[0] }
}
