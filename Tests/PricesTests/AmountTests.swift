import Prices
import Testing

@Suite struct AmountTests {
    @Test("An amount is what its digits say, to the last decimal", arguments: ["0", "12", "0.0042", "0.000001666675", "999999999999999.999999999999999999"])
    func digits(text: String) throws {
        #expect(try #require(Amount(text)).description == text)
    }

    @Test("What is no plain decimal is no amount", arguments: ["", ".", "1.", ".5", "-1", "1e3", "1,5", "1.2.3", "٣", "1000000000000000", "0.0000000000000000001"])
    func noise(text: String) {
        #expect(Amount(text) == nil)
    }

    @Test("Products are exact where a decimal can say them, and rounded half up where none can")
    func products() throws {
        let price = try #require(Amount("0.0464"))
        #expect(price.times(900, over: 3600).description == "0.0116")
        #expect(try #require(Amount("0.0000133334")) * #require(Amount("0.125")) == Amount("0.000001666675"))
        #expect(Amount(2).times(1, over: 3).description == "0.666666666666666667")
        #expect(Amount(1) / Amount(3) == Amount("0.333333333333333333"))
    }

    @Test("Cents go to the nearest with halves up, or up whatever is above", arguments: [
        ("0.136", 14, 14), ("0.113", 11, 12), ("0.135", 14, 14), ("0.1349", 13, 14), ("0.13", 13, 13), ("0", 0, 0), ("0.000000000000000001", 0, 1),
    ] as [(String, Int64, Int64)])
    func cents(text: String, nearest: Int64, up: Int64) throws {
        let amount = try #require(Amount(text))
        #expect(amount.cents() == nearest)
        #expect(amount.cents(.up) == up)
    }

    @Test("What is too large stays the largest amount, and a difference never falls below nothing")
    func bounds() throws {
        let large = try #require(Amount("999999999999999"))
        let largest = large * large
        #expect(largest * large == largest)
        #expect(largest + largest == largest)
        #expect(largest / Amount.zero == largest)
        #expect(largest.times(1, over: 1) == largest)
        #expect(largest.rounded(.up) >= largest.rounded(.nearest))
        #expect(Amount(1) - Amount(2) == .zero)
        #expect(Amount(-1) == .zero)
    }

    @Test("Text has as many decimals as asked for")
    func text() throws {
        #expect(try #require(Amount("0.0092")).text(decimals: 4) == "0.0092")
        #expect(try #require(Amount("0.0092")).text(decimals: 2) == "0.01")
        #expect(Amount(7).text(decimals: 2) == "7.00")
        #expect(Amount(7).text(decimals: 0) == "7")
    }

    @Test("A budget promises no more than its ceiling, in each currency by itself")
    func budget() throws {
        let dollar = try #require(Currency(rawValue: "USD")), euro = try #require(Currency(rawValue: "EUR"))
        var budget = Budget(ceilings: [dollar: Amount(1)])
        let kept = [
            budget.promise(try #require(Amount("0.6")), dollar), budget.promise(try #require(Amount("0.400000000000000001")), dollar),
            budget.promise(try #require(Amount("0.4")), dollar), budget.promise(.zero, euro),
        ]
        #expect(kept == [true, false, true, false])
        #expect(budget.left(dollar) == .zero && budget.promised[dollar] == Amount(1))
    }
}
