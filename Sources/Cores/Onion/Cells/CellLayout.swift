/// Sizes and offsets of cells on links of version 4 and 5, in bytes (tor-spec "Cell packet format" and "Relay cells").
package enum CellLayout {
    /// A whole fixed-length cell: circuit id 4, command 1, body 509.
    package static let fixedBytes = 514
    package static let bodyBytes = 509
    /// Circuit id and command, before the body of a fixed-length cell.
    package static let headerBytes = 5
    /// Circuit id, command and length, before the body of a variable-length cell.
    package static let variableHeaderBytes = 7
    /// The same while no link version is agreed: the circuit id has two bytes there.
    package static let versionsHeaderBytes = 5
    /// The longest variable-length body we take. The protocol could say 65,535; nothing real comes near this bound.
    package static let variableLimitBytes = 16_384

    /// Relay header inside the body: command 1, recognized 2, stream 2, digest 4, length 2.
    package static let relayHeaderBytes = 11
    package static let relayDataBytes = 498
    package static let relayCommandOffset = 0
    package static let relayRecognizedOffset = 1
    package static let relayStreamOffset = 3
    package static let relayDigestOffset = 5
    package static let relayLengthOffset = 9
    package static let relayDataOffset = 11

    /// The same in v1, where data begins behind the length in messages that name no stream.
    package static let relayDataBytesV1 = 488
    package static let relayTagBytesV1 = 16
    package static let relayCommandOffsetV1 = 16
    package static let relayLengthOffsetV1 = 17
    package static let relayStreamOffsetV1 = 19
    package static let relayDataOffsetV1 = 21

    /// RELAY_EARLY cells that one circuit may carry (tor-spec "EXTEND and EXTENDED cells").
    package static let relayEarlyLimit = 8
}
