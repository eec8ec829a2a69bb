import Ambience
import Directory
import Sealing
import Testing
import Torrc

@testable import Node

@Suite("Master keys that are kept elsewhere")
struct OfflineKeyTests {
    /// A folder where `--keygen` was run, by stock tor or by us, and one of a relay that got all but the master's secret half.
    private func split(by maker: String) throws -> (home: Scratch, relay: DataDirectory) {
        let home = try Scratch()
        if maker == "stock" {
            #expect(run("tor --keygen --no-passphrase --DataDirectory \(home.path) -f /nonexistent --ignore-missing-torrc --quiet </dev/null").status == 0)
        } else {
            _ = try KeyMaking.make(configuration("DataDirectory \(home.path)\nSocksPort 0"), home: "")
        }
        let scratch = try Scratch()
        let relay = try DataDirectory(path: scratch.path + "/relay")
        keeper.append(scratch)
        try carry(from: home, to: relay)
        return (home, relay)
    }

    private final class Keeper {
        var scratches: [Scratch] = []
        func append(_ scratch: Scratch) { scratches.append(scratch) }
    }

    private let keeper = Keeper()

    private func carry(from home: Scratch, to relay: DataDirectory) throws {
        for name in ["ed25519_master_id_public_key", "ed25519_signing_secret_key", "ed25519_signing_cert"] {
            try Files.replace(relay.key(name), with: Files.read(home.path + "/keys/" + name))
        }
    }

    private var offline: KeyPolicy {
        var policy = KeyPolicy()
        policy.isMasterOffline = true
        return policy
    }

    @Test("a relay runs on what stock's or our --keygen made, without the master's secret half", arguments: ["stock", "ours"])
    func runs(maker: String) throws {
        let (home, relay) = try split(by: maker)
        let now = SystemTime().wall
        let keys = try KeyRing(relay, now: now, policy: offline)
        let master = try TaggedFile.masterSecret.read(home.path + "/keys/ed25519_master_id_secret_key").flatMap { Ed25519Key(expanded: $0) }
        #expect(keys.ed25519Identity.bytes == master?.publicKey)
        try keys.signingCertificate.verify(signer: keys.ed25519Identity.bytes, now: now)
        #expect(!Files.exists(relay.key("ed25519_master_id_secret_key")))
        #expect(stockFingerprint(relay.path, "ed25519") == "Unnamed \(keys.ed25519Identity)", "stock runs on the same folder")
    }

    @Test("a new signing key that the operator brings is taken, without a restart and after one")
    func brought() throws {
        let (home, relay) = try split(by: "ours")
        let now = SystemTime().wall
        let keys = try KeyRing(relay, now: now, policy: offline)
        let first = keys.signing.publicKey
        _ = try KeyMaking.make(configuration("DataDirectory \(home.path)\nSocksPort 0\nSigningKeyLifetime 60 days"), home: "")
        #expect(try !keys.reread(now: now, families: .init()))
        try carry(from: home, to: relay)
        #expect(try keys.reread(now: now, families: .init()))
        #expect(keys.signing.publicKey != first && keys.signingCertificate.expires > now + 59 * 86400)
        #expect(try KeyRing(relay, now: now, policy: offline).signing.publicKey == keys.signing.publicKey)
    }

    @Test("the operator is warned once a day in the last week, every hour on the last day, and the key is never replaced")
    func warnings() throws {
        let (_, relay) = try split(by: "ours")
        let keys = try KeyRing(relay, now: SystemTime().wall, policy: offline)
        let (first, end) = (keys.signing.publicKey, keys.signingCertificate.expires)
        let hours = stride(from: Int64(-9 * 24), to: 3, by: 1).filter { hour in
            (try? keys.renew(now: end + hour * 3600)) == false && keys.warning(now: end + hour * 3600) != nil
        }
        #expect(hours == [-167, -143, -119, -95, -71, -47] + (-23...2).map { Int64($0) })
        #expect(keys.signing.publicKey == first)
    }

    @Test("a relay that has nothing to run on says what to do, and makes nothing")
    func nothing() throws {
        let scratch = try Scratch()
        let directory = try DataDirectory(path: scratch.path)
        let failure = #expect(throws: NodeFailure.self) { try KeyRing(directory, now: noon, policy: offline) }
        #expect(failure?.description.contains("mote --keygen") == true)
        #expect(!Files.exists(directory.key("ed25519_master_id_public_key")))
    }

    @Test("a master key under a passphrase is refused by name")
    func encrypted() throws {
        let scratch = try Scratch()
        let directory = try DataDirectory(path: scratch.path)
        try Files.replace(directory.key("ed25519_master_id_secret_key_encrypted"), with: "x")
        let failure = #expect(throws: NodeFailure.self) { try KeyMaking.make(configuration("DataDirectory \(scratch.path)\nSocksPort 0"), home: "") }
        #expect(failure?.description.contains("passphrase") == true)
    }

    @Test("a signing key of another master is refused")
    func stranger() throws {
        let (home, relay) = try split(by: "ours")
        let other = try split(by: "ours")
        try Files.replace(relay.key("ed25519_master_id_public_key"), with: Files.read(other.home.path + "/keys/ed25519_master_id_public_key"))
        _ = home
        #expect(throws: NodeFailure.self) { try KeyRing(relay, now: SystemTime().wall, policy: offline) }
    }
}

@Suite("Families by key")
struct FamilyKeyTests {
    private func keys(_ directory: DataDirectory, _ text: String) throws -> KeyRing {
        try KeyRing(directory, now: noon, policy: KeyPolicy(configuration("ORPort 9001\n" + text).relay))
    }

    private func familyIDs(_ keys: KeyRing) throws -> [String] {
        var content = DescriptorContent(
            nickname: "x", address: .v4(0x0102_0304), orPort: 1, platform: "x", published: noon, bandwidth: .init(rate: 1, burst: 1, observed: 1))
        content.policy = .rejectAll
        return try RouterDescriptor.make(content, keys: keys.descriptorKeys).descriptor.familyIDs
    }

    @Test("a family key made by stock or by us vouches for the relay in its descriptor", arguments: ["stock", "ours"])
    func member(maker: String) throws {
        let scratch = try Scratch()
        let directory = try DataDirectory(path: scratch.path)
        if maker == "stock" {
            #expect(run("cd \(directory.keys) && tor --keygen-family f -f /nonexistent --ignore-missing-torrc --quiet >/dev/null").status == 0)
        } else {
            _ = try FamilyKeys.make(directory.key("f"))
        }
        let id = try Files.readText(directory.key("f.public_family_id")).filter { !$0.isWhitespace }
        #expect(try familyIDs(keys(directory, "FamilyId \(id)")) == ["ed25519:\(id)"])
        #expect(try familyIDs(keys(directory, "FamilyId *")) == ["ed25519:\(id)"])
        #expect(try familyIDs(keys(directory, "")).isEmpty)
    }

    @Test("keys of families that nobody asked for are left alone; one that is asked for and missing is an error by its id")
    func selection() throws {
        let scratch = try Scratch()
        let directory = try DataDirectory(path: scratch.path)
        let folder = scratch.path + "/families"
        try Files.makeFolder(folder)
        let ids = try ["b", "a"].map { try FamilyKeys.make("\(folder)/\($0)") }
        #expect(try familyIDs(keys(directory, "FamilyKeyDirectory \(folder)\nFamilyId \(ids[0])")) == ["ed25519:\(ids[0])"])
        #expect(try Set(familyIDs(keys(directory, "FamilyKeyDirectory \(folder)\nFamilyId *"))) == Set(ids.map { "ed25519:\($0)" }))
        let failure = #expect(throws: NodeFailure.self) { try keys(directory, "FamilyId \(ids[0])") }
        #expect(failure?.description.contains(ids[0]) == true)
        #expect(throws: NodeFailure.self) { try FamilyKeys.make("\(folder)/a") }
    }

    @Test("a bridge belongs to no family")
    func bridge() throws {
        let relay = try configuration("ORPort 9001\nBridgeRelay 1\nFamilyId *").relay
        #expect(!relay.families.isAny)
    }
}
