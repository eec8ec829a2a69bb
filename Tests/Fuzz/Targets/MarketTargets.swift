import Exchange

extension FuzzTarget {
    private static let exchange = "Cores/Exchange/"
    private static let (ledger, tokens) = (exchange + "Ledger/", exchange + "Tokens/")

    /// What wallets, motes and their owners send an exchange, and what it answers.
    static let market = [
        FuzzTarget("market-order", [ledger + "Order.swift"]) { bytes in
            checkStable(bytes) { try Order($0).bytes }
            if let order = try? Order(bytes) { precondition(order.bytes == bytes && order.core.count == 32, "an order has two encodings") }
        },
        FuzzTarget("market-offer", [ledger + "Offers.swift", ledger + "Swaps.swift", ledger + "Complaint.swift", exchange + "Clearing/SwapResult.swift", exchange + "Wallet/MoteAddress.swift"]) { bytes in
            checkStable(bytes) { try Offer($0).bytes }
            checkStable(bytes) { try SwapRequest($0).bytes }
            checkStable(bytes) { try FraudProof($0).bytes }
            checkStable(bytes) { try Complaint($0).bytes }
            if let count = ComplaintCount(bytes) { precondition(count.bytes == bytes, "a count has two encodings") }
            if let result = SwapResult(bytes) { precondition(result.bytes == bytes, "a result has two encodings") }
            if let address = MoteAddress(bytes) { precondition(MoteAddress(address.bytes) == address, "changes what it wrote itself") }
        },
        FuzzTarget("market-token", [tokens + "Token.swift", tokens + "IssuanceMessages.swift"]) { bytes in
            checkStable(bytes) { try Token($0).bytes }
            checkStable(bytes) { try TokenChallenge($0).bytes }
            checkStable(bytes) { try TokenRequest($0, isBatch: true).bytes }
            checkStable(bytes) { try TokenRequest($0, isBatch: false).bytes }
            checkStable(bytes) { try VOPRFEvaluation($0, isBatch: true).bytes(isBatch: true) }
        },
        FuzzTarget("market-reply", [ledger + "Refusal.swift"]) { bytes in
            if let reply = Reply(bytes) { precondition(Reply(reply.bytes) == reply, "an answer has two encodings") }
            _ = Padding.strip(bytes)
        },
    ]
}
