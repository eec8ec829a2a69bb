package import Leasing
package import Providers

/// What a cloud is wanted to be, as it is recorded. The network's part is fixed while the cloud lives; the rest may change.
package struct CloudSettings: Equatable, Codable, Sendable {
    package var mode: Desire.Mode
    package var policy: FleetPolicy
    package var network: NetworkPlan
    /// `nil`: motes are no virtual machines of this machine.
    package var machines: MachineSettings?

    package init(mode: Desire.Mode, policy: FleetPolicy, network: NetworkPlan, machines: MachineSettings? = nil) {
        self.mode = mode
        self.policy = policy
        self.network = network
        self.machines = machines
    }

    package var timing: Timing {
        Timing(policy: policy, votingIntervalSeconds: network.votingIntervalSeconds, expectedStreamLifeSeconds: network.streamLifeSeconds)
    }
}
