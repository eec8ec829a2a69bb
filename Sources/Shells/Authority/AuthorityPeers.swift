internal import Directory
internal import DirectoryService
internal import Logging
internal import Sealing

/// The other authorities: sends them our vote and signatures, and asks them for what did not come.
final class AuthorityPeers {
    private let tunnels: DirectoryTunnels?
    private let others: [DirectorySource]
    private let log = Logger(label: "authority")

    init(tunnels: DirectoryTunnels?, others: [VotingAuthority]) {
        self.tunnels = tunnels
        self.others = others.map { DirectorySource(nickname: $0.nickname, rsa: $0.relay, addresses: [$0.orAddress], v3Identity: $0.identity) }
    }

    func send(vote: [UInt8]) { post(vote, to: "/tor/post/vote") }
    func send(signatures: [UInt8]) { post(signatures, to: "/tor/post/consensus-signature") }

    /// Asks everybody for the votes of these authorities: one may have what another did not get to us.
    func fetchVotes(of missing: [RSAIdentity], _ take: @escaping ([UInt8]) -> Void) {
        guard !missing.isEmpty else { return }
        for identity in missing { get("/tor/status-vote/next/\(identity)", take) }
    }

    func fetchSignatures(_ take: @escaping ([UInt8]) -> Void) { get("/tor/status-vote/next/consensus-signatures", take) }

    private func post(_ body: [UInt8], to path: String) {
        for other in others {
            tunnels?.post(body, to: path, at: other) { [log] answer in
                if case .accepted = answer { return }
                log.info("\(other.nickname) did not take \(path): \(answer)")
            }
        }
    }

    private func get(_ path: String, _ take: @escaping ([UInt8]) -> Void) {
        for other in others {
            tunnels?.exchange(HTTPRequest(.get, path), with: other) { result in
                if case .success(let response) = result, response.isSuccess { take(response.body) }
            }
        }
    }
}
