/// How an authority took an upload.
package enum UploadAnswer: Equatable, Sendable {
    /// 200; the text is the authority's.
    case accepted(String)
    /// The authority says why.
    case refused(status: Int, String)
    case unreachable
}

extension DirectoryTunnels {
    /// Posts a server descriptor, directly followed by its extra-info, to one authority (dir-spec "Uploading server descriptors").
    package func upload(_ documents: [UInt8], to authority: DirectorySource, _ done: @escaping (UploadAnswer) -> Void) {
        post(documents, to: "/tor/", at: authority, done)
    }

    /// Posts any body; `done` is called once.
    package func post(_ body: [UInt8], to path: String, at authority: DirectorySource, _ done: @escaping (UploadAnswer) -> Void) {
        exchange(HTTPRequest(.post, path, body: body), with: authority) { result in
            switch result {
            case .success(let response) where response.isSuccess: done(.accepted(response.reason))
            case .success(let response): done(.refused(status: response.status, response.reason))
            case .failure: done(.unreachable)
            }
        }
    }
}
