internal import Calling
package import CloudCalls

/// Calls providers, one call at a time, each bounded in time and size. The calling thread waits.
///
/// HTTPS with verified certificates; plain HTTP only to this machine itself, for tests. No redirects: credentials go where they were meant to go.
package struct CurlLine: Sendable {
    package static let answerLimitBytes = 16 << 20
    package static let headLimitBytes = 64 << 10
    private static let connectLimitMilliseconds = 10_000
    private let limitMilliseconds: Int

    /// Rentals count on the limit: nobody may make it longer.
    package init(limitMilliseconds: Int = Int(Rental.callLimitSeconds) * 1000) {
        self.limitMilliseconds = min(limitMilliseconds, Int(Rental.callLimitSeconds) * 1000)
    }

    package func perform(_ request: CloudRequest) -> Reply {
        let call = CurlCall(
            request.method, request.url, headers: request.headers.map { ($0.name, $0.value) }, body: request.body, way: Self.isLocal(request) ? .plain : .encrypted,
            connectMilliseconds: min(Self.connectLimitMilliseconds, limitMilliseconds), totalMilliseconds: limitMilliseconds, headLimitBytes: Self.headLimitBytes,
            bodyLimitBytes: Self.answerLimitBytes)
        switch call.perform() {
        case .answered(let status, let head, let body): return .answer(CloudAnswer(status: status, headers: Self.fields(head), body: body))
        case .lost(let reason): return .lost(reason)
        case .unsent(let reason): return .unsent(reason)
        }
    }

    /// A name with a port at most: what follows an @ would be the host.
    private static func isLocal(_ request: CloudRequest) -> Bool { request.host.wholeMatch(of: /(127\.0\.0\.1|\[::1\]|localhost)(:[0-9]{1,5})?/) != nil }

    private static func fields(_ head: [UInt8]) -> [String: String] {
        var fields: [String: String] = [:]
        for line in head.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == 0x20 || $0 == 0x09 }
            fields[String(decoding: line[..<colon], as: UTF8.self).lowercased()] = String(decoding: value, as: UTF8.self)
        }
        return fields
    }
}
