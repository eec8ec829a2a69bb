package import Ambience

/// Small random damage to bytes: what fuzzers do first.
package enum Damage {
    private static let tellingBytes: [UInt8] = [0, 1, 0x0A, 0x20, 0x30, 127, 128, 255]

    /// - Parameter others: inputs of the same kind, whose beginnings may be put in.
    package static func some(_ original: [UInt8], others: [[UInt8]] = [], _ random: inout SeededRandom) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let place = bytes.isEmpty ? 0 : Int.random(in: bytes.indices, using: &random)
            switch Int.random(in: 0..<7, using: &random) {
            case 0 where !bytes.isEmpty: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1 where !bytes.isEmpty: bytes[place] = tellingBytes.randomElement(using: &random) ?? 0
            case 2: bytes.insert(.random(in: 0...255, using: &random), at: place)
            case 3 where !bytes.isEmpty: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...64, using: &random)))
            case 4 where !bytes.isEmpty: bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
            case 5: bytes.insert(contentsOf: (others.randomElement(using: &random) ?? []).prefix(40), at: place)
            default: bytes += bytes.suffix(from: place).prefix(64)
            }
        }
        return bytes
    }
}
