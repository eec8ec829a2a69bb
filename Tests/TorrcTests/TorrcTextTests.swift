import Ambience
import Testing

@testable import Torrc

@Suite("The text of a torrc")
struct TorrcTextTests {
    private func read(_ text: String) throws -> [Assignment] { try TorrcText.assignments(in: text, name: "torrc") }

    @Test("comments, blank lines and spaces around a value say nothing")
    func commentsAndSpaces() throws {
        let found = try read("# first\n\n  Nickname \t anna  # name\r\n\tORPort 9001\n")
        #expect(found.map(\.option) == ["Nickname", "ORPort"])
        #expect(found.map(\.value) == ["anna", "9001"])
        #expect(found.map(\.origin) == [.file("torrc", line: 3), .file("torrc", line: 4)])
    }

    @Test("a backslash continues a line, and comment lines between vanish")
    func continuation() throws {
        let found = try read("ExitPolicy accept *:80, \\\n# why\n accept *:443\nNickname b")
        #expect(found[0].value == "accept *:80,  accept *:443")
        #expect(found[1].origin == .file("torrc", line: 4))
    }

    @Test("a quoted value keeps its spaces and hashes and undoes C escapes")
    func quoting() throws {
        let found = try read(#"ContactInfo " a # \"b\" \x41\102\n\\ "  # trailing"#)
        #expect(found[0].value == " a # \"b\" AB\n\\ ")
    }

    @Test("a plus adds and a slash clears")
    func manners() throws {
        #expect(try read("+Log notice stdout\n/ExitPolicy").map(\.manner) == [.add, .clear])
    }

    @Test(
        "what cannot be read names its file and line",
        arguments: ["\n%include other", "\nNickname \"open", "\nNickname \"a\" b", "\nNickname \"\\q\"", "\nNickname \"\\x4\"", "\nNickname \"\\777\""])
    func errors(_ text: String) {
        let error = #expect(throws: TorrcError.self) { try read(text) }
        #expect(error?.origin == .file("torrc", line: 2))
    }

    @Test("an include is refused by name")
    func include() {
        let error = #expect(throws: TorrcError.self) { try read("%include /etc/more") }
        #expect("\(error!)" == "torrc:1: %include: is not supported: put the lines into this file")
    }

    @Test("random bytes never crash the reader", arguments: seeds(10))
    func noise(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let alphabet = Array("\"\\#\n\r\t %+/x017aORPort é".utf8)
        for _ in 0..<20 {
            let bytes = (0..<Int.random(in: 0..<60, using: &random)).map { _ in alphabet.randomElement(using: &random)! }
            _ = try? Torrc.read([TorrcText.assignments(in: String(decoding: bytes, as: UTF8.self), name: "noise")])
        }
    }
}
