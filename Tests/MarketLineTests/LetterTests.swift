import Exchange
import MarketLine
import Sealing
import Testing

@Suite("Letters to an exchange")
struct LetterTests {
    private let key = Curve25519Key()
    private let slice = Slice(5000)

    @Test("an order comes out of its letter padded, in this slice and those beside it and no other")
    func opened() throws {
        let order = [UInt8](repeating: 9, count: 700), letter = try #require(OrderLetter.make(order, to: key.publicKey, at: slice))
        for now in [slice - 1, slice, slice + 1] { #expect(OrderLetter.open(letter, with: key, at: now) == Padding.pad(order)) }
        for now in [slice - 2, slice + 2] { #expect(OrderLetter.open(letter, with: key, at: now) == nil) }
    }

    @Test("letters of short orders all have one length, and an order that is too long has none")
    func lengths() throws {
        let lengths = try [0, 1, 5000].map { try #require(OrderLetter.make([UInt8](repeating: 1, count: $0), to: key.publicKey, at: slice)).count }
        #expect(Set(lengths) == [16 + 48 + 8192])
        #expect(OrderLetter.make([UInt8](repeating: 1, count: 200_000), to: key.publicKey, at: slice) == nil)
        #expect(OrderLetter.make([1], to: [1, 2, 3], at: slice) == nil)
    }

    @Test("a letter to another exchange, one that was changed anywhere, and one without its stamp are not opened")
    func refused() throws {
        let letter = try #require(OrderLetter.make([1, 2, 3], to: key.publicKey, at: slice))
        #expect(OrderLetter.open(letter, with: Curve25519Key(), at: slice) == nil)
        for index in [0, 7, 8, 15, 16, 47, 48, 300, letter.count - 1] {
            var damaged = letter
            damaged[index] ^= 1
            #expect(OrderLetter.open(damaged, with: key, at: slice) == nil, "byte \(index)")
        }
        for count in [0, 15, 16, 100, letter.count - 1] { #expect(OrderLetter.open(Array(letter.prefix(count)), with: key, at: slice) == nil) }
        #expect(OrderLetter.open(letter + [0], with: key, at: slice) == nil)
    }

    @Test("receipts and answers are read again, have one length each, and nothing else is one", arguments: [
        AnswerLetter.unknown, .waits(Slice(77)), .ready(.refused(.spent)), .ready(.carriedOut([[UInt8](repeating: 3, count: 192 * 256)], isLost: false)),
    ])
    func answers(answer: AnswerLetter) throws {
        let bytes = try #require(answer.bytes)
        #expect(bytes.count == AnswerLetter.bytesCount)
        #expect(AnswerLetter(bytes) == answer)
        #expect(AnswerLetter(bytes.dropLast()) == nil)
        #expect(AnswerLetter([9] + bytes.dropFirst()) == nil)
    }

    @Test("a receipt is read again", arguments: [OrderReceipt.taken(Slice(4)), .refused, .full])
    func receipts(receipt: OrderReceipt) {
        #expect(OrderReceipt(receipt.bytes) == receipt)
        #expect(receipt.bytes.count == OrderReceipt.bytesCount)
        #expect(OrderReceipt(receipt.bytes + [0]) == nil)
    }

    @Test("a list is read again, and half of one is none")
    func lists() {
        let items: [[UInt8]] = [[1], [], [2, 3], [UInt8](repeating: 4, count: 65_535)], bytes = PublishedList.encode(items)
        #expect(PublishedList.decode(bytes) == items)
        #expect(PublishedList.decode(bytes.dropLast()) == nil)
        #expect(PublishedList.decode([]) == [])
    }

    @Test("a sealed box is opened by its key alone")
    func boxes() throws {
        let box = try #require(SealedBox.seal([1, 2, 3], to: key.publicKey))
        #expect(box.count == 3 + SealedBox.overheadBytes)
        #expect(SealedBox.open(box, with: key) == [1, 2, 3])
        #expect(SealedBox.open(box, with: Curve25519Key()) == nil)
        #expect(SealedBox.open(Array(box.prefix(47)), with: key) == nil)
    }
}
