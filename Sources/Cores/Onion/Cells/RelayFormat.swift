package import Sealing

/// How a relay message lies in the 509 bytes of a cell body (tor-spec "Relay cells"; offsets are in `CellLayout`).
package enum RelayFormat: Sendable {
    /// With tor1: command 1, recognized 2, stream 2, digest 4, length 2, data.
    case v0
    /// With Counter Galois Onion: tag 16, command 1, length 2, stream 2 where the command has one, data.
    case v1

    package init(_ crypto: RelayCrypto) { self = crypto == .tor1 ? .v0 : .v1 }

    /// The most that a DATA message carries.
    @inline(__always)
    package var streamDataBytes: Int { self == .v0 ? CellLayout.relayDataBytes : CellLayout.relayDataBytesV1 }

    /// The most that a message of this kind carries.
    @inline(__always)
    package func dataLimitBytes(_ command: UInt8) -> Int {
        self == .v1 && !Self.hasStream(command) ? CellLayout.relayDataBytesV1 + 2 : streamDataBytes
    }

    /// Whether a message of this kind names a stream in v1.
    @inline(__always)
    package static func hasStream(_ command: UInt8) -> Bool {
        switch command {
        case RelayCommand.begin, RelayCommand.data, RelayCommand.end, RelayCommand.connected, RelayCommand.resolve, RelayCommand.resolved,
            RelayCommand.beginDir, RelayCommand.xoff, RelayCommand.xon:
            true
        default: false
        }
    }

    /// Whether v1 may carry such a message; the circuit of another is closed.
    @inline(__always)
    package static func isKnown(_ command: UInt8) -> Bool {
        switch command {
        case RelayCommand.begin...RelayCommand.extended2, RelayCommand.confluxLink...RelayCommand.confluxSwitch,
            RelayCommand.establishIntro...RelayCommand.xon:
            true
        default: false
        }
    }
}
