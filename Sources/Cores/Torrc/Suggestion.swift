/// What somebody probably meant to type.
package enum Suggestion {
    /// The candidate with the fewest edits to `word` (letter case does not count), when they are few enough to be a slip.
    package static func nearest(to word: String, among candidates: [String]) -> String? {
        let limit = max(2, word.utf8.count / 4)
        let typed = Array(word.lowercased().utf8.prefix(lengthLimit))
        let scored = candidates.map { (name: $0, edits: edits(typed, Array($0.lowercased().utf8))) }
        return scored.min { $0.edits < $1.edits }.flatMap { $0.edits <= limit ? $0.name : nil }
    }

    /// Longer words are cut before comparing.
    private static let lengthLimit = 80

    /// Levenshtein's distance, one row at a time.
    private static func edits(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var row = Array(0...b.count)
        for (i, letter) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in b.enumerated() {
                let cost = min(row[j] + 1, row[j + 1] + 1, diagonal + (letter == other ? 0 : 1))
                diagonal = row[j + 1]
                row[j + 1] = cost
            }
        }
        return row[b.count]
    }
}
