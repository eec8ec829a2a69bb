internal import Onion
internal import Sealing

/// Where the parts of a decrypted relay message lie in its cell body.
struct RelayHeader {
    let command: UInt8
    let stream: UInt16
    let dataOffset: Int
    let count: Int
}

// SAFETY: every body is valid for the 509 bytes of `CellLayout.bodyBytes`, and no offset here reaches beyond.
extension UnsafeMutablePointer<UInt8> {
    @inline(__always)
    private func number(_ offset: Int) -> Int { Int(self[offset]) << 8 | Int(self[offset + 1]) }

    @inline(__always)
    private func put(_ value: Int, _ offset: Int) {
        self[offset] = UInt8(truncatingIfNeeded: value >> 8)
        self[offset + 1] = UInt8(truncatingIfNeeded: value)
    }

    /// Reads the header of a message; `nil` when it breaks the protocol: a length beyond the body, in v1 also an unknown command, or no stream
    /// where there must be one (tor-spec "Relay cells").
    @inline(__always)
    func relayHeader(_ format: RelayFormat) -> RelayHeader? {
        guard format == .v1 else {
            let count = number(CellLayout.relayLengthOffset)
            guard count <= CellLayout.relayDataBytes else { return nil }
            let stream = UInt16(truncatingIfNeeded: number(CellLayout.relayStreamOffset))
            return RelayHeader(command: self[CellLayout.relayCommandOffset], stream: stream, dataOffset: CellLayout.relayDataOffset, count: count)
        }
        let command = self[CellLayout.relayCommandOffsetV1]
        let count = number(CellLayout.relayLengthOffsetV1)
        guard RelayFormat.isKnown(command), count <= format.dataLimitBytes(command) else { return nil }
        guard RelayFormat.hasStream(command) else { return RelayHeader(command: command, stream: 0, dataOffset: CellLayout.relayStreamOffsetV1, count: count) }
        let stream = UInt16(truncatingIfNeeded: number(CellLayout.relayStreamOffsetV1))
        return stream == 0 ? nil : RelayHeader(command: command, stream: stream, dataOffset: CellLayout.relayDataOffsetV1, count: count)
    }

    /// Lays out one relay message of at most `format.dataLimitBytes`: header, data, four zero bytes, then random padding, which makes the tag of
    /// every cell unpredictable (tor-spec "Relay cells", needed by authenticated SENDMEs). What the crypto fills in is left for it.
    @inline(__always)
    func layOutRelayMessage(
        _ format: RelayFormat, _ command: UInt8, stream: UInt16, _ data: UnsafePointer<UInt8>?, _ count: Int, padding: PaddingStream
    ) {
        let start = format == .v0 ? layOutHeaderV0(command, stream, count) : layOutHeaderV1(command, stream, count)
        let content = self + start
        if let data, count > 0 { content.update(from: data, count: count) }
        let left = CellLayout.bodyBytes - start - count
        let zeros = Swift.min(4, left)
        (content + count).update(repeating: 0, count: zeros)
        padding.fill(content + count + zeros, count: left - zeros)
    }

    /// Where the data goes.
    @inline(__always)
    private func layOutHeaderV0(_ command: UInt8, _ stream: UInt16, _ count: Int) -> Int {
        self[CellLayout.relayCommandOffset] = command
        put(0, CellLayout.relayRecognizedOffset)
        put(Int(stream), CellLayout.relayStreamOffset)
        put(count, CellLayout.relayLengthOffset)
        return CellLayout.relayDataOffset
    }

    @inline(__always)
    private func layOutHeaderV1(_ command: UInt8, _ stream: UInt16, _ count: Int) -> Int {
        self[CellLayout.relayCommandOffsetV1] = command
        put(count, CellLayout.relayLengthOffsetV1)
        guard RelayFormat.hasStream(command) else { return CellLayout.relayStreamOffsetV1 }
        put(Int(stream), CellLayout.relayStreamOffsetV1)
        return CellLayout.relayDataOffsetV1
    }
}
