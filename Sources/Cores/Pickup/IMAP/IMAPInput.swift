/// Cuts what a client sends into commands. A literal stands in its command as it came; its length is said before, and judged then.
struct IMAPInput {
    struct Limits {
        /// Of a command, short literals included.
        var commandBytes: Int
        /// Of the literal that APPEND takes.
        var letterBytes: Int
    }

    enum Event {
        /// Without its line end.
        case command([UInt8])
        /// The client waits to be told to go on with a literal.
        case wantsMore
        /// A literal is longer than it may be. What follows cannot be told from commands.
        case tooLong
    }

    private var bytes: [UInt8] = []
    /// Of the command: looked at so far, and where its literal under way ends.
    private var searched = 0
    private var literalEnd = 0
    /// What its literals have, longer ones included.
    private var letterBytes = 0

    mutating func add(_ more: [UInt8]) { bytes += more }

    mutating func next(_ limits: Limits) -> Event? {
        guard bytes.count >= literalEnd else { return nil }
        searched = max(searched, literalEnd)
        while searched < bytes.count, bytes[searched] != 10 { searched += 1 }
        guard searched - letterBytes <= limits.commandBytes else { return .tooLong }
        guard searched < bytes.count else { return nil }
        searched += 1
        let line = bytes[literalEnd..<searched - 1]
        guard let literal = Self.literal(line) else { return .command(takeCommand()) }
        if isAppend { letterBytes += literal.count }
        guard letterBytes <= limits.letterBytes, searched + literal.count - letterBytes <= limits.commandBytes else { return .tooLong }
        literalEnd = searched + literal.count
        return literal.isWaiting ? .wantsMore : next(limits)
    }

    private mutating func takeCommand() -> [UInt8] {
        var command = Array(bytes[..<(searched - 1)])
        if command.last == 13 { command.removeLast() }
        bytes.removeSubrange(..<searched)
        (searched, literalEnd, letterBytes) = (0, 0, 0)
        return command
    }

    private var isAppend: Bool {
        let words = bytes.prefix(100).split(separator: 32, maxSplits: 2, omittingEmptySubsequences: false)
        return words.count > 2 && String(decoding: words[1], as: UTF8.self).uppercased() == "APPEND"
    }

    /// `{12}` or `{12+}` at the end of a line.
    private static func literal(_ line: ArraySlice<UInt8>) -> (count: Int, isWaiting: Bool)? {
        guard line.last == 13, line.dropLast().last == UInt8(ascii: "}"), let open = line.lastIndex(of: UInt8(ascii: "{")) else { return nil }
        var digits = line[(open + 1)..<(line.endIndex - 2)]
        let isWaiting = digits.last != UInt8(ascii: "+")
        if !isWaiting { digits.removeLast() }
        guard (1...10).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int(String(decoding: digits, as: UTF8.self)) else { return nil }
        return (count, isWaiting)
    }
}
