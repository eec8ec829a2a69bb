internal import Ambience
internal import Bytes
internal import Sealing

/// What a wallet, a mote, a witness and an auditor must be given before they believe anything of an exchange: whose signatures count, how
/// time is counted and where it is. Everything else is fetched and checked against this.
///
/// A text of `Name value` lines, one space between words, in any order:
///
///     Market dust.example/market          the log's origin, and the exchange's name
///     Address 192.0.2.1:9080              where it answers: an IP address or an onion service, and a port
///     LogKey HEX                          Ed25519: signs checkpoints
///     SealKey HEX                         X25519: orders are sealed to it
///     CashierKey HEX                      Ed25519: signs receipts of what was paid
///     Epoch 0                             when slice 0 began, in seconds since 1970
///     SliceSeconds 900
///     Witness NAME HEX ADDRESS            three of them, Ed25519
///     Bucket 0 REGION GROUP               up to 32: motes of one bucket are as good as each other
///     Trial NAME NUMBER                   another number than the usual one (`TrialSetting`); an exchange for people has no such line
package struct MarketTerms: Hashable, Sendable {
    package static let bytesLimit = 16 << 10
    package static let witnessesCount = 3
    package static let bucketsLimit = 32

    package struct Witness: Hashable, Sendable {
        package let name: String
        package let key: [UInt8]
        package let address: String

        package init(name: String, key: [UInt8], address: String) { (self.name, self.key, self.address) = (name, key, address) }
    }

    package struct Bucket: Hashable, Sendable {
        package let number: UInt8
        package let region: String
        /// Of providers, for the cap on what one of them has.
        package let group: String

        package init(number: UInt8, region: String, group: String) { (self.number, self.region, self.group) = (number, region, group) }
    }

    /// What is wrong, and in which line, counted from 1; line 0 is the whole text.
    package struct Fault: Error, Equatable, CustomStringConvertible {
        package let line: Int
        package let expected: String

        package var description: String { line == 0 ? "the market's terms need \(expected)" : "line \(line) of the market's terms: expected \(expected)" }
    }

    package let origin: String
    package let address: String
    package let logKey: [UInt8]
    package let sealKey: [UInt8]
    package let cashierKey: [UInt8]
    package let time: MarketTime
    package let witnesses: [Witness]
    package let buckets: [Bucket]
    package let trials: [TrialSetting: Int64]

    /// Throws what `init(_:)` would for the text of it.
    package init(
        origin: String, address: String, logKey: [UInt8], sealKey: [UInt8], cashierKey: [UInt8], time: MarketTime, witnesses: [Witness], buckets: [Bucket],
        trials: [TrialSetting: Int64] = [:]
    ) throws(Fault) {
        (self.origin, self.address, self.logKey, self.sealKey, self.cashierKey) = (origin, address, logKey, sealKey, cashierKey)
        (self.time, self.witnesses, self.buckets, self.trials) = (time, witnesses, buckets, trials)
        guard try Self(text) == self else { throw Fault(line: 0, expected: "words without spaces") }
    }

    package init(_ text: String) throws(Fault) {
        guard text.utf8.count <= Self.bytesLimit else { throw Fault(line: 0, expected: "at most \(Self.bytesLimit) bytes") }
        let lines = try Line.all(text)
        func one<Value>(_ name: String, _ expected: String, _ read: (Substring) -> Value?) throws(Fault) -> Value {
            let found = lines.filter { $0.name == name }
            guard let line = found.first else { throw Fault(line: 0, expected: "a line \"\(name) …\"") }
            guard found.count == 1 else { throw Fault(line: found[1].number, expected: "\(name) only once") }
            guard line.words.count == 1, let value = read(line.words[0]) else { throw line.fault(expected) }
            return value
        }
        origin = try one("Market", "a name of printable characters without spaces and plus") { Self.name($0, limit: 128) }
        address = try one("Address", "ADDRESS:PORT, an IP address or an onion service", Self.address)
        logKey = try one("LogKey", "an Ed25519 key: 64 hexadecimal digits", Self.signingKey)
        sealKey = try one("SealKey", "an X25519 key: 64 hexadecimal digits", Self.key)
        cashierKey = try one("CashierKey", "an Ed25519 key: 64 hexadecimal digits", Self.signingKey)
        let epoch = try one("Epoch", "seconds since 1970") { Self.number($0, 0...Self.latestEpoch) }
        let slice = try one("SliceSeconds", "\(MarketTime.leastSliceSeconds) to 86400") { Self.number($0, MarketTime.leastSliceSeconds...86_400) }
        time = MarketTime(epoch: epoch, sliceSeconds: slice)
        witnesses = try Self.witnesses(lines.filter { $0.name == "Witness" })
        buckets = try Self.buckets(lines.filter { $0.name == "Bucket" })
        trials = try Self.trials(lines.filter { $0.name == "Trial" })
    }

    /// The one form that is written.
    package var text: String {
        let head = """
            Market \(origin)
            Address \(address)
            LogKey \(Hex.lower(logKey))
            SealKey \(Hex.lower(sealKey))
            CashierKey \(Hex.lower(cashierKey))
            Epoch \(time.epoch)
            SliceSeconds \(time.sliceSeconds)

            """
        return head + witnesses.map { "Witness \($0.name) \(Hex.lower($0.key)) \($0.address)\n" }.joined()
            + buckets.map { "Bucket \($0.number) \($0.region) \($0.group)\n" }.joined()
            + TrialSetting.allCases.compactMap { setting in trials[setting].map { "Trial \(setting.rawValue) \($0)\n" } }.joined()
    }

    package var trust: LogTrust { LogTrust(origin: origin, key: logKey, witnesses: Dictionary(uniqueKeysWithValues: witnesses.map { ($0.name, $0.key) })) }

    // MARK: lines

    /// The year 2100: with it, no moment of any slice in question overflows.
    private static let latestEpoch: Int64 = 4_102_444_800

    private struct Line {
        let number: Int
        let name: Substring
        let words: [Substring]

        static let names: Set<Substring> = ["Market", "Address", "LogKey", "SealKey", "CashierKey", "Epoch", "SliceSeconds", "Witness", "Bucket", "Trial"]

        func fault(_ expected: String) -> Fault { Fault(line: number, expected: "\(name) and \(expected)") }

        static func all(_ text: String) throws(Fault) -> [Line] {
            guard text.hasSuffix("\n") else { throw Fault(line: 0, expected: "a newline at the end") }
            var lines: [Line] = []
            for (index, line) in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                let words = line.split(separator: " ", omittingEmptySubsequences: false)
                guard words.count > 1, names.contains(words[0]), words.allSatisfy({ !$0.isEmpty }) else {
                    throw Fault(line: index + 1, expected: "one of \(names.sorted().joined(separator: ", ")), and values with one space between")
                }
                lines.append(Line(number: index + 1, name: words[0], words: Array(words.dropFirst())))
            }
            return lines
        }
    }

    private static func witnesses(_ lines: [Line]) throws(Fault) -> [Witness] {
        var witnesses: [Witness] = []
        for line in lines {
            guard line.words.count == 3, let name = name(line.words[0], limit: 64), let key = signingKey(line.words[1]), let address = address(line.words[2])
            else { throw line.fault("a name, an Ed25519 key of 64 hexadecimal digits, and ADDRESS:PORT") }
            guard !witnesses.contains(where: { $0.name == name || $0.key == key }) else { throw line.fault("a name and a key of its own") }
            witnesses.append(Witness(name: name, key: key, address: address))
        }
        guard witnesses.count == witnessesCount else { throw Fault(line: 0, expected: "\(witnessesCount) witnesses, not \(witnesses.count)") }
        return witnesses
    }

    private static func buckets(_ lines: [Line]) throws(Fault) -> [Bucket] {
        var buckets: [Bucket] = []
        for line in lines {
            guard line.words.count == 3, let number = number(line.words[0], 0...Int64(bucketsLimit - 1)), let region = name(line.words[1], limit: 32),
                let group = name(line.words[2], limit: 32)
            else { throw line.fault("a number below \(bucketsLimit), a region and a group") }
            guard !buckets.contains(where: { $0.number == UInt8(number) }) else { throw line.fault("a number of its own") }
            buckets.append(Bucket(number: UInt8(number), region: region, group: group))
        }
        guard !buckets.isEmpty else { throw Fault(line: 0, expected: "a line \"Bucket …\"") }
        return buckets
    }

    private static func trials(_ lines: [Line]) throws(Fault) -> [TrialSetting: Int64] {
        var trials: [TrialSetting: Int64] = [:]
        for line in lines {
            guard line.words.count == 2, let setting = TrialSetting(rawValue: String(line.words[0])), let value = number(line.words[1], setting.range)
            else { throw line.fault("one of \(TrialSetting.allCases.map { "\($0.rawValue) with \($0.range.lowerBound) to \($0.range.upperBound)" }.joined(separator: ", "))") }
            guard trials.updateValue(value, forKey: setting) == nil else { throw line.fault("\(setting.rawValue) only once") }
        }
        return trials
    }

    private static func name(_ word: Substring, limit: Int) -> String? {
        let isFit = (1...limit).contains(word.utf8.count) && word.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "+") }
        return isFit ? String(word) : nil
    }

    private static func number(_ word: Substring, _ range: ClosedRange<Int64>) -> Int64? {
        guard let number = Int64(word), range.contains(number), String(number) == word else { return nil }
        return number
    }

    private static func key(_ word: Substring) -> [UInt8]? { word.utf8.count == 64 ? Hex.decode(word) : nil }

    private static func signingKey(_ word: Substring) -> [UInt8]? { key(word).flatMap { Ed25519.isValidPoint($0) ? $0 : nil } }

    /// An IP address, or the name of an onion service, which is 56 characters of base 32.
    private static func address(_ word: Substring) -> String? {
        if let address = SocketAddress(word) { return address.port > 0 && address.description == word ? String(word) : nil }
        let parts = word.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, number(parts[1], 1...65_535) != nil, parts[0].hasSuffix(".onion"), parts[0].utf8.count == 62,
            parts[0].utf8.prefix(56).allSatisfy({ (0x61...0x7A).contains($0) || (0x32...0x37).contains($0) })
        else { return nil }
        return String(word)
    }
}
