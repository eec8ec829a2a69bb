import Testing
import Voting

struct BandwidthWeightsTests {
    struct Vector: Decodable {
        let G: Int64, M: Int64, E: Int64, D: Int64
        let weight_scale: Int32
        let ok: Bool
        let line: String?
    }

    @Test("Totals give stock's published weights in every case of the specification")
    func published() throws {
        for vector in try Vectors.json("bandwidth_weights.json", as: VectorFile<Vector>.self).vectors {
            let weights = BandwidthWeights(.init(guards: vector.G, middles: vector.M, exits: vector.E, both: vector.D), scale: vector.weight_scale)
            #expect(weights?.line == (vector.ok ? vector.line : nil))
        }
    }

    @Test("Absurd totals neither overflow nor divide by zero")
    func extremes() {
        for value: Int64 in [1, .max] {
            for other: Int64 in [1, .max] {
                _ = BandwidthWeights(.init(guards: value, middles: other, exits: other, both: value), scale: .max)
                _ = BandwidthWeights(.init(guards: other, middles: value, exits: other, both: value), scale: .max)
                _ = BandwidthWeights(.init(guards: other, middles: other, exits: value, both: value), scale: 1)
            }
        }
        #expect(BandwidthWeights(.init(guards: 0, middles: 1, exits: 1, both: 1)) == nil)
    }
}
