package import Ambience
internal import Foundation
package import Leasing
package import Providers

/// What the motes published, as the authority gave it out: kept beside the state while they live and for a while after, for those who ask later.
package struct DescriptorHistory {
    /// How long it is kept after it was last written.
    package static let keptSeconds: Int64 = 30 * 86400
    /// Descriptors of one mote; a relay publishes a new one every few hours, and when something changes.
    package static let descriptorsLimit = 64
    private static let lookSeconds: Int64 = 30
    private static let tidySeconds: Int64 = 3600
    private static let mark = "@fetched "

    package struct Entry: Equatable, Sendable {
        package let fetched: String
        package let text: String
    }

    private let folder: String
    private let yard: Yard?
    private var known: [MoteKey: [Entry]] = [:]
    private var lastLook: WallTime?
    private var lastTidy: WallTime?

    /// Asks from the yard if one is given.
    package init(_ folder: String, from yard: Yard? = nil) { (self.folder, self.yard) = (folder, yard) }

    /// Keeps what is new of the motes' descriptors among all that the authority has.
    package mutating func keep(_ documents: String, of motes: [String: MoteKey], now: WallTime) throws(FileError) {
        for text in Self.split(documents) {
            guard let name = text.split(separator: "\n").first?.split(separator: " ").dropFirst().first, let key = motes[String(name)] else { continue }
            var entries = if let entries = known[key] { entries } else { try Self.read(folder, key) }
            defer { known[key] = entries }
            guard entries.count < Self.descriptorsLimit, !entries.contains(where: { $0.text == text }) else { continue }
            entries.append(Entry(fetched: now.rfc3339, text: text))
            try Files.makeFolder(folder)
            try Files.append(Self.path(folder, key), Array("\(Self.mark)\(now.rfc3339)\n\(text)".utf8))
        }
    }

    /// What was kept of a mote, the oldest first.
    package static func read(_ folder: String, _ key: MoteKey) throws(FileError) -> [Entry] {
        let path = path(folder, key)
        guard Files.exists(path) else { return [] }
        var entries: [(fetched: String, text: String)] = []
        for line in try Files.readText(path).split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix(mark) { entries.append((String(line.dropFirst(mark.count)), "")) } else if !entries.isEmpty { entries[entries.count - 1].text += line + "\n" }
        }
        // The last line is followed by nothing, and what a crash cut short is no descriptor.
        return entries.map { Entry(fetched: $0.fetched, text: Self.trimmed($0.text)) }.filter { $0.text.hasSuffix(Self.end) }
    }

    /// Asks the authority, now and then.
    mutating func look(_ network: NetworkPlan, _ alive: [MoteRecord], now: WallTime) throws(FileError) {
        guard !alive.isEmpty, lastLook.map({ now - $0 >= Self.lookSeconds }) ?? true else { return }
        lastLook = now
        let motes = Dictionary(alive.map { ($0.key.nickname, $0.key) }) { first, _ in first }
        if let documents = ConsensusProbe.descriptors(network, from: yard) { try keep(documents, of: motes, now: now) }
        let keys = Set(alive.map(\.key))
        known = known.filter { keys.contains($0.key) }
        tidy(now)
    }

    /// Removes what is older than is promised.
    private mutating func tidy(_ now: WallTime) {
        guard lastTidy.map({ now - $0 >= Self.tidySeconds }) ?? true else { return }
        lastTidy = now
        for name in (try? Files.list(folder)) ?? [] {
            let path = folder + "/" + name
            let written = (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
            if let written, now.secondsSinceEpoch - Int64(written.timeIntervalSince1970) > Self.keptSeconds { try? Files.remove(path) }
        }
    }

    private static let end = "-----END SIGNATURE-----\n"

    private static func trimmed(_ text: String) -> String { text.hasSuffix("\n\n") ? String(text.dropLast()) : text }

    private static func path(_ folder: String, _ key: MoteKey) -> String { "\(folder)/\(key).descriptors" }

    /// Each begins with its `router` line and ends with its last signature.
    private static func split(_ documents: String) -> [String] {
        var texts: [String] = []
        for line in documents.split(separator: "\n") {
            if line.hasPrefix("router ") { texts.append("") }
            if !texts.isEmpty { texts[texts.count - 1] += line + "\n" }
        }
        return texts.filter { $0.hasSuffix(end) }
    }
}
