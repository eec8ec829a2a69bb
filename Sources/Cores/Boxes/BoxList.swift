internal import Bytes

/// The motes with boxes that a mote knows: 52 bytes each, identity and key. Who is to believe it asks several.
package enum BoxList {
    package static let motesLimit = 4_096
    package static let limitBytes = motesLimit * entryBytes
    private static let entryBytes = 52
    /// How many motes are asked, at most.
    package static let asked = 3

    package static func encode(_ motes: some Sequence<BoxMote>) -> [UInt8] { motes.prefix(motesLimit).flatMap { $0.identity + $0.mailKey } }

    package static func decode(_ bytes: [UInt8]) -> [BoxMote]? {
        guard bytes.count <= limitBytes, bytes.count % entryBytes == 0 else { return nil }
        return stride(from: 0, to: bytes.count, by: entryBytes).map { BoxMote(identity: Array(bytes[$0..<$0 + 20]), mailKey: Array(bytes[($0 + 20)..<($0 + entryBytes)])) }
    }

    /// What more than half of the answers say.
    package static func agreed(_ answers: [[BoxMote]]) -> [BoxMote] {
        var votes: [BoxMote: Int] = [:]
        for answer in answers { for mote in Set(answer) { votes[mote, default: 0] += 1 } }
        return votes.filter { $0.value * 2 > answers.count }.keys.sorted { $0.identity.lexicographicallyPrecedes($1.identity) }
    }
}

/// What motes with boxes are asked, as paths of their directories.
package enum BoxPath {
    package static let office = "/tor/dust/box/"
    package static let collect = office + "collect", lay = office + "lay", motes = office + "motes"
}
