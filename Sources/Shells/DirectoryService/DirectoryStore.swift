package import Ambience
package import Directory
package import Logging
package import Sealing

/// The directory documents that a node holds: what an authority has made or accepted, what a cache serves, what a client builds paths from.
///
/// Everything in it has been verified by whoever put it there (consensuses that `load` finds are verified again). What is put is on
/// disk when `put` returns, under the names that stock tor uses in its DataDirectory; a disk that fails is logged and the
/// documents are served from memory. Every table is bounded.
package final class DirectoryStore {
    package enum Change: Sendable {
        case consensus(ConsensusFlavour)
        case certificates
        case microdescriptors
        case descriptors
    }

    /// Documents of each kind at most; the public network has about 10,000 relays.
    static let documentLimit = 32_768
    /// Certificates at most.
    static let certificateLimit = 128
    /// A microdescriptor that no consensus has listed for so long is dropped, as in stock tor.
    static let microdescriptorAgeSeconds: Int64 = 7 * 86_400
    /// A descriptor published longer ago is dropped (stock's ROUTER_MAX_AGE).
    static let descriptorAgeSeconds: Int64 = 48 * 3600

    package private(set) var consensuses: [ConsensusFlavour: Consensus] = [:]
    package private(set) var certificates: [CertificateName: KeyCertificate] = [:]
    private var microdescriptorShelf: DocumentShelf<Microdescriptor>
    private var descriptorShelf: DocumentShelf<RouterDescriptor>
    private var extraInfoShelf: DocumentShelf<ExtraInfo>
    /// The newest descriptor of each relay.
    private var newest: [RSAIdentity: Digest20] = [:]

    /// v3 identities of the authorities that are believed; empty believes nobody.
    package let authorities: Set<RSAIdentity>
    private let folder: String?
    private let log: Logger
    private var observers: [(Change) -> Void] = []

    /// With `folder` the node's DataDirectory; without it everything is in memory only. Call `load` next.
    package init(folder: String?, authorities: Set<RSAIdentity>, log: Logger) {
        self.folder = folder
        self.authorities = authorities
        self.log = log
        func path(_ name: String) -> String? { folder.map { "\($0)/\(name)" } }
        microdescriptorShelf = DocumentShelf(path: path("cached-microdescs"), limit: Self.documentLimit)
        descriptorShelf = DocumentShelf(path: path("cached-descriptors"), limit: Self.documentLimit)
        extraInfoShelf = DocumentShelf(path: path("cached-extrainfo"), limit: Self.documentLimit)
    }

    /// Calls `body` after every change, for the life of the store.
    package func observe(_ body: @escaping (Change) -> Void) { observers.append(body) }

    private func tell(_ change: Change) { for observer in observers { observer(change) } }

    /// A failing disk must not stop a node that has its documents in memory.
    @discardableResult
    private func onDisk(_ what: String, _ work: () throws(FileError) -> Void) -> Bool {
        do throws(FileError) {
            try work()
            return true
        } catch {
            log.warning("Cannot keep \(what) on disk: \(error)")
            return false
        }
    }
}

// MARK: - Asking

extension DirectoryStore {
    package func consensus(_ flavour: ConsensusFlavour) -> Consensus? { consensuses[flavour] }
    package func microdescriptor(_ digest: [UInt8]) -> Microdescriptor? { microdescriptorShelf[digest] }
    package func descriptor(_ digest: Digest20) -> RouterDescriptor? { descriptorShelf[digest] }
    package func extraInfo(_ digest: Digest20) -> ExtraInfo? { extraInfoShelf[digest] }
    /// The newest descriptor of a relay.
    package func descriptor(of relay: RSAIdentity) -> RouterDescriptor? { newest[relay].flatMap { descriptorShelf[$0] } }
    /// The extra-info that a relay's newest descriptor names.
    package func extraInfo(of relay: RSAIdentity) -> ExtraInfo? { descriptor(of: relay)?.extraInfoSHA1.flatMap { extraInfoShelf[$0] } }
    /// The newest descriptor of every relay, by identity.
    package var descriptors: [RouterDescriptor] { newest.sorted { $0.key < $1.key }.compactMap { descriptorShelf[$0.value] } }

    /// Digests that a consensus names and that are not here, in its order.
    package func missingMicrodescriptors(of consensus: Consensus) -> [[UInt8]] {
        consensus.entries.compactMap(\.microdescriptorDigest).filter { microdescriptorShelf[$0] == nil }
    }

    package func missingDescriptors(of consensus: Consensus) -> [Digest20] {
        consensus.entries.compactMap(\.descriptorDigest).filter { descriptorShelf[$0] == nil }
    }

    /// Digests of the extra-infos that the listed descriptors name and that are not here.
    package func missingExtraInfos(of consensus: Consensus) -> [Digest20] {
        consensus.entries.compactMap { $0.descriptorDigest.flatMap { descriptorShelf[$0] }?.extraInfoSHA1 }.filter { extraInfoShelf[$0] == nil }
    }

    /// Checks the signatures with the certificates that are here. Of what is missing only the believed authorities' certificates are told.
    package func verify(_ consensus: Consensus, now: WallTime) -> Consensus.Verification {
        consensus.verify(certificates: Array(certificates.values), authorities: authorities, now: now)
    }
}

// MARK: - Putting

extension DirectoryStore {
    /// Replaces the current consensus of its flavour. Documents that nobody lists any more are dropped now and then.
    package func put(_ consensus: Consensus, now: WallTime) {
        consensuses[consensus.flavour] = consensus
        onDisk("the consensus") { () throws(FileError) in
            guard let path = path(of: consensus.flavour) else { return }
            try Files.replace(path, with: consensus.text)
        }
        dropOld(consensus, now: now)
        tell(.consensus(consensus.flavour))
    }

    package func put(_ new: [KeyCertificate]) {
        let before = certificates.count
        for certificate in new where certificates.count < Self.certificateLimit { certificates[certificate.name] = certificate }
        guard certificates.count > before else { return }
        onDisk("certificates") { () throws(FileError) in
            guard let folder else { return }
            try Files.replace("\(folder)/cached-certs", with: sortedCertificates.flatMap(\.text))
        }
        tell(.certificates)
    }

    package func put(_ new: [Microdescriptor], now: WallTime) {
        var added = false
        onDisk("microdescriptors") { () throws(FileError) in added = try !microdescriptorShelf.add(new, now: now).isEmpty }
        if added { tell(.microdescriptors) }
    }

    /// `false` when the disk failed: an authority then must not say that it accepted them.
    @discardableResult
    package func put(_ new: [RouterDescriptor], now: WallTime) -> Bool {
        let isOnDisk = onDisk("descriptors") { () throws(FileError) in try descriptorShelf.add(new, now: now) }
        for descriptor in new where descriptorShelf[descriptor.digest] != nil { note(descriptor) }
        if !new.isEmpty { tell(.descriptors) }
        return isOnDisk
    }

    /// `false` when the disk failed.
    @discardableResult
    package func put(_ new: [ExtraInfo], now: WallTime) -> Bool {
        onDisk("extra-info documents") { () throws(FileError) in try extraInfoShelf.add(new, now: now) }
    }

    /// Drops descriptors, and the extra-infos that belong to them.
    package func removeDescriptors(where isUnwanted: (RouterDescriptor) -> Bool) {
        let gone = descriptorShelf.documents.filter(isUnwanted)
        guard !gone.isEmpty else { return }
        let digests = Set(gone.map(\.digest))
        let extras = Set(gone.compactMap(\.extraInfoSHA1))
        onDisk("descriptors") { () throws(FileError) in
            try descriptorShelf.keep { !digests.contains($0.document.digest) }
            try extraInfoShelf.keep { !extras.contains($0.document.sha1) }
        }
        indexNewest()
        tell(.descriptors)
    }

    /// Certificates in the order of their names.
    package var sortedCertificates: [KeyCertificate] { certificates.sorted { "\($0.key)" < "\($1.key)" }.map(\.value) }

    private func note(_ descriptor: RouterDescriptor) {
        guard let known = newest[descriptor.rsa].flatMap({ descriptorShelf[$0] }), known.published > descriptor.published else {
            newest[descriptor.rsa] = descriptor.digest
            return
        }
    }

    private func indexNewest() {
        newest = [:]
        for descriptor in descriptorShelf.documents { note(descriptor) }
    }

    private func dropOld(_ consensus: Consensus, now: WallTime) {
        onDisk("documents") { () throws(FileError) in
            switch consensus.flavour {
            case .microdesc:
                microdescriptorShelf.touch(consensus.entries.compactMap(\.microdescriptorDigest), now: now)
                try microdescriptorShelf.keep { $0.date > now - Self.microdescriptorAgeSeconds }
            case .ns:
                let listed = Set(consensus.entries.compactMap(\.descriptorDigest))
                try descriptorShelf.keep { listed.contains($0.document.digest) || $0.document.published > now - Self.descriptorAgeSeconds }
                try extraInfoShelf.keep { $0.document.published > now - Self.descriptorAgeSeconds }
                indexNewest()
            }
        }
    }
}

// MARK: - Loading

extension DirectoryStore {
    /// Reads what an earlier process left. Files that are damaged are read as far as they go; a consensus that is no longer
    /// usable, or not signed by enough authorities, is not taken.
    package func load(now: WallTime) {
        guard let folder else { return }
        onDisk("documents") { () throws(FileError) in
            try microdescriptorShelf.load(now: now)
            try descriptorShelf.load(now: now)
            try extraInfoShelf.load(now: now)
        }
        indexNewest()
        if let bytes = try? Files.read("\(folder)/cached-certs") {
            for part in DocumentSplitter.split(bytes, at: DocumentSplitter.certificate).prefix(Self.certificateLimit) {
                if let certificate = try? KeyCertificate(part.bytes) { certificates[certificate.name] = certificate }
            }
        }
        for flavour in ConsensusFlavour.allCases { loadConsensus(flavour, now: now) }
    }

    private func loadConsensus(_ flavour: ConsensusFlavour, now: WallTime) {
        guard let path = path(of: flavour), let bytes = try? Files.read(path), let consensus = try? Consensus(bytes) else { return }
        guard consensus.flavour == flavour, consensus.isReasonablyLive(at: now), verify(consensus, now: now).isSufficient else {
            return log.info("Ignoring the \(flavour.rawValue) consensus on disk: it is out of date, or not signed by enough authorities")
        }
        consensuses[flavour] = consensus
    }

    private func path(of flavour: ConsensusFlavour) -> String? {
        folder.map { "\($0)/" + (flavour == .microdesc ? "cached-microdesc-consensus" : "cached-consensus") }
    }
}
