internal import Bytes
internal import Sealing

/// Writes a letter's parts in the one way in which all letters are written here.
struct LetterWriter {
    private let id: LetterID
    private let keepsNames: Bool
    private var groups = 0
    private var files = 0
    private(set) var bytes: [UInt8] = []

    init(id: LetterID, keepsNames: Bool) { (self.id, self.keepsNames) = (id, keepsNames) }

    mutating func add(_ text: String) { bytes += text.utf8 }

    /// Header fields of the part, an empty line, and its body.
    mutating func write(_ part: LetterPart) {
        switch part {
        case .text(let subtype, let lines, let parameters): write(subtype, lines, parameters)
        case .file(let file): write(file, isShown: false)
        case .group(let subtype, let parts, let parameters): write(subtype, parts, parameters)
        }
    }

    private mutating func write(_ subtype: String, _ lines: [UInt8], _ parameters: [(name: String, value: String)]) {
        add("Content-Type: text/\(subtype); charset=utf-8\(Self.written(parameters))\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
        TransferEncoding.quotedLines(lines, into: &bytes)
    }

    private mutating func write(_ file: LetterPart.File, isShown: Bool) {
        files += 1
        add("Content-Type: \(file.type)\(Self.written(file.parameters))\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: \(isShown ? "inline" : "attachment")")
        add(";\r\n \(name(of: file))\r\n")
        if isShown { add("Content-ID: <\(shownID(files))>\r\n") }
        add("\r\n")
        TransferEncoding.base64Lines(file.bytes, into: &bytes)
    }

    private mutating func write(_ subtype: String, _ parts: [LetterPart], _ parameters: [(name: String, value: String)]) {
        groups += 1
        let boundary = "=_" + mark("boundary \(groups)")
        add("Content-Type: multipart/\(subtype);\(Self.written(parameters).dropFirst())\(parameters.isEmpty ? "" : ";")\r\n boundary=\"\(boundary)\"\r\n\r\n")
        for part in subtype == "related" ? renamed(parts) : parts {
            add("--\(boundary)\r\n")
            if subtype == "related", case .file(let file) = part { write(file, isShown: file.contentID != nil) } else { write(part) }
        }
        add("--\(boundary)--\r\n")
    }

    /// HTML names the pictures beside it by ids that its program made.
    private func renamed(_ parts: [LetterPart]) -> [LetterPart] {
        var names: [(String, String)] = [], number = files
        for case .file(let file) in parts {
            number += 1
            if let id = file.contentID, !id.isEmpty { names.append((id, shownID(number))) }
        }
        return parts.map { part in
            guard case .text("html", let lines, let parameters) = part else { return part }
            let text = names.reduce(String(decoding: lines, as: UTF8.self)) { $0.replacing("cid:\($1.0)", with: "cid:\($1.1)") }
            return .text(subtype: "html", Array(text.utf8), parameters: parameters)
        }
    }

    private func shownID(_ number: Int) -> String { mark("shown \(number)") + "@mail.invalid" }

    /// Thirty-two hexadecimal digits that mean nothing to anybody.
    func mark(_ purpose: String) -> String { Hex.lower(Digest.sha256(id.bytes + Array(purpose.utf8)).prefix(16)) }

    /// What a file is called says much; what it is can be seen from the end of its name.
    private func name(of file: LetterPart.File) -> String {
        let name = file.name ?? ""
        if keepsNames, !name.isEmpty {
            let kept = String(String.UnicodeScalarView(name.unicodeScalars.filter { $0.value >= 0x20 && $0 != "/" && $0 != "\\" && $0 != "\"" && $0.value != 0x7F }.prefix(100)))
            return kept.utf8.allSatisfy { $0 < 0x80 } ? "filename=\"\(kept)\"" : "filename*=utf-8''" + kept.utf8.map(Self.percentEncoded).joined()
        }
        let ending = name.split(separator: ".", omittingEmptySubsequences: false).dropFirst().last.map { String($0).asciiLowercased } ?? ""
        let isUsual = (1...8).contains(ending.utf8.count) && ending.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) }
        return "filename=\"\(files)\(isUsual ? ".\(ending)" : "")\""
    }

    private static func percentEncoded(_ byte: UInt8) -> String {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: String(UnicodeScalar(byte))
        default: "%" + Hex.upper([byte])
        }
    }

    private static func written(_ parameters: [(name: String, value: String)]) -> String {
        parameters.map { "; \($0.name)=\"\($0.value)\"" }.joined()
    }
}
