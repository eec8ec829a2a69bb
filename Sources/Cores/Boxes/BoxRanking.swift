/// Where boxes are to be, by the motes that were named last. Anybody may lay into as many boxes as there is room for, and to rank all motes for all of those
/// again whenever a mote comes or goes would take seconds.
struct BoxRanking: Sendable {
    private var motes: [BoxMote] = []
    private var known: [BoxAddress: [BoxMote]] = [:]

    /// Who comes is compared with those that a box has; only boxes that somebody leaves are ranked anew.
    mutating func follow(_ motes: [BoxMote]) {
        guard motes != self.motes else { return }
        let gone = Set(self.motes).subtracting(motes), come = Set(motes).subtracting(self.motes)
        self.motes = motes
        let before = known
        known = [:]
        for (address, places) in before where gone.isDisjoint(with: places) { known[address] = BoxPlaces.of(address, among: places + come) }
    }

    mutating func places(of address: BoxAddress) -> [BoxMote] {
        if let places = known[address] { return places }
        let places = BoxPlaces.of(address, among: motes)
        known[address] = places
        return places
    }

    mutating func forget(_ address: BoxAddress) { known[address] = nil }
}
