import Testing

@testable import Directory

@Suite struct NetDocumentTests {
    private func parse(_ text: String) throws(DocumentError) -> NetDocument { try NetDocument(text.bytes, limitBytes: 1000) }

    @Test("Items know their words, their objects and where they stand")
    func items() throws {
        let text = "first a  b\tc\n\nsecond\n-----BEGIN THING-----\nAQID\nBA==\n-----END THING-----\nthird\n"
        let document = try parse(text)
        #expect(document.items.map(\.keyword) == ["first", "second", "third"])
        #expect(document.items[0].words == ["a", "b", "c"] && document.items[0].rest == "a  b\tc")
        #expect(document.items[1].object == NetDocument.Object(tag: "THING", data: [1, 2, 3, 4]))
        #expect(document.items.map { String(decoding: document.bytes[$0.span], as: UTF8.self) }.joined() == text.replacing("\n\n", with: "\n"))
        #expect(document.bytes[document.items[1].lineEnd] == UInt8(ascii: "-"))
    }

    @Test("Broken documents are refused", arguments: [
        "cut off", " leading space\n", "-----BEGIN THING-----\n-----END THING-----\n", "a\n-----BEGIN THING-----\n", "a\n-----BEGIN THING-----\nAQID\n-----END OTHER-----\n",
        "a\n-----BEGIN THING-----\n!!!!\n-----END THING-----\n", "a\n-----BEGIN -----\n-----END -----\n", "a \u{0}\n", "a\n-----\n-----\n",
    ])
    func broken(_ text: String) { #expect(throws: DocumentError.self) { _ = try parse(text) } }

    @Test("What is no UTF-8 or too long is refused")
    func limits() {
        #expect(throws: DocumentError.self) { _ = try NetDocument([0x61, 0x20, 0xFF, 0x0A], limitBytes: 1000) }
        #expect(throws: DocumentError.oversized(limit: 1000)) { _ = try NetDocument([UInt8](repeating: 0x0A, count: 1001), limitBytes: 1000) }
        let many = [UInt8]("a\n".utf8)
        let bytes = (0...NetDocument.itemLimit).flatMap { _ in many }
        #expect(throws: DocumentError.oversized(limit: NetDocument.itemLimit)) { _ = try NetDocument(bytes, limitBytes: 1 << 24) }
    }

    @Test("A keyword is wanted once, at most once, or often")
    func lookups() throws {
        let document = try parse("a 1\nb\na 2\n")
        #expect(throws: DocumentError.repeated("a")) { _ = try document.one("a") }
        #expect(throws: DocumentError.missing("c")) { _ = try document.one("c") }
        #expect(try document.optional("c") == nil && document.one("b").words.isEmpty)
        #expect(document.all("a").count == 2)
    }

    @Test("A bundle is cut at its documents, annotations left out")
    func bundles() {
        let text = "junk\n@source x\nrouter a\nb\n@downloaded-at y\nextra-info c\nrouter d\ne"
        #expect(DocumentBundle.relayDocuments(text.bytes).map { String(decoding: $0, as: UTF8.self) } == ["router a\nb\n", "extra-info c\n", "router d\ne"])
        #expect(DocumentBundle.cut(text.bytes, at: ["router "], limit: 1).count == 1)
        #expect(DocumentBundle.cut([], at: ["router "], limit: 1).isEmpty)
    }
}
