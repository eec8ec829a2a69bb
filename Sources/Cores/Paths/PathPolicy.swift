/// What the configuration says about paths. Names are those of the options.
package struct PathPolicy: Sendable {
    package var entryNodes = RelaySet()
    package var middleNodes = RelaySet()
    package var exitNodes = RelaySet()
    /// Never in a path. `StrictNodes` changes nothing here: it is about directory fetches.
    package var excludeNodes = RelaySet()
    package var excludeExitNodes = RelaySet()
    /// No two relays of one set share a path (`NodeFamily`).
    package var nodeFamilies: [RelaySet] = []
    package var enforceDistinctSubnets = true
    package var useEntryGuards = true
    package var numEntryGuards = 1
    package var longLivedPorts: Set<UInt16> = PathPolicy.usualLongLivedPorts
    /// For how long a new stream is expected to live, in seconds (`MoteStreamLife`).
    package var streamLifeSeconds: Int64 = 600
    /// Extra life that is preferred, not demanded, in a new circuit: it stays of use for that long. `nil` is half a stream's life.
    package var headroomSeconds: Int64?

    /// What relays of a new circuit should live, at best.
    package var preferredLifeSeconds: Int64 { streamLifeSeconds + (headroomSeconds ?? streamLifeSeconds / 2) }

    package init() {}

    package static let usualLongLivedPorts: Set<UInt16> = [21, 22, 706, 1863, 5050, 5190, 5222, 5223, 6523, 6667, 6697, 8300]
}
