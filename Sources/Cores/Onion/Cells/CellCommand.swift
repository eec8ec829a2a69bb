/// What a cell is (tor-spec "Cell packet format").
package enum CellCommand {
    package static let padding: UInt8 = 0
    package static let create: UInt8 = 1
    package static let created: UInt8 = 2
    package static let relay: UInt8 = 3
    package static let destroy: UInt8 = 4
    package static let createFast: UInt8 = 5
    package static let createdFast: UInt8 = 6
    package static let versions: UInt8 = 7
    package static let netinfo: UInt8 = 8
    package static let relayEarly: UInt8 = 9
    package static let create2: UInt8 = 10
    package static let created2: UInt8 = 11
    package static let paddingNegotiate: UInt8 = 12
    package static let vpadding: UInt8 = 128
    package static let certs: UInt8 = 129
    package static let authChallenge: UInt8 = 130
    package static let authenticate: UInt8 = 131
    package static let authorize: UInt8 = 132

    /// Whether the cell carries its own length: VERSIONS and everything from 128 on.
    @inline(__always)
    package static func isVariableLength(_ command: UInt8) -> Bool { command == versions || command >= 128 }
}
