package import Ambience

extension Letter {
    /// The message as its last mote hands it on, with the two header fields that only then are true: when, to the day, and that somebody received it, to the hour
    /// (RFC 5321, section 4.4). They tell nothing of where it was or how long.
    ///
    /// - Parameters:
    ///   - receiver: the name of whoever delivers; a domain name.
    ///   - id: random, for the operator's log; lower-case letters and digits.
    package func delivered(by receiver: String, id: String, at now: WallTime) -> [UInt8] {
        let day = WallTime(secondsSinceEpoch: now.secondsSinceEpoch - now.secondOfDay)
        let hour = WallTime(secondsSinceEpoch: now.secondsSinceEpoch - now.secondOfDay % 3600)
        return Array("Received: by \(receiver) id \(id); \(hour.mailDate)\r\nDate: \(day.mailDate)\r\n".utf8) + content
    }
}

extension WallTime {
    /// `Sun, 31 Jan 2027 12:00:00 +0000` (RFC 5322, section 3.3).
    package var mailDate: String { httpDate.dropLast(3) + "+0000" }
}
