import MarketLine

extension FuzzTarget {
    private static let line = "Shells/MarketLine/"

    /// What strangers ask an exchange, and what an exchange's clients are told.
    static let marketLine = [
        FuzzTarget("market-question", ["RequestReader", "MarketPath"].map { line + $0 + ".swift" }) { bytes in
            var whole = RequestReader(), pieces = RequestReader(), again: MarketRequest?
            guard let request = try? whole.receive(bytes) else { return }
            for piece in halves(bytes) where again == nil { again = try? pieces.receive(piece) }
            precondition(request.body.count <= request.path.bodyLimitBytes, "takes more than its path may have")
            precondition(again == request, "depends on how its bytes are split")
            precondition(MarketPath(request.path.text) == request.path, "refuses the path that it wrote itself")
        },
        FuzzTarget("market-answer", ["OrderLetter", "PublishedList"].map { line + $0 + ".swift" }) { bytes in
            if let receipt = OrderReceipt(bytes) { precondition(receipt.bytes == bytes, "changes what it reads") }
            // An answer is long: what was said of it first, and zeros.
            let padded = bytes + [UInt8](repeating: 0, count: max(0, AnswerLetter.bytesCount - bytes.count))
            if let letter = AnswerLetter(padded) { precondition(letter.bytes == padded, "changes what it reads") }
            if let items = PublishedList.decode(bytes) { precondition(PublishedList.encode(items) == bytes, "changes what it reads") }
        },
    ]
}
