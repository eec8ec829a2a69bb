import Ambience
import Directory
import DirectoryService
import Foundation
import Logging
import Sealing

/// What a cache of a four-authority network had on disk; see Vectors/SOURCES.md.
enum Testnet {
    /// While its consensuses are fresh.
    static let now = WallTime("2000-01-01 00:02:30")!

    static func bytes(_ name: String) throws -> [UInt8] {
        let folder = Bundle.module.resourceURL!.appendingPathComponent("Vectors/testnet-4auth")
        return Array(try Data(contentsOf: folder.appendingPathComponent(name)))
    }

    static func certificates() throws -> [KeyCertificate] { try DocumentBundle.certificates(bytes("cached-certs")).map { try KeyCertificate($0) } }
    static func authorities() throws -> Set<RSAIdentity> { Set(try certificates().map(\.identity)) }
    static func microdescriptors() throws -> [Microdescriptor] {
        try DocumentBundle.microdescriptors(bytes("cached-microdescs.new")).map { try Microdescriptor($0) }
    }
    static func descriptors() throws -> [RouterDescriptor] {
        try DocumentBundle.relayDocuments(bytes("cached-descriptors.new")).map { try RouterDescriptor($0) }
    }
    static func extraInfos() throws -> [ExtraInfo] { try DocumentBundle.relayDocuments(bytes("cached-extrainfo.new")).map { try ExtraInfo($0) } }
    static func consensus(_ flavour: ConsensusFlavour) throws -> Consensus {
        try Consensus(bytes(flavour == .microdesc ? "cached-microdesc-consensus" : "cached-consensus"))
    }

    /// The consensus of twenty seconds earlier, with other bandwidths: nobody signed it.
    static func earlierConsensus(_ flavour: ConsensusFlavour) throws -> Consensus {
        let text = String(decoding: try consensus(flavour).text, as: UTF8.self)
        let earlier = text.replacingOccurrences(of: "valid-after 2000-01-01 00:02:20", with: "valid-after 2000-01-01 00:02:00")
        return try Consensus(Array(earlier.replacingOccurrences(of: "Bandwidth=", with: "Bandwidth=1").utf8))
    }

    static func emptyStore(folder: String? = nil) throws -> DirectoryStore {
        DirectoryStore(folder: folder, authorities: try authorities(), log: Logger(label: "test"))
    }

    /// A store with everything in it.
    static func store(folder: String? = nil) throws -> DirectoryStore {
        let store = try emptyStore(folder: folder)
        store.put(try certificates())
        store.put(try consensus(.microdesc), now: now)
        store.put(try microdescriptors(), now: now)
        store.put(try descriptors(), now: now)
        store.put(try extraInfos(), now: now)
        store.put(try consensus(.ns), now: now)
        return store
    }
}
