/// How bodies are written in seven bits (RFC 2045, sections 6.7 and 6.8): read leniently, written in one way.
enum TransferEncoding {
    static let lineBytes = 76

    /// - Throws: for an encoding that nobody has heard of.
    static func decode(_ body: ArraySlice<UInt8>, _ name: String) throws(SMTPReply) -> [UInt8] {
        switch name.asciiLowercased {
        case "", "7bit", "8bit", "binary": Array(body)
        case "quoted-printable": quoted(body)
        case "base64": base64(body)
        default: throw SMTPReply(554, "5.6.1", "a part of the letter is encoded in a way that is not known here")
        }
    }

    /// What is no digit is passed over.
    static func base64(_ body: ArraySlice<UInt8>) -> [UInt8] {
        var out: [UInt8] = [], buffer: UInt32 = 0, bits: UInt32 = 0
        out.reserveCapacity(body.count / 4 * 3 + 3)
        for byte in body {
            let value = values[Int(byte)]
            if value == 255 {
                if byte == 0x3D { break }
                continue
            }
            buffer = buffer << 6 | UInt32(value)
            bits += 6
            guard bits >= 8 else { continue }
            bits -= 8
            out.append(UInt8(truncatingIfNeeded: buffer >> bits))
        }
        return out
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 255, count: 256)
        for (value, character) in alphabet.enumerated() { table[Int(character)] = UInt8(value) }
        return table
    }()

    /// In lines of 76.
    static func base64Lines(_ bytes: [UInt8], into out: inout [UInt8]) {
        out.reserveCapacity(out.count + bytes.count / 57 * 78 + 80)
        let alphabet = alphabet
        var index = 0
        while index < bytes.count {
            let end = min(index + 57, bytes.count)
            while index + 3 <= end {
                let group = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2])
                for shift in [18, 12, 6, 0] as [UInt32] { out.append(alphabet[Int(group >> shift & 63)]) }
                index += 3
            }
            if index < end { tail(bytes[index..<end], &out); index = end }
            out += [13, 10]
        }
    }

    private static func tail(_ bytes: ArraySlice<UInt8>, _ out: inout [UInt8]) {
        let first = UInt32(bytes[bytes.startIndex]) << 16, group = bytes.count > 1 ? first | UInt32(bytes[bytes.startIndex + 1]) << 8 : first
        out += [alphabet[Int(group >> 18 & 63)], alphabet[Int(group >> 12 & 63)], bytes.count > 1 ? alphabet[Int(group >> 6 & 63)] : 0x3D, 0x3D]
    }

    /// A broken escape stands for itself.
    static func quoted(_ body: ArraySlice<UInt8>) -> [UInt8] {
        var out: [UInt8] = [], rest = body
        out.reserveCapacity(body.count)
        while let (line, after) = HeaderFields.line(rest) {
            var line = line
            while let last = line.last, last == 0x20 || last == 0x09 { line = line.dropLast() }
            let isSoft = line.last == 0x3D
            unescape(isSoft ? line.dropLast() : line, &out)
            if !isSoft, rest[after.startIndex - 1] == 10 { out += [13, 10] }
            rest = after
        }
        return out
    }

    private static func unescape(_ line: ArraySlice<UInt8>, _ out: inout [UInt8]) {
        var index = line.startIndex
        while index < line.endIndex {
            if line[index] == 0x3D, index + 2 < line.endIndex, let high = digit(line[index + 1]), let low = digit(line[index + 2]) {
                out.append(high << 4 | low)
                index += 3
            } else {
                out.append(line[index])
                index += 1
            }
        }
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }

    /// Of lines that end in CR LF.
    static func quotedLines(_ text: [UInt8], into out: inout [UInt8]) {
        let hexadecimal = Array("0123456789ABCDEF".utf8)
        out.reserveCapacity(out.count + text.count + text.count / 32)
        var rest = text[...]
        while let (line, after) = HeaderFields.line(rest) {
            var column = 0
            for index in line.indices {
                let byte = line[index], isLast = index == line.endIndex - 1
                let isPlain = (byte > 0x20 && byte < 0x7F && byte != 0x3D) || ((byte == 0x20 || byte == 0x09) && !isLast)
                if column + (isPlain ? 1 : 3) > lineBytes - (isLast ? 0 : 1) {
                    out += [0x3D, 13, 10]
                    column = 0
                }
                if isPlain { out.append(byte) } else { out += [0x3D, hexadecimal[Int(byte >> 4)], hexadecimal[Int(byte & 15)]] }
                column += isPlain ? 1 : 3
            }
            out += [13, 10]
            rest = after
        }
    }
}
