internal import Ambience
internal import Compression
internal import Directory
internal import Sealing

/// What an answer holds, unpacked and parsed. Slow for a consensus, so that the worker reads it; nothing in it has been verified yet.
enum FetchedDocuments: Sendable {
    /// `diffBytes`: how large the diff was that it came as.
    case consensus(Consensus, diffBytes: Int?)
    case certificates([KeyCertificate])
    case microdescriptors([Microdescriptor])
    case descriptors([RouterDescriptor])
    case extraInfos([ExtraInfo])

    /// Why an answer is no use.
    enum Failure: Error, CustomStringConvertible {
        case coding(String)
        case packing(CompressionError)
        case diff(ConsensusDiff.Failure)
        case document(DocumentError)

        var description: String {
            switch self {
            case .coding(let name): "an encoding that was not asked for: \(name)"
            case .packing(let error): "an answer that cannot be unpacked: \(error)"
            case .diff(let error): "a consensus diff that is no use: \(error)"
            case .document(let error): "a consensus that cannot be read: \(error)"
            }
        }
    }

    /// Reads a successful answer; `base` is the text of the consensus that a diff would start from.
    init(_ response: HTTPResponse, of request: FetchRequest, base: [UInt8]?) throws(Failure) {
        let body = try Self.unpack(response)
        switch request {
        case .consensus: self = try Self.consensus(body, base)
        case .documents(.certificate, _): self = .certificates(DocumentBundle.certificates(body).compactMap { try? KeyCertificate($0) })
        case .documents(.microdescriptor, _): self = .microdescriptors(DocumentBundle.microdescriptors(body).compactMap { try? Microdescriptor($0) })
        case .documents(.descriptor, _): self = .descriptors(DocumentBundle.relayDocuments(body).compactMap { try? RouterDescriptor($0) })
        case .documents(.extraInfo, _): self = .extraInfos(DocumentBundle.relayDocuments(body).compactMap { try? ExtraInfo($0) })
        }
    }

    private static func unpack(_ response: HTTPResponse) throws(Failure) -> [UInt8] {
        guard let coding = Negotiation.coding(of: response) else { throw .coding(response.headers["Content-Encoding"] ?? "") }
        do throws(CompressionError) {
            return try coding.unpack(response.body, limitBytes: HTTPLimits.documentLimitBytes)
        } catch { throw .packing(error) }
    }

    private static func consensus(_ body: [UInt8], _ base: [UInt8]?) throws(Failure) -> FetchedDocuments {
        let isDiff = ConsensusDiff.isDiff(body)
        var text = body
        if isDiff {
            do throws(ConsensusDiff.Failure) {
                guard let base else { throw .otherBase }
                text = try ConsensusDiff.apply(body, to: base)
            } catch { throw .diff(error) }
        }
        do throws(DocumentError) {
            return .consensus(try Consensus(text), diffBytes: isDiff ? body.count : nil)
        } catch { throw .document(error) }
    }
}

extension FetchedDocuments {
    /// How the reading went, for the way back from the worker.
    struct Reading: Sendable {
        let result: Result<FetchedDocuments, Failure>

        init(_ response: HTTPResponse, of request: FetchRequest, base: [UInt8]?) {
            do throws(Failure) {
                result = .success(try FetchedDocuments(response, of: request, base: base))
            } catch { result = .failure(error) }
        }
    }
}
