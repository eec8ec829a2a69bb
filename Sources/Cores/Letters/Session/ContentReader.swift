/// Takes a message in, byte by byte, and refuses every line ending but CR LF: so where it ends, and where its lines do, nobody downstream can read otherwise.
///
/// In a dotted message (RFC 5321, section 4.5.2) exactly CR LF . CR LF ends it. A counted one (RFC 3030) has no dots of its own; its end is elsewhere.
struct ContentReader {
    enum Progress: Equatable {
        case more
        case ended
        /// A CR, LF or NUL where none may be: what follows cannot be trusted to be what it looks like.
        case bare
    }

    private enum Place { case start, dot, dotReturn, line, lineReturn }

    private(set) var bytes: [UInt8] = []
    /// Of what came, kept or not.
    private(set) var count = 0
    private(set) var isTooLarge = false
    private(set) var hasLongLine = false
    private(set) var isStarved = false
    private let isDotted: Bool
    private let limit: Int
    private var place = Place.start
    private var lineBytes = 0

    init(isDotted: Bool, limit: Int) { (self.isDotted, self.limit) = (isDotted, limit) }

    private var isKept: Bool { !isTooLarge && !isStarved && !hasLongLine }

    /// Nothing more is kept: there is no memory for it.
    mutating func starve() {
        isStarved = true
        bytes = []
    }

    /// Takes bytes from the front, all of them unless the end is among them.
    mutating func take(_ input: inout ArraySlice<UInt8>) -> Progress {
        while let byte = input.first {
            if place == .line, !Self.endsRun(byte) {
                let end = input.firstIndex(where: Self.endsRun) ?? input.endIndex
                keep(input[input.startIndex..<end])
                input = input[end...]
            } else {
                input = input.dropFirst()
                let progress = step(byte)
                if progress != .more { return progress }
            }
        }
        return .more
    }

    private static func endsRun(_ byte: UInt8) -> Bool { byte <= 13 && (byte == 13 || byte == 10 || byte == 0) }

    private mutating func step(_ byte: UInt8) -> Progress {
        switch (place, byte) {
        case (.dotReturn, 10): return .ended
        case (.lineReturn, 10):
            keep([13, 10])
            lineBytes = 0
            place = .start
        case (_, 0), (_, 10), (.dotReturn, _), (.lineReturn, _): return .bare
        case (.dot, 13): place = .dotReturn
        case (_, 13): place = .lineReturn
        case (.start, 0x2E) where isDotted: place = .dot
        default:
            keep([byte])
            place = .line
        }
        return .more
    }

    private mutating func keep(_ more: some Collection<UInt8>) {
        count += more.count
        lineBytes += more.count
        if count > limit { isTooLarge = true }
        if lineBytes > Message.lineLimit + 2 { hasLongLine = true }
        if isKept { bytes += more } else if !bytes.isEmpty { bytes = [] }
    }

    /// Ends a counted message: `false` when it stops within a line ending. A last line without one gets it.
    mutating func finish() -> Bool {
        guard place == .start || place == .line else { return false }
        if place == .line { keep([13, 10]) }
        return true
    }
}
