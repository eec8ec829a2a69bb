package import Leasing
package import Providers

/// What a cloud is wanted to be, as it is recorded. The network's part is fixed while the cloud lives; the rest may change.
package struct CloudSettings: Equatable, Codable, Sendable {
    package var mode: Desire.Mode
    package var policy: FleetPolicy
    package var network: NetworkPlan

    package init(mode: Desire.Mode, policy: FleetPolicy, network: NetworkPlan) {
        self.mode = mode
        self.policy = policy
        self.network = network
    }

    package var timing: Timing {
        Timing(policy: policy, votingIntervalSeconds: network.votingIntervalSeconds, expectedStreamLifeSeconds: network.streamLifeSeconds)
    }
}
