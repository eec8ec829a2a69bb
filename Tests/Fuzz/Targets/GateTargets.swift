import Exchange

extension FuzzTarget {
    private static let folder = "Cores/Exchange/Mote/"

    /// What clients and motes say at a gate, and the files between them and wallets.
    static let gates = [
        FuzzTarget("gate-question", [folder + "GateMessages.swift"]) { checkStable($0) { try GateQuestion($0).bytes } },
        FuzzTarget("gate-answer", [folder + "GateMessages.swift"]) { checkStable($0) { try GateAnswer($0).bytes } },
        FuzzTarget("ticket", [folder + "Ticket.swift"]) { checkStable($0) { try Ticket($0).bytes } },
        FuzzTarget("spends", [folder + "SpendRecord.swift"]) { checkStable($0) { SpendRecord.all(in: $0).flatMap(\.bytes) } },
        FuzzTarget("mote-offer", [folder + "MoteOffer.swift"]) { checkStable($0) { Array(try MoteOffer(String(decoding: $0, as: UTF8.self)).text.utf8) } },
    ]
}
