package import Relaying

/// How an authority took an upload.
package enum UploadAnswer: Equatable, Sendable {
    /// 200; the text is the authority's.
    case accepted(String)
    /// The authority says why.
    case refused(status: Int, String)
    case unreachable

    init(_ result: Result<HTTPResponse, DirectoryTunnels.Failure>) {
        switch result {
        case .success(let response) where response.isSuccess: self = .accepted(response.reason)
        case .success(let response): self = .refused(status: response.status, response.reason)
        case .failure: self = .unreachable
        }
    }
}

extension DirectoryTunnels {
    /// Posts a server descriptor, directly followed by its extra-info, to one authority (dir-spec "Uploading server descriptors").
    package func upload(_ documents: [UInt8], to authority: DirectorySource, _ done: @escaping (UploadAnswer) -> Void) {
        post(documents, to: "/tor/", at: authority, done)
    }

    /// Posts likewise, but over a circuit of its own to the last of these relays.
    package func upload(_ documents: [UInt8], along path: [HopTarget], _ done: @escaping (UploadAnswer) -> Void) {
        exchange(HTTPRequest(.post, "/tor/", body: documents), along: path) { done(UploadAnswer($0)) }
    }

    /// Posts any body; `done` is called once.
    package func post(_ body: [UInt8], to path: String, at authority: DirectorySource, _ done: @escaping (UploadAnswer) -> Void) {
        exchange(HTTPRequest(.post, path, body: body), with: authority) { done(UploadAnswer($0)) }
    }
}
