internal import Compression
internal import Directory

/// An answer as plain text, and what is known about it that lets it be sent shorter.
struct AnswerDraft {
    var response: HTTPResponse
    /// Set when the body is a consensus.
    var consensus: ConsensusHistory.Newest?
    /// Consensuses that the asker holds, by `signedDigest`.
    var bases: [[UInt8]] = []
    /// A full consensus is not wanted instead of a diff.
    var isDiffDemanded = false
    /// Names the body if it is worth keeping in its packed form.
    var name: [UInt8]?

    init(_ response: HTTPResponse) { self.response = response }
}

extension DirectoryServer {
    /// Shorter bodies are not worth packing: they fit into a few cells.
    private static let smallBytes = 512
    /// Bases that are looked for at most; a client names one.
    private static let baseLimit = 8

    /// Replaces a consensus by the diff from the first of the asker's that we still have.
    func shorten(_ draft: AnswerDraft, _ done: @escaping (AnswerDraft) -> Void) {
        guard let newest = draft.consensus else { return done(draft) }
        let flavour = newest.consensus.flavour
        guard let press, let past = draft.bases.prefix(Self.baseLimit).lazy.compactMap({ [history] in history?.past(flavour, $0) }).first else {
            return done(whole(draft))
        }
        let text = newest.consensus.text
        press.get(.diff(from: past.signedDigest, to: newest.digest)) {
            past.text().flatMap { ConsensusDiff.make(from: $0, to: text) }
        } _: { [self] diff in
            guard let diff, diff.count < text.count else { return done(whole(draft)) }
            statistics.diffs += 1
            var draft = draft
            draft.response.body = diff
            draft.name = past.signedDigest + newest.digest
            done(draft)
        }
    }

    private func whole(_ draft: AnswerDraft) -> AnswerDraft {
        guard !draft.isDiffDemanded else { return AnswerDraft(.notFound("No such diff available")) }
        statistics.consensuses += 1
        return draft
    }

    /// Packs the body; when that cannot be done it is sent as it is, which everybody takes.
    func pack(_ draft: AnswerDraft, _ coding: ContentCoding, _ done: @escaping (HTTPResponse, ContentCoding) -> Void) {
        let response = draft.response
        guard let press, coding != .identity, response.isSuccess, response.body.count >= Self.smallBytes else { return done(response, .identity) }
        let packed: ([UInt8]?) -> Void = { bytes in
            guard let bytes, bytes.count < response.body.count else { return done(response, .identity) }
            var response = response
            response.body = bytes
            done(response, coding)
        }
        guard let name = draft.name else { return press.pack(response.body, coding, packed) }
        let plain = response.body
        press.get(.packed(name, coding), { try? coding.pack(plain, .thorough) }, packed)
    }
}
