/// How many motes each class of a dimension has. One more or less costs the same however many there are.
struct Tally: Sendable {
    private(set) var counts: [Int] = []
    private(set) var total = 0
    /// The sum of the counts' squares: what the effective number by collisions is made of.
    private var squares = 0

    subscript(_ number: Int) -> Int { number < counts.count ? counts[number] : 0 }

    mutating func change(_ number: Int, by change: Int) {
        guard number >= 0 else { return }
        while counts.count <= number { counts.append(0) }
        squares += 2 * counts[number] * change + change * change
        counts[number] += change
        total += change
    }

    /// The effective number of classes with one more mote in this one; `nil`: in none.
    func effective(adding number: Int?) -> Double {
        guard let number else { return total == 0 ? 0 : Double(total) * Double(total) / Double(squares) }
        let all = Double(total + 1)
        return all * all / Double(squares + 2 * self[number] + 1)
    }
}

/// Classes as numbers, in each dimension from 0 on in the order in which they were met.
struct ClassNumbers: Sendable {
    private var numbers: [[String: Int]] = Array(repeating: [:], count: Dimension.allCases.count)

    mutating func number(_ label: String, _ dimension: Dimension) -> Int {
        let known = numbers[dimension.ordinal]
        if let number = known[label] { return number }
        numbers[dimension.ordinal][label] = known.count
        return known.count
    }
}

/// What one mote counts towards.
struct Standing: Equatable, Sendable {
    /// Its class in each dimension; `unknown` where nobody knows.
    var classes: [Int]
    /// The groups of countries, by their place in the policy's sorted list, that it stands in.
    let groups: [Int]

    static let unknown = -1
}

extension Dimension {
    /// Its place in `allCases`.
    var ordinal: Int {
        switch self {
        case .provider: 0
        case .parent: 1
        case .country: 2
        case .region: 3
        case .payer: 4
        case .system: 5
        case .network16: 6
        }
    }
}
