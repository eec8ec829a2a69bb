internal import Ambience
internal import ControlProtocol
internal import DirectoryService

/// What a relay finds out about itself, as controllers are told (control-spec.txt 4.1.10, STATUS_SERVER).
enum RelayEvent {
    case checksReachability(SocketAddress)
    case isReachable(SocketAddress)
    case descriptorMade
    case descriptorAccepted(by: DirectorySource)
    case descriptorRefused(by: DirectorySource, String)
    case namesAreHijacked

    var controlText: String {
        switch self {
        case .checksReachability(let address): "NOTICE CHECKING_REACHABILITY ORADDRESS=\(address)"
        case .isReachable(let address): "NOTICE REACHABILITY_SUCCEEDED ORADDRESS=\(address)"
        case .descriptorMade: ""
        case .descriptorAccepted(let authority): "NOTICE ACCEPTED_SERVER_DESCRIPTOR DIRAUTH=\(Self.address(authority))"
        case .descriptorRefused(let authority, let reason): "WARN BAD_SERVER_DESCRIPTOR DIRAUTH=\(Self.address(authority)) REASON=\(ControlText.quoted(reason))"
        case .namesAreHijacked: "NOTICE DNS_HIJACKED"
        }
    }

    private static func address(_ authority: DirectorySource) -> String { authority.addresses.first.map { "\($0)" } ?? authority.nickname }
}
