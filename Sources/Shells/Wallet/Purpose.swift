internal import Bytes
internal import Exchange

/// What an order is for, as the wallet writes it down.
extension Intent.Purpose {
    var text: String {
        switch self {
        case .pack(let receipt): "pack \(Hex.lower(receipt))"
        case .purchase(let id): "purchase \(id)"
        case .change: "change"
        case .roll: "roll"
        case .refund: "refund"
        case .deposit(let lot): "deposit \(lot)"
        case .permit(let lot): "permit \(lot)"
        case .unstake(let lot): "unstake \(lot)"
        case .right(let lot): "right \(lot)"
        case .barter(let bucket): "barter \(bucket)"
        case .proof: "proof"
        }
    }

    init?(_ text: String) {
        let words = text.split(separator: " "), number = words.count == 2 ? Int64(words[1]) : nil
        switch (words.first, number) {
        case ("pack", _):
            guard words.count == 2, let receipt = Hex.decode(words[1]) else { return nil }
            self = .pack(receipt)
        case ("purchase", let id?): self = .purchase(id)
        case ("change", _): self = .change
        case ("roll", _): self = .roll
        case ("refund", _): self = .refund
        case ("deposit", let lot?): self = .deposit(lot)
        case ("permit", let lot?): self = .permit(lot)
        case ("unstake", let lot?): self = .unstake(lot)
        case ("right", let lot?): self = .right(lot)
        case ("barter", let bucket?): self = .barter(bucket)
        case ("proof", _): self = .proof
        default: return nil
        }
    }
}
