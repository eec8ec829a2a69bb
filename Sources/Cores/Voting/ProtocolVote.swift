internal import Directory

/// Votes on lists of subprotocol versions such as `Cons=1-2 Link=4-5` (dir-spec 3.8, tor-spec 9).
package enum ProtocolVote {
    /// Every version that at least `threshold` of the lists have. A list that is malformed anywhere counts as empty.
    package static func combine(_ lists: [String], threshold: Int) -> String {
        var counts: [String: [Int]] = [:]
        for case let list? in lists.map({ ProtocolVersions($0) }) {
            for (name, bits) in list.versions {
                for version in 0..<64 where bits >> UInt64(version) & 1 == 1 {
                    counts[name, default: [Int](repeating: 0, count: 64)][version] += 1
                }
            }
        }
        var result = ProtocolVersions()
        for (name, versions) in counts {
            for (version, count) in versions.enumerated() where count >= threshold { result.insert(name, UInt8(version)) }
        }
        return result.description
    }
}

/// What this authority votes for. Stock 0.4.9.11 exits when it lacks a required version, so none of these lists may name one it lacks.
package struct ProtocolRecommendations: Equatable, Sendable {
    package var recommendedClient: String
    package var recommendedRelay: String
    package var requiredClient: String
    package var requiredRelay: String

    /// Everything stock 0.4.9.11 supports.
    package static let supportedByStock =
        "Conflux=1 Cons=1-2 Desc=1-4 DirCache=2 FlowCtrl=1-2 HSDir=2 HSIntro=4-5 HSRend=1-2 Link=3-5 LinkAuth=3 Microdesc=1-3 Padding=2 Relay=2-6"

    /// What the public network votes in 2026.
    package static let current = ProtocolRecommendations(
        recommendedClient: "Cons=2 Desc=2 DirCache=2 FlowCtrl=1-2 HSDir=2 HSIntro=4 HSRend=2 Link=4-5 Microdesc=2 Relay=2-4",
        recommendedRelay: "Cons=2 Desc=2 DirCache=2 FlowCtrl=1-2 HSDir=2 HSIntro=4-5 HSRend=2 Link=4-5 LinkAuth=3 Microdesc=2 Relay=2-4",
        requiredClient: "Cons=2 Desc=2 FlowCtrl=1 Link=4 Microdesc=2 Relay=2",
        requiredRelay: "Cons=2 Desc=2 DirCache=2 FlowCtrl=1-2 HSDir=2 HSIntro=4-5 HSRend=2 Link=4-5 LinkAuth=3 Microdesc=2 Relay=2-4")
}
