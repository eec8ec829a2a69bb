import Bytes
import Testing

@testable import Sealing

@Suite("Multiplication of points of curve25519")
struct PointMultiplicationTests {
    /// Random, small, of small order, around the prime and its multiples, and with limbs that are full: with the top bit and without.
    private static let points: [[UInt8]] = {
        let zeros = [UInt8](repeating: 0, count: 31), ones = [UInt8](repeating: 0xff, count: 30)
        var points = (0..<200).map { _ in SecureRandom.bytes(32) }
        points += (0...19).map { [$0] + zeros }
        points += (0xda...0xff).map { [UInt8($0)] + ones + [0x7f] }
        points += (0..<32).map { full in (0..<32).map { $0 == full ? 0xff : 0 } }
        points += orderEight.map { Hex.decode($0) ?? [] }
        return points + points.map { $0.dropLast() + [$0[31] ^ 0x80] }
    }()

    private static let orderEight = [
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    ]
    private static let scalars = [0x00, 0xff, 0x55].map { SecretBytes([UInt8](repeating: $0, count: 32)) }

    @Test("gives four at a time what it gives one by one, whatever the points and scalars", .enabled(if: PointMultiplication.hasVectors))
    func batches() {
        let jobs = Self.points.enumerated().map { index, point in
            PointMultiplication(scalar: index < 200 ? .random(32) : Self.scalars[index % 3], point: point)
        }
        #expect(PointMultiplication.perform(jobs, withVectors: true) == PointMultiplication.perform(jobs, withVectors: false))
        for count in 0..<9 {
            let few = Array(jobs.prefix(count))
            #expect(PointMultiplication.perform(few, withVectors: true) == PointMultiplication.perform(few, withVectors: false))
        }
    }

    @Test("tells lengths and points that cannot be multiplied apart from the rest, one by one and many at once")
    func unusable() {
        let key = Curve25519Key(), scalar = SecretBytes.random(32), zeros = [UInt8](repeating: 0, count: 32)
        #expect(Curve25519Key.multiply([(scalar, key.publicKey)])[0] == key.agree(with: Curve25519Key(secret: scalar.copy)?.publicKey ?? []))
        let several = Curve25519Key.multiply([(scalar, zeros), (scalar, key.publicKey), (scalar, [1, 2]), (scalar, []), (scalar, key.publicKey)])
        #expect(several.map { $0 == nil } == [true, false, true, true, false] && several[1] == several[4])
    }

    @Test("gives nothing for points of small order, however they are written", arguments: [true, false])
    func smallOrder(withVectors: Bool) {
        let prime = [UInt8](repeating: 0xff, count: 30) + [0x7f], zeros = [UInt8](repeating: 0, count: 31)
        let points = [[0] + zeros, [1] + zeros, [0xec] + prime, [0xed] + prime, [0xee] + prime] + Self.orderEight.map { Hex.decode($0) ?? [] }
        let jobs = (points + points.map { $0.dropLast() + [$0[31] | 0x80] }).map { PointMultiplication(scalar: .random(32), point: $0) }
        let products = PointMultiplication.perform(jobs, withVectors: withVectors && PointMultiplication.hasVectors)
        #expect(products.allSatisfy(PointMultiplication.isNothing))
    }

    /// RFC 7748, section 5.2.
    @Test("gives the values of its standard", arguments: [
        ("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
         "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"),
        ("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d", "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
         "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"),
    ])
    func standard(scalar: String, point: String, product: String) throws {
        let job = PointMultiplication(scalar: SecretBytes(try #require(Hex.decode(scalar))), point: try #require(Hex.decode(point)))
        for withVectors in [false, PointMultiplication.hasVectors] {
            #expect(PointMultiplication.perform([job, job], withVectors: withVectors).map { Hex.lower($0) } == [product, product])
        }
    }

    /// As in RFC 7748, section 5.2, whose first value it is. A hundred of them: unoptimised C is slow.
    @Test("gives what it gives one by one when each result is the next scalar", .enabled(if: PointMultiplication.hasVectors))
    func chain() {
        var (fast, slow) = (Link(), Link())
        for step in 1...100 {
            fast.next(withVectors: true)
            slow.next(withVectors: false)
            if step == 1 { #expect(Hex.lower(fast.scalar) == "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079") }
        }
        #expect(fast.scalar == slow.scalar)
    }

    private struct Link {
        var scalar = [9] + [UInt8](repeating: 0, count: 31)
        var point = [9] + [UInt8](repeating: 0, count: 31)

        mutating func next(withVectors: Bool) {
            let job = PointMultiplication(scalar: SecretBytes(scalar), point: point)
            (scalar, point) = (PointMultiplication.perform([job], withVectors: withVectors)[0], scalar)
        }
    }

    @Test("answers handshakes together with what each side alone computes, and not those for points of small order")
    func answers() throws {
        let (lasting, clients) = (Curve25519Key(), (0..<6).map { _ in Curve25519Key() })
        let points = clients.enumerated().map { $0.offset == 3 ? [UInt8](repeating: 0, count: 32) : $0.element.publicKey }
        let answers = Curve25519Key.answer(points.map { Curve25519Key.Question(key: lasting, point: $0, ephemeral: .random(32)) })
        #expect(answers.map { $0 == nil } == [false, false, false, true, false, false])
        for (answer, client) in zip(answers, clients) {
            guard let answer else { continue }
            #expect(client.agree(with: answer.publicKey) == answer.ephemeral && client.agree(with: lasting.publicKey) == answer.lasting)
        }
    }
}
