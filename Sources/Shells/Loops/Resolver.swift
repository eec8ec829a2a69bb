package import Ambience
internal import CEvent
internal import Glibc

/// Asynchronous DNS through evdns: one question, one answer.
package final class Resolver {
    package enum Failure: Error, Equatable {
        /// The name does not exist or has no such record.
        case permanent
        /// No server answered in time; asking again later may help.
        case transient
    }

    package struct Settings: Sendable {
        /// Where name servers are read from; when the file is missing or names none, 127.0.0.1 is asked.
        package var resolvConf = "/etc/resolv.conf"
        /// Letters in questions are large and small at random, which makes forged answers harder.
        package var isCaseRandom = true
        /// Names without a dot are looked up under the machine's own domains too.
        package var isSearching = false

        package init() {}
    }

    /// How a question ended, as evdns tells it.
    package enum Outcome: Int, CaseIterable, Sendable {
        case success
        case format
        case serverFailed
        case missing
        case unsupported
        case refused
        case truncated
        case unknown
        case timeout
        case shutdown
        case cancelled
        case noData

        init(_ code: Int32) {
            let known: [Int32] = [
                DNS_ERR_NONE, DNS_ERR_FORMAT, DNS_ERR_SERVERFAILED, DNS_ERR_NOTEXIST, DNS_ERR_NOTIMPL, DNS_ERR_REFUSED, DNS_ERR_TRUNCATED, DNS_ERR_UNKNOWN,
                DNS_ERR_TIMEOUT, DNS_ERR_SHUTDOWN, DNS_ERR_CANCEL, DNS_ERR_NODATA,
            ]
            self = known.firstIndex(of: code).flatMap(Outcome.init) ?? .unknown
        }
    }

    package struct Answer<Value> {
        package let values: [Value]
        package let ttlSeconds: UInt32
    }

    /// Questions under way at most; a further one fails at once as transient.
    package static let questionLimit = 512

    // SAFETY: owned here; evdns is told to fail open questions on free, so every question's box is released, in the loop's next turn.
    private let dns: OpaquePointer
    private let loop: EventLoop
    private let flags: Int32
    private var questions = 0
    /// Each question that goes out, and what came of it.
    package var onAsked: () -> Void = {}
    package var onAnswered: (Outcome) -> Void = { _ in }
    /// Whether the file named a server.
    package let isConfigured: Bool

    package init(loop: EventLoop, settings: Settings = Settings()) {
        guard let dns = evdns_base_new(loop.base, EVDNS_BASE_DISABLE_WHEN_INACTIVE) else { fatalError("evdns cannot start") }
        self.dns = dns
        self.loop = loop
        flags = settings.isSearching ? 0 : DNS_QUERY_NO_SEARCH
        let options = settings.isSearching ? dc_dns_options | DNS_OPTION_SEARCH : dc_dns_options
        let code = evdns_base_resolv_conf_parse(dns, options, settings.resolvConf)
        isConfigured = code == 0 && evdns_base_count_nameservers(dns) > 0
        if evdns_base_count_nameservers(dns) == 0 { evdns_base_nameserver_ip_add(dns, "127.0.0.1") }
        evdns_base_set_option(dns, "randomize-case:", settings.isCaseRandom ? "1" : "0")
        setPatience(attempts: 2, timeout: .seconds(1))
    }

    deinit { evdns_base_free(dns, 1) }

    /// How often a server is asked, and how long each time.
    package func setPatience(attempts: Int32, timeout: Instant.Span) {
        evdns_base_set_option(dns, "attempts:", "\(attempts)")
        evdns_base_set_option(dns, "timeout:", "\(timeout.inSeconds)")
    }

    /// Addresses of one family; never an empty list.
    package func resolve(_ name: String, isIPv4: Bool, _ done: @escaping (Result<Answer<IPAddress>, Failure>) -> Void) {
        ask(done, reader: { Question.addresses($0, $1, $2, isIPv4: isIPv4) }) { [dns, flags] (callback: @escaping evdns_callback_type, context: UnsafeMutableRawPointer) -> OpaquePointer? in
            if isIPv4 { return evdns_base_resolve_ipv4(dns, name, flags, callback, context) }
            return evdns_base_resolve_ipv6(dns, name, flags, callback, context)
        }
    }

    /// The names of an address.
    package func reverse(_ ip: IPAddress, _ done: @escaping (Result<Answer<String>, Failure>) -> Void) {
        ask(done, reader: Question.names) { [dns] (callback: @escaping evdns_callback_type, context: UnsafeMutableRawPointer) -> OpaquePointer? in
            ip.bytes.withUnsafeBytes { raw -> OpaquePointer? in
                var v4 = in_addr()
                var v6 = in6_addr()
                if raw.count == 4 {
                    withUnsafeMutableBytes(of: &v4) { $0.copyBytes(from: raw) }
                    return evdns_base_resolve_reverse(dns, &v4, 0, callback, context)
                }
                withUnsafeMutableBytes(of: &v6) { $0.copyBytes(from: raw) }
                return evdns_base_resolve_reverse_ipv6(dns, &v6, 0, callback, context)
            }
        }
    }

    private func ask<Value>(
        _ done: @escaping (Result<Answer<Value>, Failure>) -> Void, reader: @escaping Question.Reader<Value>,
        _ launch: (@escaping evdns_callback_type, UnsafeMutableRawPointer) -> OpaquePointer?
    ) {
        guard questions < Self.questionLimit else { return loop.soon { done(.failure(.transient)) } }
        questions += 1
        // An open question keeps neither this nor its loop: where no turn follows, its answer would never come.
        let question = Question { [weak self] (code: Int32, kind: CChar, count: Int, ttl: Int32, records: UnsafeMutableRawPointer?) in
            self?.questions -= 1
            self?.onAnswered(Outcome(code))
            let values: [Value] = if let records { reader(kind, count, records) } else { [] }
            done(Question.result(code, values, ttl))
        }
        // SAFETY: the callback comes exactly once for every question that was launched, and takes the reference back.
        let context = Unmanaged.passRetained(question).toOpaque()
        let callback: evdns_callback_type = { code, kind, count, ttl, records, context in
            Unmanaged<Question>.fromOpaque(context!).takeRetainedValue().answered(code, kind, Int(count), ttl, records)
        }
        let request = launch(callback, context)
        guard request == nil else { return onAsked() }
        Unmanaged<Question>.fromOpaque(context).release()
        questions -= 1
        loop.soon { done(.failure(.permanent)) }  // evdns would not send this name
    }
}

private final class Question {
    typealias Answered = (_ code: Int32, _ kind: CChar, _ count: Int, _ ttl: Int32, _ records: UnsafeMutableRawPointer?) -> Void
    typealias Reader<Value> = (_ kind: CChar, _ count: Int, _ records: UnsafeMutableRawPointer) -> [Value]

    /// Records taken from one answer.
    private static let recordLimit = 16

    let answered: Answered
    init(_ answered: @escaping Answered) { self.answered = answered }

    static func result<Value>(_ code: Int32, _ values: [Value], _ ttl: Int32) -> Result<Resolver.Answer<Value>, Resolver.Failure> {
        if code == DNS_ERR_NONE, !values.isEmpty { return .success(Resolver.Answer(values: values, ttlSeconds: UInt32(clamping: ttl))) }
        return .failure(code == DNS_ERR_NOTEXIST || code == DNS_ERR_NODATA || code == DNS_ERR_NONE ? .permanent : .transient)
    }

    // SAFETY for both: evdns hands over `count` records of the kind it names, valid during the callback.
    static func addresses(_ kind: CChar, _ count: Int, _ records: UnsafeMutableRawPointer, isIPv4: Bool) -> [IPAddress] {
        guard Int32(kind) == (isIPv4 ? DNS_IPv4_A : DNS_IPv6_AAAA) else { return [] }
        let bytes = isIPv4 ? 4 : 16
        return (0..<min(max(count, 0), recordLimit)).compactMap { IPAddress(bytes: UnsafeRawBufferPointer(start: records + $0 * bytes, count: bytes)) }
    }

    static func names(_ kind: CChar, _ count: Int, _ records: UnsafeMutableRawPointer) -> [String] {
        guard Int32(kind) == DNS_PTR else { return [] }
        let names = records.bindMemory(to: UnsafePointer<CChar>?.self, capacity: count)
        return (0..<min(max(count, 0), recordLimit)).compactMap { names[$0].map { String(cString: $0) } }
    }
}
