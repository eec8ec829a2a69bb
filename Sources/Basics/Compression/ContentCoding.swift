/// A form in which a document travels (RFC 9110 "Content Codings", dir-spec "Standard HTTP headers").
package enum ContentCoding: String, CaseIterable, Sendable {
    case identity
    /// zlib's format, as HTTP names it.
    case deflate
    case gzip
    case zstd = "x-zstd"

    /// By the name that HTTP headers have, in any case; `x-gzip` is an old one for `gzip`.
    package init?(httpName: some StringProtocol) {
        let name = httpName.lowercased()
        self.init(rawValue: name == "x-gzip" ? "gzip" : name)
    }

    /// How much time a packed byte is worth.
    package enum Effort: Sendable {
        /// For what is sent once.
        case quick
        /// For what is kept and sent often.
        case thorough
    }
}

/// Why packed bytes were not unpacked.
package enum CompressionError: Error, Equatable {
    /// Not a stream of the named coding.
    case corrupt
    /// The stream has no end.
    case truncated
    /// More than `limitBytes` came out.
    case tooLarge(limitBytes: Int)
    /// Too much came out of too little: no document of the protocol is so repetitive.
    case bomb
    /// The library has no memory for its state.
    case outOfMemory
}

extension ContentCoding {
    /// The whole of `bytes` in this coding; `.bomb` when it would pack so well that nobody unpacks it.
    package func pack(_ bytes: [UInt8], _ effort: Effort) throws(CompressionError) -> [UInt8] {
        guard self != .identity else { return bytes }
        var packer = try Packer(self, effort)
        let packed = try packer.write(bytes[...], isLast: true)
        guard !Unpacker.isBomb(packed.count, bytes.count) else { throw .bomb }
        return packed
    }

    /// What the whole of `bytes`, one stream or several behind one another, unpacks to: at most `limitBytes`.
    package func unpack(_ bytes: [UInt8], limitBytes: Int) throws(CompressionError) -> [UInt8] {
        var unpacker = try Unpacker(self, limitBytes: limitBytes)
        let plain = try unpacker.write(bytes[...])
        try unpacker.finish()
        return plain
    }
}
