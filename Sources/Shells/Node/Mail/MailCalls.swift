internal import DirectoryService
internal import Relaying
internal import Sealing

/// What motes with mail ask each other: one POST, over a circuit of three hops that ends at the other, so that no link shows which of them speak.
final class MailCalls {
    enum Failure: Error, Equatable {
        /// No path, no circuit, or no whole answer.
        case unreachable
        /// 503: come again.
        case busy
        /// Another status.
        case refused(Int)
    }

    private let tunnels: DirectoryTunnels
    private let paths: SelfPaths
    private let own: RSAIdentity

    init(tunnels: DirectoryTunnels, paths: SelfPaths, own: RSAIdentity) { (self.tunnels, self.paths, self.own) = (tunnels, paths, own) }

    /// To a relay of the newest consensus.
    ///
    /// - Parameters:
    ///   - path: of an office of the other's (`DirectoryOffice`), such as `/tor/dust/mix/take`.
    ///   - answerLimitBytes: what the answer may have.
    ///   - done: called once, never before this returns.
    func post(_ body: [UInt8], to path: String, at mote: RSAIdentity, answerLimitBytes: Int, _ done: @escaping (Result<[UInt8], Failure>) -> Void) {
        post(body, to: path, at: mote, by: { paths.path(to: mote, from: own) }, answerLimitBytes, done)
    }

    /// To a relay that we know, listed or not.
    func post(_ body: [UInt8], to path: String, at mote: HopTarget, answerLimitBytes: Int, _ done: @escaping (Result<[UInt8], Failure>) -> Void) {
        post(body, to: path, at: mote.rsa, by: { paths.path(to: mote, from: own) }, answerLimitBytes, done)
    }

    private func post(
        _ body: [UInt8], to path: String, at mote: RSAIdentity, by way: () -> [HopTarget]?, _ answerLimitBytes: Int, _ done: @escaping (Result<[UInt8], Failure>) -> Void
    ) {
        let limits = HTTPLimits(headBytes: HTTPLimits.response.headBytes, bodyBytes: answerLimitBytes)
        tunnels.exchange(HTTPRequest(.post, path, body: body), at: mote, by: way, isFit: { paths.holds($0) }, limits: limits) { result in
            done(result.mapError { _ in .unreachable }.flatMap { $0.isSuccess ? .success($0.body) : .failure($0.status == 503 ? .busy : .refused($0.status)) })
        }
    }
}
