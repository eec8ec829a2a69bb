/// What a relay message is (tor-spec "Relay cells").
package enum RelayCommand {
    package static let begin: UInt8 = 1
    package static let data: UInt8 = 2
    package static let end: UInt8 = 3
    package static let connected: UInt8 = 4
    package static let sendme: UInt8 = 5
    package static let extend: UInt8 = 6
    package static let extended: UInt8 = 7
    package static let truncate: UInt8 = 8
    package static let truncated: UInt8 = 9
    package static let drop: UInt8 = 10
    package static let resolve: UInt8 = 11
    package static let resolved: UInt8 = 12
    package static let beginDir: UInt8 = 13
    package static let extend2: UInt8 = 14
    package static let extended2: UInt8 = 15
    package static let confluxLink: UInt8 = 19
    package static let confluxLinked: UInt8 = 20
    package static let confluxLinkedAck: UInt8 = 21
    package static let confluxSwitch: UInt8 = 22
    package static let establishIntro: UInt8 = 32
    package static let establishRendezvous: UInt8 = 33
    package static let introduce1: UInt8 = 34
    package static let introduce2: UInt8 = 35
    package static let rendezvous1: UInt8 = 36
    package static let rendezvous2: UInt8 = 37
    package static let introEstablished: UInt8 = 38
    package static let rendezvousEstablished: UInt8 = 39
    package static let introduceAck: UInt8 = 40
    package static let paddingNegotiate: UInt8 = 41
    package static let paddingNegotiated: UInt8 = 42
    package static let xoff: UInt8 = 43
    package static let xon: UInt8 = 44
}
