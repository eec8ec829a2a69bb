package import Ambience

/// What the first process of a machine reads in the machine's order: when the machine ends, how it is reached, and what it is to be.
///
/// An order to enrol is as `EnrolmentOrder` has it. One that has a line `Torrc` is for a machine that nobody waits for: the lines before
/// it are `Expires`, `Address`, `Gateway` and `Nameserver`, and all that follows is the mote's torrc.
package struct BootOrder: Equatable, Sendable {
    /// What such an order may have in bytes, the torrc included.
    package static let limitBytes = 64 << 10
    private static let names: Set<String> = ["Expires", "Address", "Gateway", "Nameserver"]
    private static let mark = Array("Torrc\n".utf8)

    package let expires: WallTime
    /// `nil` leaves the machine with its loopback interface alone.
    package let network: EnrolmentOrder.StaticNetwork?
    /// `nil` if the mote enrols.
    package let torrc: [UInt8]?

    /// - Parameter text: may hold a secret; the caller wipes it.
    package init(_ text: [UInt8]) throws(OrderFault) {
        guard text.count <= Self.limitBytes else { throw OrderFault(name: nil, expected: "at most \(Self.limitBytes) bytes") }
        guard let mark = Self.markedLine(text) else {
            let order = try EnrolmentOrder(text: text)
            (expires, network, torrc) = (order.expires, order.network, nil)
            return
        }
        let lines = try NamedLines(text[..<mark.lowerBound], names: Self.names)
        expires = try lines.required("Expires", "a time such as 2027-01-31T12:00:00Z") { WallTime($0) }
        network = try EnrolmentOrder.network(lines)
        torrc = Array(text[mark.upperBound...])
    }

    /// Where the first line is that says `Torrc` and nothing else.
    private static func markedLine(_ text: [UInt8]) -> Range<Int>? {
        var start = 0
        while start < text.count {
            let end = text[start...].firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? text.count
            if text[start..<end].elementsEqual(mark) { return start..<end }
            start = end
        }
        return nil
    }
}
