internal import Ambience
internal import Glibc
package import Leasing

/// A node that the cloud stands on and that never expires: the authority and the client. Kept running while the cloud is up.
package struct Pillar {
    package enum Role: String, CaseIterable, Sendable { case authority, client }

    package let role: Role
    package let folder: NodeFolder
    private let wallet: WalletPlace

    package init(_ role: Role, state: String) {
        self.role = role
        folder = NodeFolder("\(state)/\(role.rawValue)")
        wallet = WalletPlace(state: state)
    }

    package func observe() -> Sighting {
        let pids = folder.pids
        return Sighting(instances: pids.map(String.init), hasFolder: folder.exists, place: nil, report: pids.first.flatMap { folder.report(by: $0) })
    }

    /// Starts it unless it runs, in our namespaces or in others.
    package func start(program: String, plan: NetworkPlan, in spaces: Namespaces? = nil) throws(ProviderError) {
        guard folder.pids.isEmpty else { return }
        let torrcs = Torrcs(plan), own = wallet.exists ? wallet : nil
        try folder.start(program: program, torrc: role == .authority ? torrcs.authority(in: folder) : torrcs.client(in: folder, wallet: own), in: spaces)
    }

    package func stop() { folder.signal(NodeSignal.stop) }
    package func kill() { folder.signal([SIGKILL]) }
}
