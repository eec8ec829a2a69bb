/// Text in quotes (RFC 5322, section 3.2.4), where a backslash stands before what is meant as it is.
enum QuotedString {
    /// From the quote at `index` on, which moves behind the closing one, or to the end where there is none.
    static func read(_ bytes: [UInt8], _ index: inout Int) -> [UInt8] {
        var text: [UInt8] = []
        index += 1
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            if bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.count { index += 1 }
            text.append(bytes[index])
            index += 1
        }
        index += 1
        return text
    }
}
