/// Unpacks streams of one coding, piece by piece, and refuses to let a peer choose how much memory or time that takes.
///
/// The bounds hold over all streams that stand behind one another, not for each of them.
package struct Unpacker: ~Copyable {
    /// More out than this many times what went in is a bomb (stock's factor: no document packs better) …
    package static let factorLimit = 25
    /// … once this much has come out.
    package static let bombFreeBytes = 64 << 10
    /// Streams behind one another at most; directories send one.
    package static let streamLimit = 64

    private let limitBytes: Int
    /// `nil` for the identity.
    private let stream: CodingStream?
    private var bytesIn = 0
    private var bytesOut = 0
    private var ended = 0
    private var isInside = false

    /// `limitBytes` bounds what comes out in all.
    package init(_ coding: ContentCoding, limitBytes: Int) throws(CompressionError) {
        self.limitBytes = limitBytes
        stream = coding == .identity ? nil : try CodingStream(coding, effort: nil)
    }

    /// What the next bytes unpack to.
    package mutating func write(_ bytes: ArraySlice<UInt8>) throws(CompressionError) -> [UInt8] {
        bytesIn += bytes.count
        guard let stream else {
            try count(bytes.count)
            return Array(bytes)
        }
        var rest = bytes
        var plain: [UInt8] = []
        while true {
            if !isInside {
                guard !rest.isEmpty else { return plain }
                try begin(stream)
            }
            let step = try stream.run(rest, isLast: false)
            rest = rest.dropFirst(step.consumed)
            try count(step.produced)
            plain += stream.chunk.prefix(step.produced)
            if step.isEnd {
                isInside = false
                ended += 1
            } else if step.produced < stream.chunk.count {
                guard rest.isEmpty || step.consumed > 0 || step.produced > 0 else { throw .corrupt }
                if rest.isEmpty { return plain }
            }
        }
    }

    /// No more bytes come: an open stream, or none at all, is an error.
    package mutating func finish() throws(CompressionError) {
        guard stream == nil || ended > 0 && !isInside else { throw .truncated }
    }

    private mutating func begin(_ stream: CodingStream) throws(CompressionError) {
        guard ended < Self.streamLimit else { throw .corrupt }
        if ended > 0 { try stream.reset() }
        isInside = true
    }

    private mutating func count(_ produced: Int) throws(CompressionError) {
        bytesOut += produced
        guard bytesOut <= limitBytes else { throw .tooLarge(limitBytes: limitBytes) }
        guard !Self.isBomb(bytesIn, bytesOut) else { throw .bomb }
    }

    static func isBomb(_ packed: Int, _ plain: Int) -> Bool { plain > bombFreeBytes && plain / factorLimit > packed }
}
