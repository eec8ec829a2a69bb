package import Ambience
package import Sealing

/// The descriptors that a relay keeps for onion services as one of their directories (rend-spec-v3 "Publishing hidden service descriptors").
///
/// Bounded in bytes: at the bound the least asked-for go first, of those the oldest.
package struct HSDirCache {
    package struct Settings: Equatable, Sendable {
        /// What all descriptors may take together (MaxHSDirCacheBytes).
        package var limitBytes: Int

        package init(limitBytes: Int) { self.limitBytes = limitBytes }
    }

    private struct Entry {
        let descriptor: ServiceDescriptor
        let stored: Instant
        let expires: Instant
        var downloads: UInt64
    }

    /// What an entry takes beside its text, roughly.
    private static let overheadBytes = 256
    /// A full cache is emptied this far at once, as a fraction of an eighth, so that the search for what to drop is rare.
    private static let keptEighths = 7
    private static let cleaningInterval = Instant.Span.seconds(60)

    package var settings: Settings
    private var entries: [Ed25519Identity: Entry] = [:]
    /// What all entries take.
    package private(set) var bytes = 0
    private var nextCleaning = Instant.zero

    package init(settings: Settings) { self.settings = settings }

    package var count: Int { entries.count }

    /// Keeps the descriptor unless we have one of the service that is as new or newer; whether it was kept.
    package mutating func store(_ descriptor: ServiceDescriptor, now: Instant) -> Bool {
        cleanIfDue(now)
        let old = entries[descriptor.blindedKey].flatMap { $0.expires > now ? $0 : nil }
        if let old, old.descriptor.revision >= descriptor.revision { return false }
        remove(descriptor.blindedKey)
        let size = Self.size(descriptor)
        if bytes + size > settings.limitBytes { shrink(toBytes: settings.limitBytes / 8 * Self.keptEighths - size) }
        entries[descriptor.blindedKey] = Entry(
            descriptor: descriptor, stored: now, expires: now + .seconds(descriptor.lifetimeSeconds), downloads: old?.downloads ?? 0)
        bytes += size
        return true
    }

    /// The text of the service's newest descriptor, counted as asked for.
    package mutating func text(of blindedKey: Ed25519Identity, now: Instant) -> [UInt8]? {
        guard let entry = entries[blindedKey], entry.expires > now else { return nil }
        entries[blindedKey]?.downloads += 1
        return entry.descriptor.text
    }

    /// Gives memory back: drops entries until they take no more than this.
    package mutating func shrink(toBytes target: Int) {
        let order = entries.sorted { ($0.value.downloads, $0.value.stored) < ($1.value.downloads, $1.value.stored) }
        for (key, _) in order {
            guard bytes > max(0, target) else { return }
            remove(key)
        }
    }

    package mutating func removeExpired(now: Instant) {
        for (key, entry) in entries where entry.expires <= now { remove(key) }
    }

    private mutating func cleanIfDue(_ now: Instant) {
        guard now >= nextCleaning else { return }
        nextCleaning = now + Self.cleaningInterval
        removeExpired(now: now)
    }

    private mutating func remove(_ key: Ed25519Identity) {
        guard let entry = entries.removeValue(forKey: key) else { return }
        bytes -= Self.size(entry.descriptor)
    }

    private static func size(_ descriptor: ServiceDescriptor) -> Int { descriptor.text.count + overheadBytes }
}
