internal import Leasing
internal import Providers

/// All providers of a cloud as one: sightings put together, every effect at the provider that has the mote.
struct ProviderBoard {
    private let providers: [String: any MoteProvider]
    /// Who saw what at the last look: what nobody intended is ended where it was seen.
    private var seen: [String: [MoteKey: Sighting]] = [:]

    init(_ providers: [String: any MoteProvider]) { self.providers = providers }

    struct View {
        var sightings: [MoteKey: Sighting] = [:]
        /// Providers that could not look, or not everywhere, and why: that a mote is not seen there proves nothing.
        var blind: [String: String] = [:]
        /// What is wrong, by provider, and worth telling.
        var troubles: [String: String] = [:]
    }

    /// What is there, at all of them. One that cannot look keeps nobody else from looking.
    mutating func observe(_ alive: [MoteRecord]) -> View {
        var view = View()
        for (name, provider) in providers.sorted(by: { $0.key < $1.key }) {
            (view.blind[name], view.troubles[name]) = (provider.blindness, provider.trouble)
            do throws(ProviderError) { seen[name] = try provider.observe() } catch { (view.blind[name], view.troubles[name]) = ("\(error)", "\(error)") }
            view.sightings.merge(seen[name] ?? [:]) { $0.joined($1) }
        }
        for record in alive where providers[record.lease.site.provider] == nil {
            let why = "motes are there, and this coordinator has no such provider"
            (view.blind[record.lease.site.provider], view.troubles[record.lease.site.provider]) = (why, why)
        }
        return view
    }

    func start(_ lease: Lease, attempt: Int) throws(ProviderError) {
        guard let provider = providers[lease.site.provider] else { throw ProviderError("there is no provider \(lease.site.provider)") }
        try provider.start(lease, attempt: attempt)
    }

    /// Everybody who may have the mote: where its lease says, and wherever it was seen.
    func holders(_ key: MoteKey, _ lease: Lease?) -> [any MoteProvider] {
        providers.filter { name, _ in lease?.site.provider == name || seen[name]?[key] != nil }.map(\.value)
    }
}

extension Sighting {
    /// One mote at two providers is two machines.
    fileprivate func joined(_ other: Sighting) -> Sighting {
        var both = self
        both.instances += other.instances
        both.hasFolder = hasFolder || other.hasFolder
        both.report = report ?? other.report
        both.isInDoubt = isInDoubt || other.isInDoubt
        return both
    }
}
