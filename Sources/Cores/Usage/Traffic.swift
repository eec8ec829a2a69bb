package import Leasing

/// What a mote, or the owner's own client, moved on one day.
package struct Traffic: Equatable, Sendable {
    /// `nil`: the owner's client.
    package let key: MoteKey?
    package let day: Int64
    package var readBytes: Int64
    package var writtenBytes: Int64

    package init(key: MoteKey?, day: Int64, readBytes: Int64, writtenBytes: Int64) {
        (self.key, self.day, self.readBytes, self.writtenBytes) = (key, day, readBytes, writtenBytes)
    }

    package var bytes: Int64 { readBytes + writtenBytes }
}

/// Turns what a process says that it moved since it began into what it moved since it was last asked. Nothing is counted twice, however often it
/// is asked and whoever is killed in between.
package struct Meter: Equatable, Codable, Sendable {
    /// A process that says it moved more than this, 10 Gbit/s for all the time since it was last asked, is believed no further.
    package static let plausibleBytesPerSecond: Int64 = 1_250_000_000

    /// Which process: the number of a mote's start.
    private var run = 0
    private var seconds: Int64 = 0
    private var read: Int64 = 0
    private var written: Int64 = 0

    package init() {}

    /// What is new. A process that counts from the beginning is another one.
    package mutating func advance(run: Int, read: Int64, written: Int64, atSeconds now: Int64) -> (read: Int64, written: Int64) {
        let isSame = run == self.run && read >= self.read && written >= self.written
        let most = Self.plausibleBytesPerSecond.multipliedReportingOverflow(by: max(1, seconds == 0 ? 60 : now - seconds))
        let limit = most.overflow ? Int64.max : most.partialValue
        let new = (read: min(limit, max(0, read - (isSame ? self.read : 0))), written: min(limit, max(0, written - (isSame ? self.written : 0))))
        (self.run, seconds, self.read, self.written) = (run, now, max(0, read), max(0, written))
        return new
    }
}
