package import Ambience
package import Sealing
package import Voting

/// How steadily relays were up, sampled at every vote. In memory: an authority that starts anew has seen nothing.
package struct RelayHistories {
    /// Every half day the past counts 5 % less.
    fileprivate static let fadeSeconds: Int64 = 12 * 3600
    fileprivate static let fade = 0.95

    fileprivate struct Record {
        var upSeconds = 0.0
        var knownSeconds = 0.0
        /// Sum and number of runs that have ended.
        var runSeconds = 0.0
        var runs = 0.0
        var isUp = false
        var currentRunSeconds = 0.0
        var lastSample: WallTime
        var lastFade: WallTime
    }

    private var records: [RSAIdentity: Record] = [:]

    package init() {}

    /// Notes that the relay is up or down now; what it was since the last sample it has been all the time.
    package mutating func sample(_ relay: RSAIdentity, isUp: Bool, now: WallTime) {
        var record = records[relay] ?? Record(isUp: isUp, lastSample: now, lastFade: now)
        let elapsed = Double(max(0, now - record.lastSample))
        record.knownSeconds += elapsed
        if record.isUp {
            record.upSeconds += elapsed
            record.currentRunSeconds += elapsed
        }
        if record.isUp, !isUp { record.endRun() }
        record.isUp = isUp
        record.lastSample = now
        record.fade(now: now)
        records[relay] = record
    }

    package func history(of relay: RSAIdentity) -> RelayHistory {
        guard let record = records[relay] else { return RelayHistory() }
        let runs = record.runs + (record.currentRunSeconds > 0 ? 1 : 0)
        return RelayHistory(
            weightedFractionalUptime: record.knownSeconds > 0 ? min(1, record.upSeconds / record.knownSeconds) : 0,
            timeKnownSeconds: Int64(record.knownSeconds),
            meanTimeBetweenFailuresSeconds: runs > 0 ? (record.runSeconds + record.currentRunSeconds) / runs : 0)
    }

    /// Forgets relays that are gone.
    package mutating func keep(_ isKnown: (RSAIdentity) -> Bool) { records = records.filter { isKnown($0.key) } }
}

extension RelayHistories.Record {
    fileprivate mutating func endRun() {
        runSeconds += currentRunSeconds
        runs += 1
        currentRunSeconds = 0
    }

    fileprivate mutating func fade(now: WallTime) {
        while now - lastFade >= RelayHistories.fadeSeconds {
            upSeconds *= RelayHistories.fade
            knownSeconds *= RelayHistories.fade
            runSeconds *= RelayHistories.fade
            runs *= RelayHistories.fade
            lastFade = lastFade + RelayHistories.fadeSeconds
        }
    }
}
