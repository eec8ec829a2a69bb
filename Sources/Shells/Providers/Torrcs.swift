internal import Ambience
package import Leasing

/// The configurations of a cloud's nodes, in stock tor's words and our few own.
package struct Torrcs {
    let plan: NetworkPlan

    package init(_ plan: NetworkPlan) { self.plan = plan }

    /// A mote that is reached at `address`:`port`, with its files in `folder` as it sees them. `isBound`: it listens at that address; else at all that it has,
    /// for a rented machine may be reached at one that it does not know. With a wallet on the same machine it can be sold, and with a folder in memory for
    /// the keys of mail it is on the mix and keeps mailboxes.
    package func mote(
        _ lease: Lease, attempt: Int, address: String = NetworkPlan.loopback, port: UInt16, isBound: Bool = true, in folder: NodeFolder, wallet: WalletPlace? = nil, mailKeys: NodeFolder? = nil
    ) -> String {
        var lines = ["# mote \(lease.key), attempt \(attempt), \(lease.lifetimeClass.rawValue)"]
        lines += common(folder, nickname: lease.key.nickname, address: address)
        lines += [
            "ORPort \(isBound ? "\(address):" : "")\(port)", "SocksPort 0", "AssumeReachable 1", "MoteExpires \(lease.expires.rfc3339)",
            "MoteDrainWindow \(lease.drainSeconds) seconds", "ShutdownWaitLength \(lease.drainSeconds) seconds", "ExitRelay 1", "ExitPolicyRejectPrivate \(plan.isExitToPrivateAllowed ? 0 : 1)",
            "ExitPolicy reject *:25", "ExitPolicy accept *:*",
        ]
        if let wallet { lines.append("MoteMarket \(wallet.market(of: lease.key))") }
        if let mailKeys, let hold = plan.mailHoldSeconds { lines += ["MoteMail 1", "MoteMailBox 1", "MoteMailHoldMean \(hold) seconds", "MoteMailKeyFolder \(mailKeys.path)"] + (plan.mailExit?.lines ?? []) }
        return text(lines)
    }

    package func authority(in folder: NodeFolder) -> String {
        let interval = plan.votingIntervalSeconds
        let delay = max(2, interval / 5)
        var lines = common(folder, nickname: NetworkPlan.authorityNickname, address: plan.address)
        lines += [
            "ORPort \(plan.address):\(plan.authorityORPort)", "DirPort \(plan.address):\(plan.authorityDirPort)", "SocksPort 0", "ShutdownWaitLength 0", "AssumeReachable 1", "ExitRelay 0",
            "ExitPolicy reject *:*", "ContactInfo nobody@localhost", "AuthoritativeDirectory 1", "V3AuthoritativeDirectory 1",
            "TestingV3AuthInitialVotingInterval \(interval)", "TestingV3AuthInitialVoteDelay \(delay)", "TestingV3AuthInitialDistDelay \(delay)",
            "V3AuthVotingInterval \(interval)", "V3AuthVoteDelay \(delay)", "V3AuthDistDelay \(delay)", "V3AuthNIntervalsValid 3",
            "TestingDirAuthVoteExit *", "TestingDirAuthVoteGuard *", "TestingDirAuthVoteHSDir *", "TestingMinExitFlagThreshold 0",
        ]
        return text(lines)
    }

    /// The client keeps no guards: a guard's worth lies in staying the same for months, and here no relay does.
    /// Nor does it relay through the authority: who says which relays exist should not carry what they carry.
    package func client(in folder: NodeFolder, wallet: WalletPlace? = nil) -> String {
        var lines = common(folder, nickname: NetworkPlan.clientNickname, address: plan.isInYard ? plan.address : NetworkPlan.loopback)
        lines += [
            "SocksPort \(plan.innerSocks)", "ShutdownWaitLength 0", "UseEntryGuards 0", "ClientRejectInternalAddresses \(plan.isExitToPrivateAllowed ? 0 : 1)",
            "MoteStreamLife \(plan.streamLifeSeconds) seconds", "ExcludeNodes \(plan.authorityFingerprint)",
        ]
        if let wallet { lines.append("MoteTickets \(wallet.tickets)") }
        // In the yard the port lies where motes could reach it: from there only the gateway may.
        if plan.isInYard { lines.append("SocksPolicy accept \(YardNumber.gateway.address), reject \(YardNumber.networkText)") }
        return text(lines)
    }

    private func common(_ folder: NodeFolder, nickname: String, address: String) -> [String] {
        [
            "TestingTorNetwork 1", "DataDirectory \(folder.data)", "PidFile \(folder.path)/pid", "Nickname \(nickname)", "Address \(address)",
            "AddressDisableIPv6 1", "PathsNeededToBuildCircuits 0.67", "Log notice stdout", plan.authorityLine,
        ]
    }

    private func text(_ lines: [String]) -> String { lines.joined(separator: "\n") + "\n" }
}
