import Bytes
import Testing

@testable import Directory

@Suite struct MicrodescriptorTests {
    private struct File: Decodable {
        struct Made: Decodable {
            let router_descriptor: String
            let method_33_with_family: String
            let method_35_with_family_and_family_ids: String
        }
        struct Known: Decodable {
            let text: String
            let sha256_b64: String
        }
        let from_router_descriptor: Made
        let digests: [Known]
    }

    /// The third vector's digest covers a cache annotation too, so it says nothing about microdescriptors.
    @Test("Digests are over the whole text, annotations of a cache left out")
    func digests() throws {
        for known in try Vectors.json(File.self, "microdesc.json").digests {
            let found = try DocumentBundle.microdescriptors(known.text.bytes).map { try Microdescriptor($0) }
            #expect(found.count == 1)
            #expect(known.text.hasPrefix("@") || found.first?.digestText == known.sha256_b64)
            #expect(known.text.hasSuffix(String(decoding: found.first?.text ?? [], as: UTF8.self)))
        }
    }

    @Test("A descriptor becomes the microdescriptor that the consensus method wants")
    func making() throws {
        let made = try Vectors.json(File.self, "microdesc.json").from_router_descriptor
        var descriptor = try RouterDescriptor(made.router_descriptor.bytes)
        for (method, text) in [(33, made.method_33_with_family), (35, made.method_35_with_family_and_family_ids)] {
            let wanted = try Microdescriptor(text.bytes)
            descriptor.family = wanted.family
            descriptor.familyIDs = wanted.familyIDs
            #expect(String(decoding: try #require(Microdescriptor.make(from: descriptor, method: method)).text, as: UTF8.self) == text)
        }
        #expect(Microdescriptor.make(from: descriptor, method: 31) == nil)
        #expect(Microdescriptor.make(from: descriptor, method: 36) == nil)
        descriptor.onionKey = nil
        #expect(Microdescriptor.make(from: descriptor, method: 35) == nil)
    }

    @Test("Broken microdescriptors are refused")
    func broken() throws {
        // `wrong-id` names an unknown kind of identity, which stock skips, and so do we.
        for name in try Vectors.names(in: "netdoc/bad-mds") where name != "wrong-id" {
            #expect(throws: DocumentError.self, "\(name)") { _ = try Microdescriptor(Vectors.bytes("netdoc/bad-mds/" + name)) }
        }
        for name in 1...4 {
            for text in try DocumentBundle.microdescriptors(Vectors.bytes("netdoc/microdesc\(name).txt")) { _ = try Microdescriptor(text) }
        }
    }
}
