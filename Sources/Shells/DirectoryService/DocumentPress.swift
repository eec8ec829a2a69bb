internal import Compression
package import Loops

/// Makes packed documents and consensus diffs on a thread of its own: each once, and kept while there is room.
///
/// Whoever asks for what is being made waits for the same work. What cannot be made is kept as such.
package final class DocumentPress {
    /// What is made, by what it is made of.
    enum Product: Hashable, Sendable {
        /// A document, named by its digest, in a coding.
        case packed([UInt8], ContentCoding)
        /// A consensus diff, named by the digests on its `hash` line.
        case diff(from: [UInt8], to: [UInt8])
    }

    package struct Settings: Sendable {
        /// Of all products that are kept. Both flavours of the public network in all codings take about 4 MB, a day's diffs 10 MB.
        package var keptBytes = 32 << 20

        package init() {}
    }

    private struct Kept {
        /// `nil`: it cannot be made.
        let bytes: [UInt8]?
        var lastUse: Int
    }

    /// Failures are kept as if they had this size, so that their number is bounded too.
    private static let overheadBytes = 256

    private let worker: BackgroundWorker
    private let settings: Settings
    private var kept: [Product: Kept] = [:]
    private var keptBytes = 0
    private var uses = 0
    private var waiting: [Product: [([UInt8]?) -> Void]] = [:]

    package init(worker: BackgroundWorker, settings: Settings = Settings()) {
        self.worker = worker
        self.settings = settings
    }

    /// Products that are kept.
    package var count: Int { kept.count }

    /// Hands over the product: at once if it is kept, else when `make` has run on the worker. `nil` when it cannot be made, or the worker has too much to do.
    func get(_ product: Product, _ make: @escaping @Sendable () -> [UInt8]?, _ done: @escaping ([UInt8]?) -> Void) {
        if let found = kept[product] {
            uses += 1
            kept[product]?.lastUse = uses
            return done(found.bytes)
        }
        if waiting[product] != nil {
            waiting[product]?.append(done)
            return
        }
        waiting[product] = [done]
        let isStarted = worker.run { make() } _: { [weak self] bytes in self?.made(product, bytes) }
        if !isStarted { tell(product, nil) }
    }

    /// Packs what is sent once and not kept.
    func pack(_ bytes: [UInt8], _ coding: ContentCoding, _ done: @escaping ([UInt8]?) -> Void) {
        let isStarted = worker.run { try? coding.pack(bytes, .quick) } _: { done($0) }
        if !isStarted { done(nil) }
    }

    private func made(_ product: Product, _ bytes: [UInt8]?) {
        uses += 1
        kept[product] = Kept(bytes: bytes, lastUse: uses)
        keptBytes += Self.size(bytes)
        while keptBytes > settings.keptBytes, let oldest = kept.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            kept[oldest.key] = nil
            keptBytes -= Self.size(oldest.value.bytes)
        }
        tell(product, bytes)
    }

    private func tell(_ product: Product, _ bytes: [UInt8]?) {
        for done in waiting.removeValue(forKey: product) ?? [] { done(bytes) }
    }

    private static func size(_ bytes: [UInt8]?) -> Int { overheadBytes + (bytes?.count ?? 0) }
}
