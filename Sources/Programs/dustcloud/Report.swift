internal import Ambience
internal import Coordination
internal import Foundation
internal import Leasing
internal import Providers

/// What `--json` prints. Times are RFC 3339, UTC; lengths are seconds; sizes are bytes.
struct CloudReport: Encodable {
    let state: String
    let taken: String
    let coordinatorPid: Int32?
    let authority: NodeReport
    let client: ClientReport
    let desired: [String: Int]
    let motes: [MoteLine]

    struct NodeReport: Encodable {
        let running: Bool
        let bootstrapped: Int
    }

    struct ClientReport: Encodable {
        let running: Bool
        let bootstrapped: Int
        let socks: String?
        let circuits: Int
        let streams: Int
    }

    init(_ status: CloudStatus) {
        state = status.settings.map { $0.mode == .up ? "up" : "going down" } ?? "none"
        taken = status.taken.rfc3339
        coordinatorPid = status.coordinator
        authority = NodeReport(running: status.authority.isRunning, bootstrapped: status.authority.report?.bootstrapped ?? 0)
        let client = status.client.report
        self.client = ClientReport(
            running: status.client.isRunning, bootstrapped: client?.bootstrapped ?? 0, socks: status.settings?.network.socks,
            circuits: client?.circuits ?? 0, streams: client?.streams ?? 0)
        let policy = status.settings?.policy
        desired = [LifetimeClass.normal.rawValue: policy?.normal.motes ?? 0, LifetimeClass.longLived.rawValue: policy?.longLived.motes ?? 0]
        motes = status.motes.map { MoteLine($0, now: status.taken) }
    }
}

struct MoteLine: Encodable {
    let key: String
    let nickname: String
    let lifetimeClass: String
    let state: String
    let wish: String?
    let intended: String
    let drains: String
    let expires: String
    let secondsLeft: Int64
    let place: String?
    let pid: Int32?
    let circuits: Int
    let streams: Int
    let bytesRead: Int64
    let bytesWritten: Int64

    init(_ mote: CloudStatus.Mote, now: WallTime) {
        let (lease, report) = (mote.record.lease, mote.sighting.report)
        key = lease.key.description
        nickname = lease.key.nickname
        lifetimeClass = lease.lifetimeClass.rawValue
        state = mote.record.state.name
        wish = mote.wish?.rawValue
        intended = lease.intended.rfc3339
        drains = mote.record.drains.rfc3339
        expires = mote.record.expires.rfc3339
        secondsLeft = max(0, mote.record.expires - now)
        place = mote.sighting.place
        pid = mote.sighting.instances.first.flatMap { Int32($0) }
        circuits = report?.circuits ?? 0
        streams = report?.streams ?? 0
        bytesRead = report?.bytesRead ?? 0
        bytesWritten = report?.bytesWritten ?? 0
    }
}

enum JSON {
    static func say(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        Terminal.say(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}
