@testable import Mixing

/// A station alone: whatever it has to do is done at once, and what it sends waits for the test. Its disk keeps what was written.
struct Teller {
    static let layout = SphinxLayout(payloadBytes: 4_096)
    let key: MixKey
    let own: MixID
    let bytes: SeededSource
    var station: MixStation
    var disk: [[UInt8]: (StationRecord.Kind, [UInt8])] = [:]
    var accepted: [Bool] = []
    var handed: [ParcelID: Parcel.Task] = [:]
    var givenUp: [ParcelID: Errand] = [:]
    var sent: [(to: MixID, packets: [[UInt8]])] = []

    init(_ number: UInt8) {
        bytes = SeededSource(UInt64(number))
        (key, own) = (MixKey(secret: bytes.take(32))!, MixID(bytes.take(32))!)
        station = Self.station(own, key, bytes)
    }

    private static func station(_ own: MixID, _ key: MixKey, _ bytes: SeededSource) -> MixStation {
        var settings = MixStation.Settings()
        (settings.layout, settings.packetsPerSecond, settings.delays) = (layout, 20, MixDelays(meanMilliseconds: 100))
        return MixStation(own: own, key: key, settings: settings, at: MixTime(milliseconds: 0)) { bytes.take($0) }
    }

    var peer: MixPeer { MixPeer(id: own, publicKey: key.publicKey, ends: MixTime(milliseconds: .max), isExit: true) }

    mutating func perform(at now: MixTime) {
        while case let effects = station.takeEffects(), !effects.isEmpty {
            for effect in effects {
                switch effect {
                case .store(let ticket, let changes):
                    for change in changes { if case .put(let kind, let id, let payload) = change { disk[id] = (kind, payload) } else if case .remove(let id) = change { disk[id] = nil } }
                    if let ticket { station.stored(ticket, true, at: now) }
                case .work(let work): station.worked(work.run(), at: now)
                case .accepted(_, let isOurs): accepted.append(isOurs)
                case .hand(let id, let task, _, _): handed[id] = task
                case .givenUp(let id, let errand): givenUp[id] = errand
                case .send(let mote, let packets): sent.append((mote, packets))
                default: break
                }
            }
        }
    }

    mutating func turn(at now: MixTime) {
        station.turn(at: now)
        perform(at: now)
    }

    /// As after kill -9.
    mutating func restart(at now: MixTime) {
        station = Self.station(own, key, bytes)
        station.resume(disk.map { ($0.value.0, $0.key, $0.value.1) }, at: now)
        perform(at: now)
    }

    var reportsOnDisk: Int { disk.keys.count { $0.first == StationRecord.Kind.arrived.rawValue } }
}
