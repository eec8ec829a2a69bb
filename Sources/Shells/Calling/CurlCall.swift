internal import CCurl
internal import Glibc

/// One HTTP call by libcurl, bounded in time and size, on a connection of its own. The calling thread waits.
///
/// No redirects: what is sent goes where it was meant to go, and nowhere else.
package struct CurlCall: Sendable {
    /// What becomes of a call.
    package enum Fate: Sendable {
        /// The lines of the answer's head as they came, and its body.
        case answered(status: Int, head: [UInt8], body: [UInt8])
        /// It may have reached the other side: the connection stood.
        case lost(String)
        case unsent(String)
    }

    /// Where a call goes through.
    package enum Way: Hashable, Sendable {
        /// HTTPS with verified certificates, through whatever proxy the environment names.
        case encrypted
        /// Plain HTTP too, straight to the address.
        case plain
        /// Plain HTTP too, through a SOCKS 5 proxy that resolves names: `socks5h://…`.
        case proxy(String)
    }

    package var method: String
    package var url: String
    /// An empty value sends the bare name.
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    package var way: Way
    package var connectMilliseconds: Int
    package var totalMilliseconds: Int
    package var headLimitBytes: Int
    package var bodyLimitBytes: Int

    package init(
        _ method: String, _ url: String, headers: [(name: String, value: String)] = [], body: [UInt8] = [], way: Way, connectMilliseconds: Int, totalMilliseconds: Int,
        headLimitBytes: Int = 64 << 10, bodyLimitBytes: Int
    ) {
        (self.method, self.url, self.headers, self.body, self.way) = (method, url, headers, body, way)
        (self.connectMilliseconds, self.totalMilliseconds) = (connectMilliseconds, totalMilliseconds)
        (self.headLimitBytes, self.bodyLimitBytes) = (headLimitBytes, bodyLimitBytes)
    }

    private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    package func perform() -> Fate {
        _ = Self.isReady
        // SAFETY: the strings and the body outlive `dc_curl_perform`, which keeps no pointer to them; the buffers it made are copied and then freed here.
        var words = [method, url]
        if case .proxy(let proxy) = way { words.append(proxy) } else { words.append("") }
        words += headers.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
        let isOneLine = words.allSatisfy { $0.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }
        guard isOneLine else { return .unsent("a header with a line break") }
        let copies: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { copies.forEach(Self.forget) }
        var call = dc_curl_call()
        call.connect_ms = connectMilliseconds
        call.total_ms = totalMilliseconds
        call.is_plain = way == .encrypted ? 0 : 1
        call.answer.limit = bodyLimitBytes
        call.head.limit = headLimitBytes
        defer {
            free(call.answer.bytes)
            free(call.head.bytes)
        }
        var why = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))
        let fate = copies.withUnsafeBufferPointer { lines in
            body.withUnsafeBufferPointer { body in
                call.method = UnsafePointer(lines[0])
                call.url = UnsafePointer(lines[1])
                if case .proxy = way { call.proxy = UnsafePointer(lines[2]) }
                call.headers = lines.baseAddress! + 3
                call.body = body.baseAddress
                call.body_count = body.count
                return dc_curl_perform(&call, &why)
            }
        }
        let reason = String(decoding: why.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        switch Int(fate) {
        case dc_curl_answered: return .answered(status: call.status, head: Self.bytes(call.head), body: Self.bytes(call.answer))
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
}
