import Onion
import Testing

/// A message's parser, and what it writes again.
enum AnyMessage {
    static let names: Set<String> = [
        "BEGIN", "CONNECTED", "END", "RESOLVE", "RESOLVED", "EXTEND2", "CREATE2", "CREATED2", "EXTENDED2", "SENDME", "NETINFO",
        "CHANNEL_PADDING_NEGOTIATE",
    ]

    static func reencode(_ command: String, _ body: [UInt8]) throws(MessageError) -> [UInt8] {
        switch command {
        case "BEGIN": try BeginMessage(body).encoded
        case "CONNECTED": try ConnectedMessage(body).encoded
        case "END": try EndMessage(body).encoded
        case "RESOLVE": try ResolveMessage(body).encoded
        case "RESOLVED": try ResolvedMessage(body).encoded
        case "EXTEND2": try Extend2Message(body).encoded
        case "CREATE2": try Create2Message(body).encoded
        case "CREATED2", "EXTENDED2": try Created2Message(body).encoded
        case "SENDME": try SendmeMessage(body).encoded
        case "NETINFO": try NetinfoMessage(body).encoded
        case "CHANNEL_PADDING_NEGOTIATE": try PaddingNegotiateMessage(body).encoded
        default: []
        }
    }
}

@Suite("Messages")
struct MessageVectorTests {
    @Test("are taken and refused as the published bodies say")
    func publishedBodies() throws {
        var seen = 0
        for place in ["channel", "relay"] {
            for vector in try Vectors.list("cell_bodies", place) {
                guard var command = vector["command"] as? String else { continue }
                // One name, two messages: the relay one belongs to circuit padding.
                if command == "PADDING_NEGOTIATE" { command = place == "channel" ? "CHANNEL_PADDING_NEGOTIATE" : "" }
                let (body, isValid) = (try vector.bytes("body"), try #require(vector["valid"] as? Bool))
                guard AnyMessage.names.contains(command) else { continue }
                seen += 1
                let again = try? AnyMessage.reencode(command, body)
                #expect((again != nil) == isValid, "\(command) \(body)")
                // What we write, we read alike.
                if let again { #expect(try AnyMessage.reencode(command, again) == again, "\(command) \(body)") }
            }
        }
        #expect(seen > 30)
    }

    @Test("are refused for the reason that the corpus gives")
    func malformedCorpus() throws {
        let cases = try Vectors.list("malformed_messages")
        #expect(cases.count > 30)
        for entry in cases {
            let (command, body) = (try entry.text("message"), try entry.bytes("body"))
            let comment = "\(command): \(try entry.text("why"))"
            let error = #expect(throws: MessageError.self, "\(comment)") { try AnyMessage.reencode(command, body) }
            #expect(error.map { "\($0)" } == (try entry.text("error")), "\(comment)")
        }
    }
}
