import Onion

extension FuzzTarget {
    private static func message(_ name: String, _ file: String, in folder: String = "Messages", _ reencode: @escaping @Sendable ([UInt8]) throws -> [UInt8]) -> FuzzTarget {
        FuzzTarget(name, ["Cores/Onion/\(folder)/\(file).swift"]) { checkStable($0, reencode) }
    }

    /// Bodies of channel commands and relay messages.
    static let messages = [
        message("netinfo", "NetinfoMessage") { try NetinfoMessage($0).encoded },
        message("padding-negotiate", "PaddingNegotiateMessage") { try PaddingNegotiateMessage($0).encoded },
        message("create2", "CreateMessages") { try Create2Message($0).encoded },
        message("created2", "CreateMessages") { try Created2Message($0).encoded },
        message("extend2", "Extend2Message") { try Extend2Message($0).encoded },
        message("begin", "BeginMessage") { try BeginMessage($0).encoded },
        message("connected", "ConnectedMessage") { try ConnectedMessage($0).encoded },
        message("end", "EndMessage") { try EndMessage($0).encoded },
        message("resolve", "ResolveMessages") { try ResolveMessage($0).encoded },
        message("resolved", "ResolveMessages") { try ResolvedMessage($0).encoded },
        message("sendme", "SendmeMessage") { try SendmeMessage($0).encoded },
        message("xoff", "XonXoffMessages") { try XoffMessage($0).encoded },
        message("xon", "XonXoffMessages") { try XonMessage($0).encoded },
        message("conflux-link", "ConfluxMessages", in: "Conflux") { try ConfluxLinkMessage($0).encoded },
        message("conflux-switch", "ConfluxMessages", in: "Conflux") { try ConfluxSwitchMessage($0).encoded },
        message("circuit-padding-request", "CircuitPaddingMessages", in: "Padding") { try CircuitPaddingRequest($0).encoded },
        message("circuit-padding-answer", "CircuitPaddingMessages", in: "Padding") { try CircuitPaddingAnswer($0).encoded },
        FuzzTarget("destroy-reason", ["Cores/Onion/Circuits/DestroyReason.swift"]) { _ = DestroyReason(body: $0) },
    ]
}
