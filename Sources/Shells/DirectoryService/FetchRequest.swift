internal import Bytes
internal import Sealing

/// The name of one small document, by the digest that the protocol fetches it by.
package struct DocumentName: Hashable, Sendable {
    package enum Kind: CaseIterable, Sendable {
        /// 20 bytes of v3 identity and 20 bytes of signing key digest.
        case certificate
        /// SHA-256, 32 bytes.
        case microdescriptor
        /// SHA-1, 20 bytes.
        case descriptor
        /// SHA-1, 20 bytes.
        case extraInfo
    }

    package let kind: Kind
    package let digest: [UInt8]

    package init(_ kind: Kind, _ digest: [UInt8]) {
        self.kind = kind
        self.digest = digest
    }

    package init(_ name: CertificateName) { self.init(.certificate, name.identity.bytes + name.signingKey.bytes) }

    fileprivate var text: String {
        switch kind {
        case .certificate: "\(Hex.upper(digest.prefix(20)))-\(Hex.upper(digest.dropFirst(20)))"
        case .microdescriptor: Base64.encode(digest, padded: false)
        case .descriptor, .extraInfo: Hex.upper(digest)
        }
    }
}

/// What is asked of one source in one HTTP request.
package enum FetchRequest: Hashable, Sendable {
    case consensus(isMicrodesc: Bool)
    /// Names of one kind, at least one.
    case documents(DocumentName.Kind, [DocumentName])

    /// The documents that are asked for, other than a consensus.
    package var names: [DocumentName] { if case .documents(_, let names) = self { names } else { [] } }

    /// The request's path. `signers` are the v3 identities of whom the consensus needs more than half.
    package func path(signers: [[UInt8]] = []) -> String {
        switch self {
        case .consensus(let isMicrodesc):
            // Three bytes tell authorities apart; whole fingerprints would only make the line longer.
            let list = signers.map { Hex.upper($0.prefix(3)) }.sorted().joined(separator: "+")
            return "/tor/status-vote/current/consensus" + (isMicrodesc ? "-microdesc" : "") + (list.isEmpty ? "" : "/\(list)")
        case .documents(.certificate, let names): return "/tor/keys/fp-sk/" + names.map(\.text).joined(separator: "+")
        case .documents(.microdescriptor, let names): return "/tor/micro/d/" + names.map(\.text).joined(separator: "-")
        case .documents(.descriptor, let names): return "/tor/server/d/" + names.map(\.text).joined(separator: "+")
        case .documents(.extraInfo, let names): return "/tor/extra/d/" + names.map(\.text).joined(separator: "+")
        }
    }
}
