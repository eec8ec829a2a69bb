/// Packs one stream, piece by piece.
package struct Packer: ~Copyable {
    private let stream: CodingStream

    /// `coding` must not be the identity, which has no stream.
    package init(_ coding: ContentCoding, _ effort: ContentCoding.Effort) throws(CompressionError) {
        stream = try CodingStream(coding, effort: effort)
    }

    /// The packed bytes that are ready; the library may keep some until the piece that `isLast`.
    package mutating func write(_ bytes: ArraySlice<UInt8>, isLast: Bool) throws(CompressionError) -> [UInt8] {
        var rest = bytes
        var packed: [UInt8] = []
        while true {
            let step = try stream.run(rest, isLast: isLast)
            rest = rest.dropFirst(step.consumed)
            packed += stream.chunk.prefix(step.produced)
            if isLast ? step.isEnd : rest.isEmpty { return packed }
        }
    }
}
