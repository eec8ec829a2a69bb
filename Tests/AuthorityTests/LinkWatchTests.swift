import Ambience
import Authority
import Directory
import Sealing
import Testing

struct LinkWatchTests {
    /// Answers tests by hand.
    private final class Links {
        var asked: [(target: LinkWatch.Target, done: (Bool) -> Void)] = []
    }

    private let time = ManualTime(wall: WallTime(secondsSinceEpoch: 1_800_000_000))
    private let links = Links()
    private let keys = LoopbackAuthority.makeRelayKeys(wall: WallTime(secondsSinceEpoch: 1_800_000_000))

    private func descriptor(port: UInt16 = 9001) throws -> RouterDescriptor {
        let upload = try LoopbackAuthority.upload(keys, nickname: "relay", orPort: port, published: time.wall)
        return try RouterDescriptor(DocumentBundle.cut(upload, at: ["router ", "extra-info "], limit: 2)[0])
    }

    private func watch() -> LinkWatch {
        let links = links
        return LinkWatch(time: time, period: .seconds(Int64(1280))) { links.asked.append(($0, $1)) }
    }

    @Test("A new descriptor is tested at once, and again only after the period")
    func period() throws {
        let watch = watch()
        let descriptor = try descriptor()
        watch.note(descriptor)
        #expect(links.asked.count == 1)
        links.asked[0].done(true)
        #expect(watch.lastReachable(descriptor.rsa) == time.wall)
        time.advance(.seconds(Int64(1279)))
        watch.turn()
        #expect(links.asked.count == 1)
        time.advance(.seconds(Int64(1)))
        watch.turn()
        #expect(links.asked.count == 2)
    }

    @Test("A failed test is repeated soon and then ever later, and does not undo an earlier success")
    func retry() throws {
        let watch = watch()
        let descriptor = try descriptor()
        watch.note(descriptor)
        links.asked[0].done(true)
        let reached = watch.lastReachable(descriptor.rsa)
        time.advance(.seconds(Int64(1280)))
        watch.turn()
        links.asked[1].done(false)
        for wait: Int64 in [5, 10, 20] {
            time.advance(.seconds(wait - 1))
            watch.turn()
            let before = links.asked.count
            time.advance(.seconds(Int64(1)))
            watch.turn()
            #expect(links.asked.count == before + 1)
            links.asked[before].done(false)
        }
        #expect(watch.lastReachable(descriptor.rsa) == reached)
    }

    @Test("What an earlier process knew counts until tests say more")
    func earlierProcess() throws {
        let watch = watch()
        let descriptor = try descriptor()
        watch.note(descriptor, reached: time.wall - 30)
        #expect(watch.lastReachable(descriptor.rsa) == time.wall - 30)
        links.asked[0].done(false)
        #expect(watch.lastReachable(descriptor.rsa) == time.wall - 30)
    }

    @Test("A relay that moved is not reached until it is reached there; the old address' answer does not count")
    func moved() throws {
        let watch = watch()
        let old = try descriptor()
        watch.note(old)
        watch.note(try descriptor(port: 9002))
        links.asked[0].done(true)
        #expect(watch.lastReachable(old.rsa) == nil)
        #expect(links.asked.map(\.target.address.port) == [9001, 9002])
        links.asked[1].done(true)
        #expect(watch.lastReachable(old.rsa) == time.wall)
    }
}
