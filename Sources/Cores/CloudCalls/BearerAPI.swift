internal import Foundation

/// What the providers with JSON and one token per account have in common.
package struct BearerAPI: Sendable, CustomStringConvertible, CustomReflectable {
    let endpoint: String
    private let token: String

    package init(endpoint: String, token: String) {
        self.endpoint = endpoint
        self.token = token
    }

    package var description: String { "BearerAPI(\(endpoint))" }
    package var customMirror: Mirror { Mirror(reflecting: description) }

    func authorize(_ request: CloudRequest) -> CloudRequest { request.adding(.init("authorization", "Bearer \(token)")) }

    func get(_ path: String, _ query: [(String, String)]) -> CloudRequest {
        CloudRequest("GET", endpoint, path: path, query: query.map { .init($0.0, $0.1) }, headers: [.init("accept", "application/json")])
    }

    func post(_ path: String, _ body: some Encodable) -> CloudRequest { JSONCall.post(endpoint, path, body) }

    func delete(_ path: String, id: String) -> CloudRequest { CloudRequest("DELETE", endpoint, path: "\(path)/\(PercentEncoding.encode(id))") }
}

enum JSONCall {
    static func post(_ endpoint: String, _ path: String, _ body: some Encodable) -> CloudRequest {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Only numbers that are none can fail, and the orders have none.
        let bytes = (try? encoder.encode(body)).map(Array.init) ?? []
        return CloudRequest(
            "POST", endpoint, path: path, headers: [.init("accept", "application/json"), .init("content-type", "application/json")], body: bytes)
    }
}

extension CloudAnswer {
    var isSuccess: Bool { (200..<300).contains(status) }

    /// What a success says. What says nothing that we understand may still have done something.
    func decoded<T: Decodable>(_ type: T.Type) throws(CallFailure) -> T {
        do { return try JSONDecoder().decode(type, from: Data(body)) } catch { throw .unknown("HTTP \(status) with a body that makes no sense") }
    }

    /// What a refusal says, if it says it in the way expected.
    func complaint<T: Decodable>(_ type: T.Type) -> T? { try? JSONDecoder().decode(type, from: Data(body)) }

    /// What the status alone says, for all that the provider's own words do not settle. `isLimit` and so on: those words, read.
    func failure(_ message: String, isQuota: Bool = false, isCapacity: Bool = false) -> CallFailure {
        let words = CallFailure.words("HTTP \(status) \(message)")
        return switch status {
        case 429: .later(seconds: retryAfterSeconds)
        case _ where status >= 500 || status == 408 || status < 400: .unknown(words)
        case _ where isQuota: .quota(words)
        case _ where isCapacity: .capacity(words)
        case 401, 403: .credentials(words)
        default: .invalid(words)
        }
    }

    /// RFC 9110 10.2.3, in seconds; an hour at most.
    var retryAfterSeconds: Int64? { headers["retry-after"].flatMap { Int64($0) }.map { min(max($0, 0), 3600) } }
}
