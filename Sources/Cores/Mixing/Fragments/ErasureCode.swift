/// Shares of which any `data` suffice: the pieces themselves, and parities over them with the coefficients of a Cauchy matrix in the field of
/// 256 elements (Blömer et al., "An XOR-Based Erasure-Resilient Coding Scheme", 1995). No table: letters are secret, and what is looked up shows.
package struct ErasureCode: Hashable, Sendable {
    /// Shares of one group, data and parity.
    package static let sharesLimit = 256

    package let data: Int
    package let parity: Int

    /// `nil` unless there is data, and not more than 256 shares in all.
    package init?(data: Int, parity: Int) {
        guard data >= 1, parity >= 0, data <= Self.sharesLimit, parity <= Self.sharesLimit - data else { return nil }
        (self.data, self.parity) = (data, parity)
    }

    package var shares: Int { data + parity }

    /// The parities of as many pieces as `data`, all of one length.
    package func parities(of pieces: [[UInt8]]) -> [[UInt8]] {
        precondition(pieces.count == data && Set(pieces.map(\.count)).count == 1)
        return (0..<parity).map { row in
            var sum = [UInt8](repeating: 0, count: pieces[0].count)
            for (column, piece) in pieces.enumerated() { FieldOf256.add(piece, times: coefficient(row, column), to: &sum) }
            return sum
        }
    }

    /// All pieces, from any `data` of the shares by their numbers. `nil` if there are too few, their lengths differ or a number is no share's.
    package func pieces(from shares: [Int: [UInt8]]) -> [[UInt8]]? {
        guard shares.count >= data, shares.keys.allSatisfy({ (0..<self.shares).contains($0) }), Set(shares.values.map(\.count)).count == 1 else { return nil }
        let missing = (0..<data).filter { shares[$0] == nil }
        let rows = Array((0..<parity).filter { shares[data + $0] != nil }.prefix(missing.count))
        let sums = rows.map { row in
            var sum = shares[data + row] ?? []
            for column in 0..<data { if let piece = shares[column] { FieldOf256.add(piece, times: coefficient(row, column), to: &sum) } }
            return sum
        }
        var found = shares
        for (column, piece) in zip(missing, solve(rows, missing, sums)) { found[column] = piece }
        return (0..<data).compactMap { found[$0] }
    }

    /// Every square part of a Cauchy matrix has an inverse.
    private func coefficient(_ row: Int, _ column: Int) -> UInt8 { FieldOf256.inverse(UInt8(truncatingIfNeeded: (data + row) ^ column)) }

    /// The missing pieces, by elimination; no pivot is ever zero, for leading parts are Cauchy matrices, too.
    private func solve(_ rows: [Int], _ columns: [Int], _ sums: [[UInt8]]) -> [[UInt8]] {
        var (matrix, sums) = (rows.map { row in columns.map { coefficient(row, $0) } }, sums)
        for pivot in matrix.indices {
            let scale = FieldOf256.inverse(matrix[pivot][pivot])
            matrix[pivot] = FieldOf256.scaled(matrix[pivot], by: scale)
            sums[pivot] = FieldOf256.scaled(sums[pivot], by: scale)
            for row in matrix.indices where row != pivot && matrix[row][pivot] != 0 {
                let factor = matrix[row][pivot]
                FieldOf256.add(matrix[pivot], times: factor, to: &matrix[row])
                FieldOf256.add(sums[pivot], times: factor, to: &sums[row])
            }
        }
        return sums
    }
}

/// Arithmetic modulo x⁸ + x⁴ + x³ + x + 1.
enum FieldOf256 {
    static func product(_ a: UInt8, _ b: UInt8) -> UInt8 {
        var sum: [UInt8] = [0]
        add([a], times: b, to: &sum)
        return sum[0]
    }

    /// The 254th power; 0 for 0.
    static func inverse(_ a: UInt8) -> UInt8 {
        var (power, result) = (a, UInt8(1))
        for _ in 1..<8 {
            power = product(power, power)
            result = product(result, power)
        }
        return result
    }

    static func scaled(_ bytes: [UInt8], by factor: UInt8) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: bytes.count)
        add(bytes, times: factor, to: &out)
        return out
    }

    /// Adds as many bytes, each times the factor. Which bits the factor has is public; the bytes decide nothing.
    static func add(_ bytes: [UInt8], times factor: UInt8, to sum: inout [UInt8]) {
        for index in sum.indices {
            var (byte, total) = (bytes[index], UInt8(0))
            for bit in 0..<8 {
                if factor >> bit & 1 == 1 { total ^= byte }
                byte = byte << 1 ^ (byte >> 7) &* 0x1b
            }
            sum[index] ^= total
        }
    }
}
