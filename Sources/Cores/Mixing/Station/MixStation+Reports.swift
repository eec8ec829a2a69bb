/// What became of letters that ended here, on its way back to whoever sent them.
///
/// A report is written down before anybody relies on it, waits for a slot that begins as its reply block does, and is forgotten once the first mote on its way has
/// it. One whose way has gone is handed out as a letter for boxes, like any that ends here. A mote that leaves gives its reports to its successor.
extension MixStation {
    /// Reports that wait, 20 KiB of each in memory.
    package static let reportsLimit = 1_024
    /// How long a mote where a way back begins may be missing before that way counts as gone. Milliseconds.
    private static let missingFor: UInt64 = 600_000

    struct Report {
        let content: [UInt8]
        var ways: [ReplyBlock]
        /// It is in the outbox or with the first mote on its way.
        var isPlaced = false
        /// Since when no way begins at a mote that is there.
        var missingSince: MixTime?

        func parcel(_ id: ParcelID) -> Parcel { Parcel(id: id, task: .report, blocks: ways, content: content) }
    }

    /// Tells whoever sent a letter what became of it, by what came with it. `accepted` follows: until then nothing is promised. One that is too long, or has no way,
    /// is refused.
    /// - Parameter id: the same if it comes again.
    package mutating func report(_ id: ParcelID, _ content: [UInt8], returning: [UInt8]) {
        guard reports[id] == nil, arrived[id] == nil else { return effects.append(.accepted(id, true)) }
        let report = Report(content: content, ways: Self.blocks(returning))
        guard !report.ways.isEmpty, admit(id, report) else { return effects.append(.accepted(id, false)) }
        store([Self.record(id, report)], .report(id))
    }

    static func blocks(_ bytes: [UInt8]) -> [ReplyBlock] {
        let all = stride(from: 0, to: bytes.count, by: ReplyBlock.bytesCount).compactMap { try? ReplyBlock(bytes[$0...].prefix(ReplyBlock.bytesCount)) }
        return Array(all.prefix(Parcel.blocksLimit))
    }

    static func record(_ id: ParcelID, _ report: Report) -> StationRecord.Change { .put(.arrived, id: StationRecord.id(.arrived, id), payload: report.parcel(id).encoded) }

    /// False at a bound.
    mutating func admit(_ id: ParcelID, _ report: Report) -> Bool {
        guard reports.count < Self.reportsLimit, ParcelAnswer.report(report.content).encoded.count <= MixPayload.answerBytes(settings.layout) else { return false }
        reports[id] = report
        return true
    }

    /// Into the outbox, each that is not there and has a way that begins at a mote of the map.
    mutating func placeReports(at now: MixTime) {
        let listed = Set(map.gateways.map(\.id))
        for (id, report) in reports where !report.isPlaced {
            if let way = report.ways.first(where: { listed.contains($0.firstHop) }) {
                reports[id]?.missingSince = nil
                reports[id]?.isPlaced = (try? outbox.add(ParcelAnswer.report(report.content).encoded, by: way, of: id)) ?? false
            } else {
                miss(id, report, at: now)
            }
        }
    }

    private mutating func miss(_ id: ParcelID, _ report: Report, at now: MixTime) {
        let since = report.missingSince ?? now
        reports[id]?.missingSince = since
        guard report.ways.isEmpty || now - since > Self.missingFor else { return }
        reports[id] = nil
        arrived[id] = Arrived(task: .lay)
        effects.append(.hand(id, .lay, report.content, returning: []))
    }

    /// - Parameter passed: whether the first mote on the way has it; else that way is used up.
    mutating func reportLanded(_ id: ParcelID, by mote: MixID, _ passed: Bool) {
        guard passed else {
            reports[id]?.ways.removeAll { $0.firstHop == mote }
            reports[id]?.isPlaced = false
            return
        }
        forgetReport(id)
    }

    mutating func forgetReport(_ id: ParcelID) {
        if reports.removeValue(forKey: id) != nil { store([.remove(id: StationRecord.id(.arrived, id))]) }
    }

    /// From a mote that ends.
    mutating func inheritReport(_ parcel: Parcel, _ gone: [StationRecord.Change]) {
        let report = Report(content: parcel.content, ways: parcel.blocks)
        guard reports[parcel.id] == nil, arrived[parcel.id] == nil, admit(parcel.id, report) else { return store(gone) }
        store([Self.record(parcel.id, report)] + gone)
    }

    /// What came back in this packet is kept by somebody else here from now on.
    package mutating func noted(_ packet: ReplayTag) {
        if unnoted.remove(packet) != nil { store([StationRecord.gone(packet)]) }
    }
}
