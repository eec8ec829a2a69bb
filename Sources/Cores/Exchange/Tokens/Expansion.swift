internal import Bytes
internal import Sealing

/// expand_message_xmd with SHA-512 (RFC 9380, section 5.3.1): bytes that nobody can steer, for whatever must look random.
package enum Expansion {
    private static let digestBytes = 64
    private static let blockBytes = 128

    /// `nil` when the request is out of the function's range: more than 255 digests, or a tag longer than 255 bytes.
    package static func expand(_ message: [UInt8], tag: [UInt8], count: Int) -> [UInt8]? {
        let rounds = (count + digestBytes - 1) / digestBytes
        guard (1...255).contains(rounds), count <= Int(UInt16.max), tag.count <= 255 else { return nil }
        let suffix = tag + [UInt8(tag.count)]
        let length = [UInt8(count >> 8), UInt8(count & 255)]
        var padded = [UInt8](repeating: 0, count: blockBytes)
        padded.reserveCapacity(blockBytes + message.count + 3 + suffix.count)
        padded += message
        padded += length
        padded.append(0)
        padded += suffix
        let first = Digest.sha512(padded)
        var block = Digest.sha512(first + [1] + suffix)
        var out = block
        for round in 1..<max(rounds, 1) {
            block = Digest.sha512(zip(first, block).map { $0 ^ $1 } + [UInt8(round + 1)] + suffix)
            out += block
        }
        return Array(out.prefix(count))
    }
}
