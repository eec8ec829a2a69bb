import Coordination
import Foundation
import Leasing
import OwnThread
import Testing

@Suite(.serialized, .onItsOwnThread) struct LiveCloudTests {
    @Test("A cloud comes up, refuses a second coordinator, replaces a mote before it drains it, and goes down to nothing")
    func wholeLife() async throws {
        let cloud = try LiveCloud()
        try cloud.start(["--motes", "3", "--ttl", "10m"])
        try #require(try await cloud.wait(seconds: 360) { cloud.log.contains("client ready: SOCKS5 on ") }, "\(cloud.log)")
        let second = try await cloud.command(["up"])
        #expect(second.status == 75 && second.output.contains("another coordinator"))
        try await drainOne(cloud)
        try await terminateOne(cloud)
        let down = try await cloud.command(["down"])
        #expect(down.status == 0 && down.output.contains("proven gone"))
        #expect(try await cloud.wait(seconds: 120) { !cloud.isCoordinated })
        #expect(!FileManager.default.fileExists(atPath: cloud.scratch.path + "/authority"))
    }

    private func drainOne(_ cloud: LiveCloud) async throws {
        // The last to end: whatever the machine has to do besides, its own time does not come first.
        let key = try #require(try cloud.store.ledger().alive.last { $0.state.isServing }?.key)
        #expect(try await cloud.command(["mote", "drain", "\(key)"]).status == 0)
        let isDraining = try await cloud.wait(seconds: 360) {
            let record = try cloud.store.ledger().records[key]
            return record?.state.isServing == false
        }
        #expect(isDraining)
        #expect(try cloud.count("listed") >= 3)
        let shown = try await cloud.command(["mote", "show", String(key.description.prefix(8))])
        #expect(shown.output.contains("wish"))
    }

    private func terminateOne(_ cloud: LiveCloud) async throws {
        let key = try #require(try cloud.store.ledger().alive.last?.key)
        #expect(try await cloud.command(["mote", "terminate", "\(key)"]).status == 0)
        #expect(try await cloud.wait(seconds: 120) { try cloud.store.ledger().records[key]?.state.isGone == true })
        #expect(try await cloud.wait(seconds: 360) { try cloud.count("listed") >= 3 })
    }
}
