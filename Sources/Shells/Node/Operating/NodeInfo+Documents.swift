internal import Ambience
internal import Bytes
internal import ControlProtocol
internal import Directory
internal import DirectoryService
internal import Sealing

// MARK: - Descriptors, microdescriptors and the consensus

extension NodeInfo {
    private var store: DirectoryStore { interior.documents.store }

    /// The consensus that tells what relays there are: the flavour that clients follow, else the other.
    private var consensus: Consensus? { store.consensus(.microdesc) ?? store.consensus(.ns) }

    func entry(of relay: RSAIdentity) -> ConsensusEntry? { consensus?.entry(of: relay) }

    private func entry(named name: String) -> ConsensusEntry? {
        let entries = consensus?.entries.filter { $0.nickname.lowercased() == name.lowercased() } ?? []
        return entries.count == 1 ? entries.first : nil
    }

    private func text(_ bytes: [UInt8]?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

    func addDocuments(to table: inout InfoTable) {
        table.add(prefix: "desc/id/", "Router descriptors by ID.") { text(descriptor(hex: $0)?.text) }
        table.add(prefix: "desc/name/", "Router descriptors by nickname.") { name in text(entry(named: name).flatMap { descriptor(of: $0.rsa) }?.text) }
        table.add("desc/all-recent", "All non-expired, non-superseded router descriptors.") { text(store.descriptors.flatMap(\.text)) }
        table.add("desc/download-enabled", "Do we try to download router descriptors?") { interior.relay() == nil ? "0" : "1" }
        table.add(prefix: "desc-annotations/id/", "Router annotations by hexdigest.") { descriptor(hex: $0) == nil ? nil : "" }
        table.add(prefix: "extra-info/digest/", "Extra-info documents by digest.") { hex in
            text(Hex.decode(hex).flatMap { Digest20($0) }.flatMap { store.extraInfo($0) }?.text)
        }
        table.add(prefix: "md/id/", "Microdescriptors by ID") { hex in text(RSAIdentity(hex: hex).flatMap(entry).flatMap(microdescriptor)?.text) }
        table.add(prefix: "md/name/", "Microdescriptors by name") { name in text(entry(named: name).flatMap(microdescriptor)?.text) }
        table.add("md/all", "All known microdescriptors.") { text(consensus?.entries.compactMap(microdescriptor).flatMap(\.text) ?? []) }
        table.add("md/download-enabled", "Do we try to download microdescriptors?") { "1" }
        table.add("dir/status-vote/current/consensus", "v3 Networkstatus consensus as retrieved from a DirPort.") { () throws(ControlRefusal) in
            try consensusText(.ns)
        }
        table.add("dir/status-vote/current/consensus-microdesc", "v3 Microdescriptor consensus as retrieved from a DirPort.") { () throws(ControlRefusal) in
            try consensusText(.microdesc)
        }
        table.add(prefix: "dir/server/", "Router descriptors as retrieved from a DirPort.") { text(descriptors(path: $0)) }
    }

    private func consensusText(_ flavour: ConsensusFlavour) throws(ControlRefusal) -> String? {
        guard let consensus = store.consensus(flavour) else { throw ControlRefusal(551, "Could not open cached consensus. Make sure FetchUselessDescriptors is set to 1.") }
        return text(consensus.text)
    }

    /// Our own comes from ourselves: nobody else has it sooner.
    private func descriptor(of relay: RSAIdentity) -> RouterDescriptor? {
        if let own = interior.relay(), own.keys.rsaIdentity == relay, let made = own.publisher.descriptor { return made }
        return store.descriptor(of: relay)
    }

    private func descriptor(hex: String) -> RouterDescriptor? { RSAIdentity(hex: hex).flatMap(descriptor) }

    private func microdescriptor(_ entry: ConsensusEntry) -> Microdescriptor? {
        let digest = entry.microdescriptorDigest ?? store.consensus(.microdesc)?.entry(of: entry.rsa)?.microdescriptorDigest
        return digest.flatMap(store.microdescriptor)
    }

    private func descriptors(path: String) -> [UInt8]? {
        let parts = path.split(separator: "/", maxSplits: 1).map(String.init)
        switch (parts.first, parts.count) {
        case ("authority", 1): return interior.relay()?.publisher.descriptor?.text
        case ("all", 1): return store.descriptors.flatMap(\.text)
        case ("fp", 2): return parts[1].split(separator: "+").prefix(InfoTable.keysLimit).compactMap { descriptor(hex: String($0))?.text }.flatMap(\.self)
        case ("d", 2): return parts[1].split(separator: "+").prefix(InfoTable.keysLimit).compactMap { Hex.decode(String($0)).flatMap { Digest20($0) }.flatMap { store.descriptor($0)?.text } }.flatMap(\.self)
        default: return nil
        }
    }

    // MARK: Entries of the consensus

    func addStatuses(to table: inout InfoTable) {
        table.add("ns/all", "Brief summary of router status (v2 directory format)") { statuses { _ in true } }
        table.add(prefix: "ns/id/", "Brief summary of router status by ID (v2 directory format).") { hex in RSAIdentity(hex: hex).flatMap(entry).map(status) }
        table.add(prefix: "ns/name/", "Brief summary of router status by nickname (v2 directory format).") { entry(named: $0).map(status) }
        table.add(prefix: "ns/purpose/", "Brief summary of router status by purpose (v2 directory format).") { $0 == "general" ? statuses { _ in true } : nil }
        table.add(prefix: "consensus/", "Information about and from the ns consensus.") { consensusTime($0) }
        table.add("sr/current", "Get current shared random value.") { consensus?.sharedRandomCurrent.map { Base64.encode($0.value) } ?? "" }
        table.add("sr/previous", "Get previous shared random value.") { consensus?.sharedRandomPrevious.map { Base64.encode($0.value) } ?? "" }
    }

    private func consensusTime(_ key: String) -> String? {
        switch key {
        case "valid-after": consensus.map { "\($0.validAfter)" }
        case "fresh-until": consensus.map { "\($0.freshUntil)" }
        case "valid-until": consensus.map { "\($0.validUntil)" }
        default: nil
        }
    }

    func statuses(_ isWanted: (ConsensusEntry) -> Bool) -> String { consensus?.entries.filter(isWanted).map(status).joined() ?? "" }

    /// What controllers are to learn of when it changes: all but the measured bandwidth.
    var visibleStatuses: [RSAIdentity: Int] {
        Dictionary((consensus?.entries ?? []).map { entry in
            var hasher = Hasher()
            for text in ["\(entry.nickname) \(entry.flags) \(entry.addresses) \(entry.dirPort)", "\(entry.descriptorDigest?.bytes ?? []) \(entry.microdescriptorDigest ?? [])"] { hasher.combine(text) }
            return (entry.rsa, hasher.finalize())
        }) { first, _ in first }
    }

    /// An entry as stock's control port writes it: like version 2 of the directory protocol had it.
    private func status(_ entry: ConsensusEntry) -> String {
        let digest = entry.descriptorDigest?.bytes ?? Array(entry.microdescriptorDigest?.prefix(20) ?? [])
        var text = "r \(entry.nickname) \(Base64.encode(entry.rsa.bytes, padded: false)) \(Base64.encode(digest, padded: false)) \(entry.published) "
        text += "\(entry.address) \(entry.orPort) \(entry.dirPort)\n"
        for address in entry.otherAddresses { text += "a \(address)\n" }
        text += "s \(entry.flags)\nw Bandwidth=\(entry.bandwidth)\n"
        if let policy = entry.policy ?? microdescriptor(entry)?.policy { text += "p \(policy)\n" }
        return text
    }
}
