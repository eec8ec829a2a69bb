internal import CAEZ

/// AEZ v5: enciphers a message as one block as wide as the message. Change a bit of what was enciphered, and all of what is deciphered is noise.
enum AEZ {
    static let keyBytes = Int(DC_AEZ_KEY)
    static let nonceBytes = 16
    /// What is shorter would need another construction.
    static let leastBytes = Int(DC_AEZ_LEAST)

    enum Direction: Int32 {
        case encipher = 0
        case decipher = 1
    }

    static let hasInstructions = dc_aez_has_instructions() != 0

    /// `bytes` from `start` on, in place.
    /// - Parameters:
    ///   - associated: what is only authenticated, and `tagBits` the zeros that the message ends with to that end: a mix packet has neither,
    ///     its zeros are at the front and its header has a digest of its own.
    static func apply(
        _ direction: Direction, _ bytes: inout [UInt8], from start: Int = 0, key: [UInt8], nonce: [UInt8], associated: [[UInt8]] = [], tagBits: Int = 0,
        withInstructions: Bool = hasInstructions
    ) {
        precondition(key.count == keyBytes && start >= 0 && bytes.count - start >= leastBytes)
        let isFast: Int32 = withInstructions ? 1 : 0
        var tweak = [UInt8](repeating: 0, count: 16)
        for (number, string) in ([length(tagBits), nonce] + associated).enumerated() { dc_aez_hash(key, UInt32(number + 3), string, string.count, &tweak, isFast) }
        let count = bytes.count - start
        // SAFETY: the precondition leaves `count` bytes after `start`; the call keeps no pointer.
        bytes.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            dc_aez_apply(key, tweak, base + start, count, direction.rawValue, isFast)
        }
    }

    private static func length(_ bits: Int) -> [UInt8] { [UInt8](repeating: 0, count: 12) + withUnsafeBytes(of: UInt32(truncatingIfNeeded: bits).bigEndian) { Array($0) } }
}
