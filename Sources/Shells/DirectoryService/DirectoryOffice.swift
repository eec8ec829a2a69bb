/// Takes POSTs below a path of its own, over circuits, for another role of the node: the mix, boxes of letters. Answers when it is ready to,
/// within `DirectoryPort.Settings.requestTimeout`.
package struct DirectoryOffice {
    /// Begins and ends with a slash.
    package let path: String
    package let bodyLimitBytes: Int
    /// Gets what follows `path`, and the body. The last argument is to be called once; bytes are sent as they are.
    package let answer: (_ rest: Substring, _ body: [UInt8], DirectoryServer.Peer, _ done: @escaping (Answer) -> Void) -> Void

    package enum Answer: Equatable, Sendable {
        case bytes([UInt8])
        /// 400
        case refused
        /// 404
        case unknown
        /// 503
        case busy

        var response: HTTPResponse {
            switch self {
            case .bytes(let bytes):
                var response = HTTPResponse.ok(bytes)
                response.headers.add("Content-Type", "application/octet-stream")
                return response
            case .refused: return .badRequest()
            case .unknown: return .notFound()
            case .busy: return .busy
            }
        }
    }

    package init(
        path: String, bodyLimitBytes: Int,
        answer: @escaping (_ rest: Substring, _ body: [UInt8], DirectoryServer.Peer, _ done: @escaping (Answer) -> Void) -> Void
    ) {
        (self.path, self.bodyLimitBytes, self.answer) = (path, bodyLimitBytes, answer)
    }
}

extension DirectoryServer {
    /// Whose path it is. `nil` for what is no POST to any of them.
    private func office(for request: HTTPRequest) -> DirectoryOffice? {
        request.method == .post ? offices.first { request.path.hasPrefix($0.path) } : nil
    }

    /// What may be posted there; bytes.
    func bodyLimit(for request: HTTPRequest) -> Int { office(for: request)?.bodyLimitBytes ?? requestLimits.bodyBytes }

    /// False if it is none of theirs. Only circuits come here: who came straight to us would show who they are.
    func handToOffice(_ request: HTTPRequest, _ peer: Peer, _ done: @escaping (HTTPResponse) -> Void) -> Bool {
        guard let office = office(for: request) else { return false }
        guard peer.isTunnelled else {
            done(.notFound())
            return true
        }
        office.answer(request.path.dropFirst(office.path.count), request.body, peer) { done($0.response) }
        return true
    }
}
