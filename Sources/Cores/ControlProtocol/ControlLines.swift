/// Cuts what a controller sends into commands (control-spec.txt 2.2): one line each, or, when the line begins with `+`, with a body
/// that ends in a line of one dot.
package struct ControlLines: Sendable {
    /// A command, body included, may be so long; stock allows a line of a mebibyte.
    package static let commandLimitBytes = 1 << 20
    /// Before authentication: no cookie, nonce or password is longer.
    package static let introductionLimitBytes = 4096

    /// What a command may take now.
    package var limitBytes = Self.introductionLimitBytes
    private var bytes: [UInt8] = []
    /// Bytes before it are taken.
    private var start = 0
    /// Bytes before it hold no end of a line that was not looked at.
    private var scanned = 0
    private var unfinished: (head: String, body: [String])?
    private var unfinishedBytes = 0

    package init() {}

    package mutating func receive(_ more: [UInt8]) {
        if start > 0 {
            bytes.removeFirst(start)
            scanned -= start
            start = 0
        }
        bytes += more
    }

    /// The next whole command, `nil` while there is none. Empty lines are commands without a keyword.
    package mutating func next() throws(ControlRefusal) -> ControlCommand? {
        while let line = nextLine() {
            unfinishedBytes += line.utf8.count
            guard unfinishedBytes <= limitBytes else { throw .tooLong }
            if let command = take(line) {
                unfinishedBytes = 0
                return command
            }
        }
        guard bytes.count - start <= limitBytes else { throw .tooLong }
        return nil
    }

    private mutating func take(_ line: String) -> ControlCommand? {
        guard let head = unfinished?.head else {
            guard line.hasPrefix("+") else { return ControlCommand(line) }
            unfinished = (String(line.dropFirst()), [])
            return nil
        }
        guard line != "." else {
            let body = unfinished?.body ?? []
            unfinished = nil
            return ControlCommand(head, body: body.map { $0 + "\n" }.joined())
        }
        unfinished?.body.append(line.hasPrefix(".") ? String(line.dropFirst()) : line)
        return nil
    }

    private mutating func nextLine() -> String? {
        guard let end = bytes[scanned...].firstIndex(of: 0x0A) else {
            scanned = bytes.count
            return nil
        }
        let line = bytes[start..<end]
        start = end + 1
        scanned = start
        return String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self)
    }
}

/// One command of a controller, taken apart no further than keyword and rest.
package struct ControlCommand: Equatable, Sendable {
    /// Upper case.
    package let keyword: String
    /// Without leading blanks.
    package let arguments: String
    /// What stood between a `+` line and its dot.
    package let body: String?

    package init(_ line: String, body: String? = nil) {
        let text = Substring(line).drop { $0 == " " }
        let end = text.firstIndex { $0 == " " || $0 == "\t" } ?? text.endIndex
        keyword = text[..<end].uppercased()
        arguments = String(text[end...].drop { $0 == " " || $0 == "\t" })
        self.body = body
    }

    package var words: [Substring] { arguments.split { $0 == " " || $0 == "\t" } }
}

/// Why a command is not carried out, as the controller is told (control-spec.txt 4).
package struct ControlRefusal: Error, Equatable {
    package let code: Int
    package let reason: String

    package init(_ code: Int, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    package static let tooLong = ControlRefusal(500, "Line too long.")
    package static func syntax(_ reason: String) -> ControlRefusal { ControlRefusal(512, reason) }
}
