/// The addresses of a header field (RFC 5322, section 3.4, with its obsolete forms), read in whatever way they were written.
struct AddressList {
    struct Entry: Hashable {
        let name: String
        let address: MailAddress
    }

    static let entriesLimit = 1_000

    let entries: [Entry]

    /// - Throws: for anything that is no list of addresses.
    init(_ value: String, field: String) throws(SMTPReply) {
        var reader = Reader(value)
        guard let entries = reader.entries(), entries.count <= Self.entriesLimit else {
            throw SMTPReply(554, "5.6.0", "the letter's \(field) field is no list of addresses")
        }
        self.entries = entries
    }

    /// Words to fold between, a comma behind each entry but the last.
    var words: [String] {
        entries.enumerated().flatMap { index, entry -> [String] in
            let end = index == entries.count - 1 ? "" : ","
            return entry.name.isEmpty ? ["\(entry.address)\(end)"] : Self.phrase(entry.name) + ["<\(entry.address)>\(end)"]
        }
    }

    /// A display name: as it is where it may be, else quoted, else encoded.
    private static func phrase(_ name: String) -> [String] {
        let words = EncodedWords.encode(name)
        guard words.joined(separator: " ") == name, !name.utf8.allSatisfy({ $0 == 0x20 || MailAddress.isAtomByte($0) }) else { return words }
        return [MailAddress.quoted(name)]
    }

    private struct Reader {
        enum Token: Equatable {
            case text(String)
            case quoted(String)
            case mark(Character)
        }

        private var tokens: [Token] = []
        private var comment = ""
        private var isBroken = false

        init(_ value: String) {
            var scalars = Substring(value).unicodeScalars
            while let scalar = scalars.popFirst() {
                switch scalar {
                case " ": break
                case "\"": quoted(&scalars)
                case "(": skipComment(&scalars)
                case "<", ">", ",", ";", ":", "@": tokens.append(.mark(Character(scalar)))
                case "[": literal(&scalars)
                default: word(scalar, &scalars)
                }
            }
        }

        private mutating func quoted(_ scalars: inout Substring.UnicodeScalarView) {
            var text = String.UnicodeScalarView()
            while let scalar = scalars.popFirst() {
                if scalar == "\"" { return tokens.append(.quoted(String(text))) }
                text.append(scalar == "\\" ? scalars.popFirst() ?? scalar : scalar)
            }
            isBroken = true
        }

        private mutating func skipComment(_ scalars: inout Substring.UnicodeScalarView) {
            var depth = 1, text = String.UnicodeScalarView()
            while depth > 0, let scalar = scalars.popFirst() {
                switch scalar {
                case "(": depth += 1
                case ")": depth -= 1
                case "\\": if let next = scalars.popFirst() { text.append(next) }
                default: text.append(scalar)
                }
            }
            isBroken = isBroken || depth > 0
            comment = String(text)
        }

        private mutating func literal(_ scalars: inout Substring.UnicodeScalarView) {
            var text = "["
            while let scalar = scalars.popFirst() {
                text.unicodeScalars.append(scalar)
                if scalar == "]" { return tokens.append(.text(text)) }
            }
            isBroken = true
        }

        private mutating func word(_ first: Unicode.Scalar, _ scalars: inout Substring.UnicodeScalarView) {
            var text = String(first)
            while let next = scalars.first, !" \"(<>,;:@[".unicodeScalars.contains(next) {
                text.unicodeScalars.append(next)
                scalars = scalars.dropFirst()
            }
            tokens.append(.text(text))
        }

        /// Groups are the addresses in them.
        mutating func entries() -> [Entry]? {
            guard !isBroken else { return nil }
            var found: [Entry] = [], piece: [Token] = [], isInside = false
            for token in tokens + [.mark(",")] {
                switch token {
                case .mark("<"): isInside = true
                case .mark(">"): isInside = false
                default: break
                }
                if !isInside, token == .mark(":") {
                    piece = []
                } else if !isInside, token == .mark(",") || token == .mark(";") {
                    guard piece.isEmpty || append(piece, &found) else { return nil }
                    piece = []
                } else {
                    piece.append(token)
                }
            }
            return isInside ? nil : found
        }

        private func append(_ piece: [Token], _ found: inout [Entry]) -> Bool {
            if let open = piece.firstIndex(of: .mark("<")) {
                guard piece.last == .mark(">") else { return false }
                // A route before the address is not part of it.
                let inside = piece[(open + 1)...].dropLast(), start = inside.lastIndex(of: .mark(":")).map { $0 + 1 } ?? inside.startIndex
                guard let address = address(inside[start...]) else { return false }
                found.append(Entry(name: name(piece[..<open]), address: address))
            } else {
                guard let address = address(piece[...]) else { return false }
                found.append(Entry(name: tokens.count > piece.count ? "" : EncodedWords.decode(comment), address: address))
            }
            return true
        }

        private func name(_ tokens: ArraySlice<Token>) -> String {
            let words = tokens.map { token in
                switch token {
                case .text(let text), .quoted(let text): text
                case .mark(let mark): String(mark)
                }
            }
            return EncodedWords.decode(words.joined(separator: " "))
        }

        private func address(_ tokens: ArraySlice<Token>) -> MailAddress? {
            guard let at = tokens.lastIndex(of: .mark("@")), tokens.filter({ $0 == .mark("@") }).count == 1 else { return nil }
            let local = tokens[..<at].reduce(into: "") { text, token in
                switch token {
                case .text(let more), .quoted(let more): text += more
                case .mark: break
                }
            }
            guard tokens[(at + 1)...].allSatisfy({ if case .text = $0 { true } else { false } }) else { return nil }
            let domain = tokens[(at + 1)...].map { if case .text(let text) = $0 { text } else { "" } }.joined()
            return MailAddress(local: local, domain: domain)
        }
    }
}
