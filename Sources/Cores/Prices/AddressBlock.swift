/// Addresses that one autonomous system announces: `203.0.112.0/20`. Data of a catalogue, for addresses that machines only have once they exist.
package struct AddressBlock: Equatable, Sendable {
    let first: UInt32
    let bits: Int

    /// IPv4 only, all bits behind the prefix zero.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = AddressBlock.address(parts[0]), let bits = Int(parts[1]), (8...32).contains(bits) else { return nil }
        (self.first, self.bits) = (first, bits)
        guard first & ~mask == 0 else { return nil }
    }

    private var mask: UInt32 { ~UInt32(0) << UInt32(32 - bits) }

    func holds(_ address: UInt32) -> Bool { address & mask == first }

    /// Four decimal numbers; a port behind a colon is left out.
    static func address(_ text: some StringProtocol) -> UInt32? {
        let parts = text.prefix { $0 != ":" }.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let byte = UInt8(part) else { return nil }
            value = value << 8 | UInt32(byte)
        }
        return value
    }
}

/// What an address says about where a mote really is.
package struct AddressBook: Sendable {
    private let blocks: [(block: AddressBlock, system: UInt32)]

    package init(_ networks: [String: UInt32]) {
        blocks = networks.compactMap { text, system in AddressBlock(text).map { ($0, system) } }.sorted { $0.block.bits > $1.block.bits }
    }

    /// The first 16 bits as `203.0`, and the autonomous system of the longest block that holds it, if any does.
    package func facts(_ address: String) -> (network16: String, system: UInt32?)? {
        guard let value = AddressBlock.address(address) else { return nil }
        return ("\(value >> 24).\(value >> 16 & 255)", blocks.first { $0.block.holds(value) }?.system)
    }
}
