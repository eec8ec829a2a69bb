package import Leasing
package import Providers
internal import Sealing

/// What a cloud is wanted to be, as it is recorded. The network's part is fixed while the cloud lives; the rest may change.
package struct CloudSettings: Equatable, Codable, Sendable {
    package var mode: Desire.Mode
    package var policy: FleetPolicy
    package var network: NetworkPlan
    /// `nil`: motes are no virtual machines of this machine.
    package var machines: MachineSettings?
    /// Where motes are rented; `nil`: they run on this machine.
    package var clouds: CloudsPlan?

    package init(mode: Desire.Mode, policy: FleetPolicy, network: NetworkPlan, machines: MachineSettings? = nil, clouds: CloudsPlan? = nil) {
        self.mode = mode
        self.policy = policy
        self.network = network
        self.machines = machines
        self.clouds = clouds
    }

    /// What new motes are made of. An older one that is made of something else has drifted.
    package var make: Make { Make(images: machines.map { ["vm": $0.digest] } ?? [:], config: clouds?.download?.sha256 ?? mailConfig) }

    /// Digest of how letters leave; `nil` for motes that carry none.
    private var mailConfig: String? {
        guard network.mailHoldSeconds != nil else { return nil }
        return Digest.sha256(Array((network.mailExit?.lines ?? []).joined(separator: "\n").utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    package var timing: Timing {
        Timing(policy: policy, votingIntervalSeconds: network.votingIntervalSeconds, expectedStreamLifeSeconds: network.streamLifeSeconds)
    }
}
