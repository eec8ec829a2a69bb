import Testing

@testable import Paths

@Suite("Relay sets of the configuration")
struct RelaySetTests {
    @Test("Relays are named by nickname, fingerprint, address or all at once", arguments: [
        "relay7", "RELAY7", "other, relay7", "$0707070707070707070707070707070707070707", "0707070707070707070707070707070707070707",
        "$0707070707070707070707070707070707070707~relay7", "$0707070707070707070707070707070707070707=x", "10.7.0.1", "10.0.0.0/8", "0.0.0.0/0", "*",
    ])
    func members(text: String) throws {
        let set = try RelaySet(text)
        #expect(set.contains(Networks.relay(7)))
        #expect(!set.isEmpty)
    }

    @Test("Others are not members", arguments: ["relay8", "relay", "$0707070707070707070707070707070707070708", "10.8.0.0/16", "10.7.0.2", "::/0", ""])
    func strangers(text: String) throws { #expect(try !RelaySet(text).contains(Networks.relay(7))) }

    @Test("What can be no relay is refused with the item", arguments: ["{de}", "$12", "10.0.0.0/33", "::1/129", "a-b", "nicknamesareatmost19c", "10.0.0.0/x"])
    func malformed(text: String) {
        #expect(throws: RelaySet.Failure(item: text)) { try RelaySet("relay1," + text) }
    }
}
