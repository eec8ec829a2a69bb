internal import Ambience
internal import Torrc

/// Remembers on disk when a mote with a `MoteLifetime` ends, so that being restarted does not make it live longer.
struct LifeRecord {
    private static let key = "MoteEnds"
    private let directory: DataDirectory
    private let state: StateFile

    init(_ directory: DataDirectory) {
        self.directory = directory
        state = StateFile(path: directory.file("mote-state"))
    }

    /// The life that begins, or goes on, at `wall`; `nil` for a node without an end. Fails when it is over already.
    func life(_ options: MoteOptions, at wall: WallTime, _ now: Instant) throws(NodeFailure) -> LifeSpan? {
        var options = options
        if options.lifetime != nil, let end = state.time(Self.key) { options.lifetime = nil; options.expires = end }
        guard let life = LifeSpan(options, startedAt: wall, now) else { return nil }
        guard life.phase(at: wall, now) != .over else {
            throw NodeFailure(.expired, "this mote ended at \(life.expires) UTC: a new one needs a later MoteExpires, or for MoteLifetime an empty data directory")
        }
        if options.lifetime != nil { try state.set(Self.key, "\(life.expires)") }
        return life
    }

    /// The life under options read anew; a new lifetime counts from the start of the node.
    func changed(
        from old: MoteOptions, to new: MoteOptions, startedAt started: WallTime, now wall: WallTime, _ now: Instant
    ) throws(NodeFailure) -> LifeSpan? {
        if new.lifetime != nil, new.lifetime == old.lifetime { return try life(new, at: wall, now) }
        let options = new
        guard let life = LifeSpan(options, startedAt: started, now + .seconds(started - wall)) else { return nil }
        guard life.phase(at: wall, now) != .over else { throw NodeFailure(.expired, "the new end \(life.expires) UTC is past") }
        if options.lifetime != nil { try state.set(Self.key, "\(life.expires)") }
        return life
    }

    func forget() { try? Files.remove(directory.file("mote-state")) }
}
