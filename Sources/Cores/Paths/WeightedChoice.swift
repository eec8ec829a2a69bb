/// One of many, with odds.
enum WeightedChoice {
    /// An element with a probability in proportion to its weight; all are equal when no weight is above zero. `nil` for no elements.
    static func pick<Element>(_ elements: [Element], weight: (Element) -> UInt64, using random: inout some RandomNumberGenerator) -> Element? {
        let weights = elements.map(weight)
        let total = weights.reduce(0) { $0.addingReportingOverflow($1).overflow ? $0 : $0 + $1 }
        guard total > 0 else { return elements.randomElement(using: &random) }
        var mark = UInt64.random(in: 0..<total, using: &random)
        for (element, weight) in zip(elements, weights) {
            if mark < weight { return element }
            mark -= weight
        }
        return elements.last
    }
}
