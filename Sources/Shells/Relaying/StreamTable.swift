/// The streams that end at one place: at an end of a circuit, or of several circuits that are linked.
final class StreamTable {
    // JUSTIFICATION for unchecked exclusivity: looked at for every cell. SAFETY: one loop thread, and no access is held across a call.
    @exclusivity(unchecked) private var streams = FlatTable<OnionStream>()
    /// Keeps the streams that `streams` finds.
    private(set) var owners: [UInt16: OnionStream] = [:]
    /// Those that have something to send and wait for a window or a channel, in the order they get their turn.
    @exclusivity(unchecked) var blocked: [OnionStream] = []

    var count: Int { streams.count }
    /// In the order of their ids.
    var all: [OnionStream] { owners.sorted { $0.key < $1.key }.map(\.value) }

    @inline(__always)
    func find(_ id: UInt16) -> Unmanaged<OnionStream>? { streams.find(UInt32(id))?.value }

    func contains(_ id: UInt16) -> Bool { streams.contains(UInt32(id)) }

    func insert(_ stream: OnionStream) {
        streams.insert(UInt32(stream.id), stream)
        owners[stream.id] = stream
    }

    func remove(_ stream: OnionStream) {
        guard owners[stream.id] === stream else { return }
        streams.remove(UInt32(stream.id))
        owners[stream.id] = nil
        blocked.removeAll { $0 === stream }
    }
}
