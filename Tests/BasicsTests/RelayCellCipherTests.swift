import Ambience
import Sealing
import Testing

@Suite("Relay cell crypto")
struct RelayCellCipherTests {
    private static let bodyBytes = RelayCellCipher.bodyBytes

    /// Forward and backward ciphers of one hop.
    private final class Hop {
        var forward: RelayCellCipher
        var backward: RelayCellCipher

        init(_ material: [UInt8]) {
            forward = RelayCellCipher(material: Array(material[..<20] + material[40..<56]))
            backward = RelayCellCipher(material: Array(material[20..<40] + material[56..<72]))
        }
    }

    private static func data(_ content: some Collection<UInt8>) -> [UInt8] {
        [2, 0, 0, 0, 1, 0, 0, 0, 0, UInt8(content.count >> 8), UInt8(content.count & 255)] + content
            + [UInt8](repeating: 0, count: 498 - content.count)
    }

    @Test("puts on the wire what stock tor does, for fifty cells through three hops")
    func publishedCells() throws {
        let file = try Vectors.load("tor1_relay_crypto")
        let materials = try #require(file["key_material_ascii"] as? [String]).map { Array($0.utf8) }
        let stream = try file.bytes("shake256_stream_hex")
        let expected = try file.list("expected")
        let (first, second, third) = (Hop(materials[0]), Hop(materials[1]), Hop(materials[2]))
        let (guardRelay, middle, exit) = (Hop(materials[0]), Hop(materials[1]), Hop(materials[2]))
        for number in 0...50 {
            var body = Self.data(stream[number * 498..<(number + 1) * 498])
            let plain = body
            body.withUnsafeMutableBufferPointer {
                let cell = $0.baseAddress!
                third.forward.stamp(cell)
                third.forward.crypt(cell)
                second.forward.crypt(cell)
                first.forward.crypt(cell)
            }
            for vector in expected where vector["cell_number"] as? Int == number { #expect(body == (try vector.bytes("body"))) }
            let recognized = body.withUnsafeMutableBufferPointer {
                let cell = $0.baseAddress!
                return [guardRelay, middle, exit].map { $0.forward.decryptAndRecognize(cell) }
            }
            #expect(recognized == [false, false, true])
            #expect(exit.forward.lastDigest == third.forward.lastDigest)
            body.replaceSubrange(5..<9, with: [0, 0, 0, 0])
            #expect(body == plain)
        }
    }

    @Test("goes on after cells that were not for this hop: the digest rolls back and the cell is left as it was")
    func rollBack() {
        let material = (0..<72).map { UInt8($0) }
        let (sender, receiver) = (Hop(material), Hop(material))
        for round in 0..<20 {
            var body = Self.data([UInt8(round)])
            let isOurs = round % 3 == 0
            // A cell for a later hop that happens to look recognised: its digest is of another hop.
            if !isOurs { body.replaceSubrange(5..<9, with: [1, 2, 3, UInt8(round)]) }
            let sent = body
            let recognized = body.withUnsafeMutableBufferPointer {
                if isOurs { sender.forward.stamp($0.baseAddress!) }
                sender.forward.crypt($0.baseAddress!)
                return receiver.forward.decryptAndRecognize($0.baseAddress!)
            }
            #expect(recognized == isOurs)
            if !isOurs { #expect(body == sent) }
        }
    }

    @Test("does not take a cell whose content was changed on the way")
    func tampered() {
        let material = (0..<72).map { UInt8($0) }
        for place in [0, 3, 5, 8, 9, 11, 508] {
            let (sender, receiver) = (Hop(material), Hop(material))
            var body = Self.data([1, 2, 3])
            let recognized = body.withUnsafeMutableBufferPointer {
                sender.forward.stamp($0.baseAddress!)
                sender.forward.crypt($0.baseAddress!)
                $0[place] ^= 1
                return receiver.forward.decryptAndRecognize($0.baseAddress!)
            }
            #expect(!recognized, "byte \(place)")
        }
    }
}
