package import Ambience
package import Leasing
package import Sealing

/// Who may enrol, and who has. It decides; whoever asks makes the decision durable and only then has the registry take it over and answers, so that
/// a crash in between leaves the secret unused, and one after it leaves it used by the one whose key is on record.
package struct Registry: Sendable {
    /// Admissions that are kept at once.
    package static let admissionsLimit = 65_536

    package private(set) var admissions: [MoteKey: Admission] = [:]
    /// What is compared with when there is nothing to compare with: an answer takes as long.
    private static let nobody = [UInt8](repeating: 0, count: 32)

    package init(_ admissions: some Sequence<Admission> = []) {
        for admission in admissions { self.admissions[admission.key] = admission }
    }

    /// Takes over what is durable.
    package mutating func commit(_ admission: Admission) { admissions[admission.key] = admission }

    /// Forgets motes that ended.
    package mutating func forget(_ key: MoteKey) { admissions[key] = nil }

    /// Those whose lease ended more than `seconds` ago.
    package func expired(by seconds: Int64, now: WallTime) -> [MoteKey] { admissions.values.filter { now - $0.expires > seconds }.map(\.key) }

    /// The admission as it becomes when `secret` is used up by the certificate's key; `nil` if it may not be. The same key may come again with the
    /// same secret: its welcome may have been lost. Anybody else is too late.
    package func enrol(_ key: MoteKey, secret: SecretBytes, by certificateKey: [UInt8], from peer: IPAddress, _ evidence: Evidence, now: WallTime) -> Admission? {
        let known = admissions[key]
        var copy = secret.copy
        defer { copy.wipe() }
        let isSecret = Digest.equal(Digest.sha256(copy), known?.secretHash ?? Self.nobody)
        let isFree = known?.enrolled == nil
        let isSame = Digest.equal(known?.enrolled?.certificateKey ?? Self.nobody, certificateKey)
        guard var admission = known, isSecret, isFree || isSame, now < admission.expires else { return nil }
        if isFree { admission.enrolled = Admission.Enrolled(at: now, certificateKey: certificateKey, peer: peer, evidence: evidence) }
        return admission
    }

    /// The admission of a mote that was welcomed before, known by its certificate's key.
    package func resume(_ key: MoteKey, by certificateKey: [UInt8], now: WallTime) -> Admission? {
        let known = admissions[key]
        let isSame = Digest.equal(known?.enrolled?.certificateKey ?? Self.nobody, certificateKey)
        guard let admission = known, isSame, admission.enrolled != nil, now < admission.expires else { return nil }
        return admission
    }

    /// The admission with the relay's identities, if they were not known; `nil` if others are on record: a mote makes its keys once.
    package func named(_ names: RelayNames, _ key: MoteKey) -> Admission? {
        guard var admission = admissions[key], var enrolled = admission.enrolled, enrolled.names == nil || enrolled.names == names else { return nil }
        enrolled.names = names
        admission.enrolled = enrolled
        return admission
    }

    /// The admission with another order; `nil` if the mote is unknown. An end moves only nearer, and who was told to stop is not told otherwise.
    package func ordered(_ wanted: StandingOrder.Wanted, endsBy expires: WallTime? = nil, _ key: MoteKey) -> Admission? {
        guard var admission = admissions[key] else { return nil }
        admission.wanted = StandingOrder.Wanted(rawValue: max(admission.wanted.rawValue, wanted.rawValue)) ?? wanted
        admission.expires = min(admission.expires, expires ?? admission.expires)
        return admission
    }
}
