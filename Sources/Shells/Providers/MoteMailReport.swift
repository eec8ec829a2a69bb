internal import Ambience
internal import Foundation

/// What a mote on the mix says of itself in its status file.
package struct MoteMailReport: Codable, Sendable {
    /// Packets that it holds, and those that it is bringing on.
    package let held: Int
    package let forwarding: Int
    /// Letters that were handed in there and have not arrived yet.
    package let outgoing: Int
    /// Mailboxes with something in them, and how much there is: items of 16 KiB.
    package let boxes: Int?
    package let boxItems: Int?
    /// Letters that it brings to mail servers.
    package let delivering: Int?
    /// Motes that it knows on the mix, and those of them that bring letters to mail servers.
    package let motes: Int
    package let exits: Int
    package let holdMeanSeconds: Int
    package let hops: Int
    /// Letters and cover that it sends, and what comes into the whole network as far as it sees.
    package let packetsPerHour: Int
    package let networkPacketsPerHour: Int
    package let entropyMillibits: Int
}

extension NodeFolder {
    /// `nil` if no process runs here, or it carries no mail.
    package var mail: MoteMailReport? {
        struct Status: Decodable {
            let pid: Int32
            let mail: MoteMailReport?
        }
        guard let bytes = try? Files.read(data + "/mote-status"), bytes.count <= Self.reportLimitBytes, let status = try? JSONDecoder().decode(Status.self, from: Data(bytes)),
            pids.contains(status.pid)
        else { return nil }
        return status.mail
    }
}
