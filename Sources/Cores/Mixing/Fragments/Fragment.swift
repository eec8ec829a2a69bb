internal import Bytes
internal import Sealing

/// A share of a letter, as long as all others: what does not fill it is zeros.
package struct Fragment: Hashable, Sendable {
    /// SHA-256 of the letter, cut: letters are sealed before they are cut up, so it tells nothing, and what is put together is checked with it.
    package static let letterIDBytes = 16
    private static let headerBytes = letterIDBytes + 4 + 2 + 1 + 1 + 1
    /// 32 MiB: a mail with 20 MB of attachments in base 64, and what it takes to seal it.
    package static let letterLimit = 32 << 20
    /// Data shares of a group; the last group of a letter may have fewer.
    package static let groupShares = 64

    package let letter: [UInt8]
    package let letterBytes: Int
    package let group: Int
    package let code: ErasureCode
    package let number: Int
    package let share: [UInt8]

    /// Which of its letter's it is.
    package var place: Int { group << 8 | number }

    /// What is left of a payload for a share.
    package static func shareBytes(_ layout: SphinxLayout) -> Int { layout.payloadBytes - 1 - headerBytes }

    static func groups(letterBytes: Int, shareBytes: Int) -> [Int] {
        let shares = max(1, (letterBytes + shareBytes - 1) / shareBytes)
        return stride(from: 0, to: shares, by: groupShares).map { min(groupShares, shares - $0) }
    }

    func write(to writer: inout ByteWriter) {
        writer.append(letter)
        writer.u32(UInt32(letterBytes))
        writer.u16(UInt16(group))
        writer.u8(UInt8(code.data))
        writer.u8(UInt8(code.parity))
        writer.u8(UInt8(number))
        writer.append(share)
    }

    /// `nil` for what no letter would be cut into.
    init?(_ reader: inout ByteReader, shareBytes: Int) {
        guard let letter = try? reader.bytes(Self.letterIDBytes), let length = try? reader.u32(), let group = try? reader.u16(), let data = try? reader.u8(),
            let parity = try? reader.u8(), let number = try? reader.u8(), let share = try? reader.bytes(shareBytes), length <= Self.letterLimit,
            let code = ErasureCode(data: Int(data), parity: Int(parity)), number < code.shares
        else { return nil }
        let groups = Self.groups(letterBytes: Int(length), shareBytes: shareBytes)
        guard groups.indices.contains(Int(group)), groups[Int(group)] == code.data else { return nil }
        self.init(letter: letter, letterBytes: Int(length), group: Int(group), code: code, number: Int(number), share: share)
    }

    private init(letter: [UInt8], letterBytes: Int, group: Int, code: ErasureCode, number: Int, share: [UInt8]) {
        (self.letter, self.letterBytes, self.group, self.code, self.number, self.share) = (letter, letterBytes, group, code, number, share)
    }

    static func id(_ letter: [UInt8]) -> [UInt8] { Array(Digest.sha256(letter).prefix(letterIDBytes)) }

    /// Parities that a group of so many shares needs if in each layer as many motes share the work and one of them is lost: no mote then carries
    /// more than there are parities. Half as many again, or the last shares would wait long for a way past those that have carried enough.
    package static func parity(data: Int, motesPerLayer: Int) -> Int {
        guard motesPerLayer > 1 else { return 0 }
        return min((3 * data + 2 * (motesPerLayer - 1) - 1) / (2 * (motesPerLayer - 1)), ErasureCode.sharesLimit - 1 - data)
    }

    /// All shares of a letter, group by group. `nil` for a longer one than `letterLimit`.
    package static func cut(_ letter: [UInt8], _ layout: SphinxLayout, parity: (_ data: Int) -> Int) -> [Fragment]? {
        let shareBytes = shareBytes(layout)
        guard letter.count <= letterLimit, shareBytes > 0 else { return nil }
        let (id, groups) = (id(letter), groups(letterBytes: letter.count, shareBytes: shareBytes))
        return groups.enumerated().flatMap { group, data -> [Fragment] in
            guard let code = ErasureCode(data: data, parity: parity(data)) else { preconditionFailure("more parities than a group can have") }
            let pieces = (0..<data).map { piece(letter, group * groupShares + $0, shareBytes) }
            return (pieces + code.parities(of: pieces)).enumerated().map { number, share in
                Fragment(letter: id, letterBytes: letter.count, group: group, code: code, number: number, share: share)
            }
        }
    }

    private static func piece(_ letter: [UInt8], _ index: Int, _ bytes: Int) -> [UInt8] {
        let part = letter.dropFirst(index * bytes).prefix(bytes)
        return part + [UInt8](repeating: 0, count: bytes - part.count)
    }
}
