package import Exchange

/// Everything that an exchange or a witness can be asked, as paths of HTTP. There are no others, no queries and no headers that matter.
///
/// Plain HTTP is enough: what is said is public, or signed, or sealed to the exchange's key; and where it comes from the network hides.
package enum MarketPath: Hashable, Sendable {
    // To the exchange: its terms, a sealed order (M6), its answer (M7), a mote's offer (M4), a mote's swap (M12), a fraud proof, a complaint (M16),
    // what a witness saw of a mote (M5), and the chain of which it will reveal.
    case terms, order, answer, offer, swap, proof, complaint, cert, chain
    /// What was published of a slice: motes to be had in it, swaps and what they got (M13), probes' words (M5), how many complained of whom (M16),
    /// identifiers of orders (M18), the beacon, the report (M17).
    case listings(Slice), swaps(Slice), certs(Slice), complaints(Slice), ids(Slice), beacon(Slice), report(Slice)
    /// The chains that witnesses reveal, as they were logged.
    case chains
    /// Key files of a week, and of a day.
    case weekKeys(Int64), dayKeys(Int64)
    /// The log, as C2SP's tlog-tiles has it; a tile without its leading `/tile/`.
    case checkpoint, tile(String)
    // To a witness: C2SP's tlog-witness, the exchange's call for a value, and what it gave out before.
    case addCheckpoint, reveal, revealed(Slice)

    package static let tileLimitBytes = 64

    package enum Method: String, Sendable { case get = "GET", post = "POST" }

    package static func tile(_ tile: Tile) -> MarketPath { .tile(String(tile.path.dropFirst("tile/".count))) }

    /// `nil` for a path that there is not. Numbers have one form: decimal, without leading zeros.
    package init?(_ text: some StringProtocol) {
        let words = text.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard text.hasPrefix("/"), let first = words.first else { return nil }
        if let own = Self.plain[String(first)], words.count == 1 {
            self = own
        } else if first == "tile" {
            let rest = text.dropFirst("/tile/".count)
            guard words.count > 1, !rest.isEmpty, rest.utf8.count <= Self.tileLimitBytes, rest.utf8.allSatisfy(Self.isOfTile) else { return nil }
            self = .tile(String(rest))
        } else if words.count == 3, first == "keys", words[words.startIndex + 1] == "day", let day = Self.number(words[words.startIndex + 2]) {
            self = .dayKeys(day)
        } else if words.count == 2, let number = Self.number(words[words.startIndex + 1]), let own = Self.numbered(first, number) {
            self = own
        } else {
            return nil
        }
    }

    private static let plain: [String: MarketPath] = [
        "terms": .terms, "order": .order, "answer": .answer, "offer": .offer, "swap": .swap, "proof": .proof, "complaint": .complaint, "cert": .cert, "chain": .chain, "chains": .chains, "checkpoint": .checkpoint,
        "add-checkpoint": .addCheckpoint, "reveal": .reveal,
    ]

    private static func numbered(_ word: some StringProtocol, _ number: Int64) -> MarketPath? {
        switch word {
        case "listings": .listings(Slice(number))
        case "swaps": .swaps(Slice(number))
        case "certs": .certs(Slice(number))
        case "complaints": .complaints(Slice(number))
        case "ids": .ids(Slice(number))
        case "beacon": .beacon(Slice(number))
        case "report": .report(Slice(number))
        case "revealed": .revealed(Slice(number))
        case "keys": .weekKeys(number)
        default: nil
        }
    }

    private static func isOfTile(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) || (0x2F...0x39).contains(byte) || byte == 0x2E }

    private static func number(_ text: some StringProtocol) -> Int64? {
        guard (1...12).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), text == "0" || !text.hasPrefix("0") else { return nil }
        return Int64(text)
    }

    package var text: String {
        switch self {
        case .listings(let slice): "/listings/\(slice.index)"
        case .swaps(let slice): "/swaps/\(slice.index)"
        case .certs(let slice): "/certs/\(slice.index)"
        case .complaints(let slice): "/complaints/\(slice.index)"
        case .ids(let slice): "/ids/\(slice.index)"
        case .beacon(let slice): "/beacon/\(slice.index)"
        case .report(let slice): "/report/\(slice.index)"
        case .revealed(let slice): "/revealed/\(slice.index)"
        case .weekKeys(let week): "/keys/\(week)"
        case .dayKeys(let day): "/keys/day/\(day)"
        case .tile(let rest): "/tile/\(rest)"
        case .addCheckpoint: "/add-checkpoint"
        default: "/\(self)"
        }
    }

    package var method: Method {
        switch self {
        case .order, .answer, .offer, .swap, .proof, .complaint, .cert, .chain, .addCheckpoint, .reveal: .post
        default: .get
        }
    }

    /// What a question may have behind its head.
    package var bodyLimitBytes: Int {
        switch self {
        case .order: OrderLetter.limitBytes
        case .answer: AnswerLetter.questionBytes
        case .offer, .swap, .proof, .complaint, .chain, .reveal: 8 << 10
        case .cert: 256 << 10
        case .addCheckpoint: 160 << 10
        default: 0
        }
    }

    /// What an answer may have.
    package var answerLimitBytes: Int {
        switch self {
        case .order, .offer, .swap, .proof, .complaint, .cert, .chain, .reveal, .revealed: 4 << 10
        case .answer: AnswerLetter.bytesCount
        case .terms, .checkpoint, .beacon, .addCheckpoint: 160 << 10
        default: 64 << 20
        }
    }
}
