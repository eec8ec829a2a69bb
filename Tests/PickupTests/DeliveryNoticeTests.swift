import Pickup
import Testing

@Suite("Delivery reports as they are read")
struct DeliveryNoticeTests {
    private func message(_ status: String, _ returned: String = "Content-Type: text/rfc822-headers\r\n\r\nSubject: x\r\nMessage-ID:\r\n <a@b.org>\r\n") -> [UInt8] {
        let head = "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"x y\"\r\n\r\n--x y\r\nContent-Type: text/plain\r\n\r\nwords\r\n"
        return Array("\(head)--x y\r\nContent-Type: message/delivery-status\r\n\r\n\(status)--x y\r\n\(returned)--x y--\r\n".utf8)
    }

    private let both = "Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; ann@example.org\r\nAction: failed\r\nStatus: 5.4.7\r\n\r\nFinal-Recipient: rfc822;bob@example.org\r\nAction: Relayed\r\nStatus: 2.0.0\r\n\r\n"

    @Test("say which letter it was and what became of it for each recipient")
    func read() throws {
        let notice = try #require(DeliveryNotice(message(both)))
        #expect(notice.messageID == "a@b.org")
        #expect(notice.lines == [.init(address: "ann@example.org", outcome: .gaveUp, reason: "5.4.7"), .init(address: "bob@example.org", outcome: .delivered, reason: "2.0.0")])
    }

    @Test("may bring the whole letter back, and end without a line's end")
    func whole() throws {
        let returned = "Content-Type: message/rfc822\r\n\r\nMessage-ID: <c@d.org>\r\n\r\ntext\r\n"
        let notice = try #require(DeliveryNotice(message("Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; ann@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550\r\n no\r\n", returned)))
        #expect(notice.messageID == "c@d.org" && notice.lines == [.init(address: "ann@example.org", outcome: .cameBack, reason: "5.1.1 550 no")])
    }

    @Test("that are none, tell nothing final, or say not of what, are none")
    func none() {
        #expect(DeliveryNotice([]) == nil && DeliveryNotice(Array("Subject: x\r\n\r\nFinal-Recipient: rfc822; a@b\r\nAction: failed\r\n".utf8)) == nil)
        #expect(DeliveryNotice(message("Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; a@b\r\nAction: delayed\r\nStatus: 4.0.0\r\n")) == nil)
        #expect(DeliveryNotice(message(both, "Content-Type: text/plain\r\n\r\nMessage-ID: <a@b.org>\r\n")) == nil)
        #expect(DeliveryNotice(message(both) + [UInt8](repeating: 32, count: 256 << 10)) == nil)
    }

    @Test("of more recipients than anybody writes to are read as far as a hundred")
    func many() throws {
        let blocks = (0..<500).map { "Final-Recipient: rfc822; a\($0)@b.org\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n" }.joined()
        #expect(try #require(DeliveryNotice(message("Reporting-MTA: dns; x\r\n\r\n\(blocks)"))).lines.count == 100)
    }

    @Test("are about a letter by what stands between the brackets of its Message-ID")
    func ids() {
        #expect(DeliveryNotice.messageID(of: Array("Message-ID: <a@b>\r\n\r\n<c@d>".utf8)) == "a@b")
        for text in ["", "Message-ID: a@b\r\n\r\n", "Message-ID: <>\r\n\r\n", "Message-ID: >a@b<\r\n\r\n"] { #expect(DeliveryNotice.messageID(of: Array(text.utf8)) == nil) }
    }
}
