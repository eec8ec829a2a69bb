extension Timing {
    /// Throws at the first field of the policy that cannot work in this network.
    package func validate() throws(PolicyFault) {
        try validateText()
        try validateShares()
        try validateBounds()
        for lifetimeClass in LifetimeClass.allCases where policy[lifetimeClass].motes > 0 { try validateLifetime(lifetimeClass) }
    }

    private func require(_ holds: Bool, _ field: String, _ expected: String) throws(PolicyFault) {
        if !holds { throw PolicyFault(field: field, expected: expected) }
    }

    private func validateText() throws(PolicyFault) {
        try require(!policy.name.isEmpty && policy.name.utf8.count <= 64, "name", "a short name")
        try require(!policy.why.allSatisfy(\.isWhitespace), "why", "the reason for these numbers")
    }

    private func validateShares() throws(PolicyFault) {
        try require((0.05...0.5).contains(policy.jitterShare), "jitterShare", "0.05 to 0.5: equal lifetimes end together")
        try require((0.02...0.33).contains(policy.drainShare), "drainShare", "0.02 to 0.33")
        try require((0...1).contains(policy.disruptionShare), "disruptionShare", "0 to 1")
    }

    private func validateBounds() throws(PolicyFault) {
        try require((1...FleetPolicy.fleetLimit).contains(policy.normal.motes), "normal.motes", "1 to \(FleetPolicy.fleetLimit)")
        try require((0...FleetPolicy.fleetLimit).contains(policy.longLived.motes), "longLived.motes", "0 to \(FleetPolicy.fleetLimit)")
        let most = 2 * (policy.normal.motes + policy.longLived.motes)
        try require((most...4 * FleetPolicy.fleetLimit).contains(policy.motesLimit), "motesLimit", "at least \(most): while motes are replaced, both are alive")
        try require((5...86400).contains(policy.drainLimitSeconds), "drainLimitSeconds", "5 to 86400")
        try require((1...6000).contains(policy.startsPerMinute), "startsPerMinute", "1 to 6000")
        try require((2...3600).contains(policy.startLimitSeconds), "startLimitSeconds", "2 to 3600")
        try require((1...10).contains(policy.votesToList), "votesToList", "1 to 10")
        try require((1...10).contains(policy.attemptsLimit), "attemptsLimit", "1 to 10")
        try require((1...FleetPolicy.longestLifetimeSeconds).contains(streamLifeSeconds), "the expected stream life", "1 second to 30 days")
    }

    private func validateLifetime(_ lifetimeClass: LifetimeClass) throws(PolicyFault) {
        let least = floorSeconds(lifetimeClass)
        let expected = "\(least) to \(FleetPolicy.longestLifetimeSeconds): starting and \(policy.votesToList) votes of \(votingIntervalSeconds) s take "
            + "\(leadSeconds) s, the end of life takes \(fadeSeconds(lifetimeClass)) s, and a mote must be useful in between"
        try require(
            (least...FleetPolicy.longestLifetimeSeconds).contains(policy[lifetimeClass].lifetimeSeconds),
            "\(lifetimeClass == .normal ? "normal" : "longLived").lifetimeSeconds", expected)
    }
}
