internal import Ambience

/// Three witnesses say whether a mote that has come up is there: its provider's list, its own reports, and the directory, whose authority connects to
/// it. Each of them is wrong at times. Where the first two agree, that is taken for the truth; where they do not, the mote is quarantined: nothing is
/// done for a while, then it is replaced, and what two of three say counts.
extension Reconciler {
    /// Whether its witnesses disagree; what that asks for is done.
    mutating func isQuarantined(_ record: MoteRecord, _ sighting: Sighting) -> Bool {
        let isDoubtful = disagree(record, sighting)
        guard let since = record.doubted else {
            if isDoubtful { add(.doubted, to: record.key) }
            return isDoubtful
        }
        guard isDoubtful else {
            add(.trusted, to: record.key)
            return true
        }
        if now - since >= Self.quarantineSeconds, isDead(record), census[record.lease.lifetimeClass]?.mayReplaceDead() == true {
            add(.terminating(.lost), to: record.key, .stop(record.key))
            return true
        }
        // Its time comes all the same.
        return now < record.drains
    }

    private func disagree(_ record: MoteRecord, _ sighting: Sighting) -> Bool {
        let isSilent = sighting.report == nil
        if sighting.isAlive { return isSilent }
        return sighting.isInDoubt ? isSilent && !record.state.isListed : !isSilent
    }

    /// The provider and the mote contradict each other, so that the directory decides.
    private func isDead(_ record: MoteRecord) -> Bool {
        guard let listed = observation.listed else { return false }
        return !listed.contains(record.key)
    }
}
