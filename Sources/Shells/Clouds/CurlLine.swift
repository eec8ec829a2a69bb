internal import CCurl
package import CloudCalls
internal import Glibc

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
        _ = Self.isReady
    }

    private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    package func perform(_ request: CloudRequest) -> Reply {
        // SAFETY: the strings and the body outlive `dc_curl_perform`, which keeps no pointer to them; the buffers it made are copied and then freed here.
        let words = ([request.method, request.url] + request.headers.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" })
        let isOneLine = words.allSatisfy { $0.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }
        guard isOneLine else { return .unsent("a header with a line break") }
        let copies: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { copies.forEach(Self.forget) }
        var call = dc_curl_call()
        call.connect_ms = min(Self.connectLimitMilliseconds, limitMilliseconds)
        call.total_ms = limitMilliseconds
        call.is_local = Self.isLocal(request) ? 1 : 0
        call.answer.limit = Self.answerLimitBytes
        call.head.limit = Self.headLimitBytes
        defer {
            free(call.answer.bytes)
            free(call.head.bytes)
        }
        var why = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))
        let fate = copies.withUnsafeBufferPointer { lines in
            request.body.withUnsafeBufferPointer { body in
                call.method = UnsafePointer(lines[0])
                call.url = UnsafePointer(lines[1])
                call.headers = lines.baseAddress! + 2
                call.body = body.baseAddress
                call.body_count = body.count
                return dc_curl_perform(&call, &why)
            }
        }
        let reason = String(decoding: why.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        switch Int(fate) {
        case dc_curl_answered:
            return .answer(CloudAnswer(status: call.status, headers: Self.fields(Self.bytes(call.head)), body: Self.bytes(call.answer)))
        case dc_curl_lost: return .lost(reason)
        default: return .unsent(reason)
        }
    }

    /// Credentials may be in it.
    private static func forget(_ words: UnsafeMutablePointer<CChar>?) {
        guard let words else { return }
        explicit_bzero(words, strlen(words))
        free(words)
    }

    private static func bytes(_ buffer: dc_curl_buffer) -> [UInt8] { Array(UnsafeBufferPointer(start: buffer.bytes, count: buffer.count)) }

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
