import Ambience

/// Small random damage: what fuzzers do first.
enum Mutation {
    static func damage(_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let place = bytes.isEmpty ? 0 : Int.random(in: bytes.indices, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0 where !bytes.isEmpty: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1 where !bytes.isEmpty: bytes[place] = [0, 1, 127, 128, 255].randomElement(using: &random) ?? 0
            case 2: bytes.insert(.random(in: 0...255, using: &random), at: place)
            case 3 where !bytes.isEmpty: bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
            default: bytes += bytes.suffix(from: place).prefix(32)
            }
        }
        return bytes
    }
}
