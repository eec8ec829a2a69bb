package import Ambience
package import Exchange
internal import Glibc
internal import Loops
internal import MarketLine
internal import Sealing
internal import Synchronization

/// An exchange at work: a thread that drives its slices, one that makes keys, and the line on which it is asked.
package final class MarketServer: Sendable {
    private let maker: KeyMaker
    private let listener: MarketListener
    private let threads: [WorkThread]
    private let stop: Stop
    /// Kept: its lock keeps other exchanges out.
    private let folder: MarketFolder
    package var address: SocketAddress { listener.address }

    /// - Parameters:
    ///   - listen: where it is asked; the terms say where people reach that.
    ///   - tell: hears what happens, on several threads.
    package init(
        _ folder: MarketFolder, _ terms: MarketTerms, store: MarketStore, listen: SocketAddress,
        now: @escaping @Sendable () -> Int64 = { SystemTime().wall.secondsSinceEpoch }, tell: @escaping @Sendable (MarketNews) -> Void
    ) throws {
        self.folder = folder
        let secrets = try folder.secrets(), vault = KeyVault(folder: folder.keys, storage: secrets.storage), maker = KeyMaker(vault)
        let house = Locked(try MarketHouse(folder, terms, store, vault, maker)), records = MarketRecords(store: store)
        let office = MarketOffice(
            terms: terms, sealKey: secrets.seal, intake: MarketIntake(store: store, time: terms.time), records: records, shelf: LogShelf(store: store), house: house, now: now,
            fail: { tell(.trouble("\($0)")) })
        listener = try MarketListener(listen) { office.answer($0) }
        self.maker = maker
        let stopped = Stop()
        stop = stopped
        let engine = MarketEngine(house: house, terms: terms, records: records, now: now, isStopped: { stopped.isSet })
        threads = [maker.start(), WorkThread("slices") { Self.drive(engine, house, stopped, tell) }]
    }

    private final class Stop: Sendable {
        private let flag = Atomic(false)
        var isSet: Bool { flag.load(ordering: .acquiring) }
        func set() { flag.store(true, ordering: .releasing) }
    }

    private static let napMicroseconds: UInt32 = 200_000

    /// A failing step changes nothing and is tried again: the disk may have room by then.
    private static func drive(_ engine: MarketEngine, _ house: Locked<MarketHouse>, _ stop: Stop, _ tell: (MarketNews) -> Void) {
        while !stop.isSet {
            do { try engine.step() } catch { tell(.trouble("\(error)")) }
            for news in house.use({ $0.takeNews() }) { tell(news) }
            usleep(napMicroseconds)
        }
    }

    /// Ends the threads, once. What was said to be taken in stays so.
    package func end() {
        listener.stop()
        stop.set()
        maker.stop()
        for thread in threads { thread.join() }
    }
}
