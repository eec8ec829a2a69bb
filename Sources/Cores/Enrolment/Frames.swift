internal import Bytes
internal import Sealing

/// Messages on the TLS connection: four bytes of length, one of kind, then the body.
enum Frames {
    /// The longest body and kind in bytes.
    static let limitBytes = 64 << 10

    static func frame(_ kind: UInt8, _ body: [UInt8] = []) -> [UInt8] {
        precondition(body.count < limitBytes, "our own messages fit a frame")
        var writer = ByteWriter(capacity: body.count + 5)
        writer.u32(UInt32(body.count + 1))
        writer.u8(kind)
        writer.append(body)
        return writer.bytes
    }
}

/// Cuts received bytes into frames. What it holds is less than one frame.
struct FrameReader {
    private var pending: [UInt8] = []

    mutating func take(_ bytes: [UInt8]) throws(EnrolmentError) -> [(kind: UInt8, body: [UInt8])] {
        pending += bytes
        var frames: [(kind: UInt8, body: [UInt8])] = []
        var start = 0
        while pending.count - start >= 4 {
            let length = pending[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
            guard length >= 1 else { throw .malformed }
            guard length <= Frames.limitBytes else { throw .oversized }
            guard pending.count - start >= 4 + length else { break }
            frames.append((pending[start + 4], Array(pending[(start + 5)..<(start + 4 + length)])))
            start += 4 + length
        }
        pending.removeFirst(start)
        return frames
    }

    /// Forgets what is held, which may be part of a secret.
    mutating func wipe() {
        pending.wipe()
        pending = []
    }
}
