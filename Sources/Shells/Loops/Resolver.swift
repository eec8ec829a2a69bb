package import Ambience
internal import CEvent
internal import Glibc

/// Asynchronous DNS through evdns.
package final class Resolver {
    package enum Failure: Error, Equatable {
        /// The name does not exist or has no such record.
        case permanent
        /// No server answered in time; asking again later may help.
        case transient
    }

    /// Questions under way at most; a further one fails at once as transient.
    package static let questionLimit = 512

    // SAFETY: owned here; evdns is told to fail open questions on free, so every question's box is released.
    private let dns: OpaquePointer
    private let loop: EventLoop
    private var questions = 0

    /// Reads `resolvConf`; when it is missing or names no server, evdns asks 127.0.0.1.
    package init(loop: EventLoop, resolvConf: String = "/etc/resolv.conf") {
        guard let dns = evdns_base_new(loop.base, EVDNS_BASE_DISABLE_WHEN_INACTIVE) else { fatalError("evdns cannot start") }
        self.dns = dns
        self.loop = loop
        if evdns_base_resolv_conf_parse(dns, dc_dns_options, resolvConf) != 0, evdns_base_count_nameservers(dns) == 0 {
            evdns_base_nameserver_ip_add(dns, "127.0.0.1")
        }
        evdns_base_set_option(dns, "timeout:", "1")
        evdns_base_set_option(dns, "attempts:", "2")
    }

    deinit { evdns_base_free(dns, 1) }

    /// Both address families, in the order the system's rules give; never an empty list.
    package func resolve(_ name: String, _ done: @escaping (Result<[IPAddress], Failure>) -> Void) {
        guard questions < Self.questionLimit else { return loop.soon { done(.failure(.transient)) } }
        questions += 1
        let box = Unmanaged.passRetained(AddressQuestion { result in
            self.questions -= 1
            done(result)
        })
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        evdns_getaddrinfo(dns, name, nil, &hints, { code, answer, context in
            let question = Unmanaged<AddressQuestion>.fromOpaque(context!).takeRetainedValue()
            question.answer(code, answer)
        }, box.toOpaque())
    }

    /// The names of an address.
    package func reverse(_ ip: IPAddress, _ done: @escaping (Result<[String], Failure>) -> Void) {
        guard questions < Self.questionLimit else { return loop.soon { done(.failure(.transient)) } }
        questions += 1
        let question = NameQuestion { result in
            self.questions -= 1
            done(result)
        }
        let context = Unmanaged.passRetained(question).toOpaque()
        let callback: evdns_callback_type = { code, kind, count, _, answers, context in
            let question = Unmanaged<NameQuestion>.fromOpaque(context!).takeRetainedValue()
            question.answer(code, kind, Int(count), answers)
        }
        let request = ip.bytes.withUnsafeBytes { raw -> OpaquePointer? in
            var v4 = in_addr()
            var v6 = in6_addr()
            if raw.count == 4 {
                withUnsafeMutableBytes(of: &v4) { $0.copyBytes(from: raw) }
                return evdns_base_resolve_reverse(dns, &v4, 0, callback, context)
            }
            withUnsafeMutableBytes(of: &v6) { $0.copyBytes(from: raw) }
            return evdns_base_resolve_reverse_ipv6(dns, &v6, 0, callback, context)
        }
        if request == nil { Unmanaged<NameQuestion>.fromOpaque(context).takeRetainedValue().fail() }
    }
}

private final class AddressQuestion {
    let done: (Result<[IPAddress], Resolver.Failure>) -> Void
    init(_ done: @escaping (Result<[IPAddress], Resolver.Failure>) -> Void) { self.done = done }

    func answer(_ code: Int32, _ list: UnsafeMutablePointer<addrinfo>?) {
        defer { if let list { evutil_freeaddrinfo(list) } }
        guard code == 0 else { return done(.failure(code == EVUTIL_EAI_NONAME || code == EVUTIL_EAI_NODATA ? .permanent : .transient)) }
        var addresses: [IPAddress] = []
        var next = list
        while let entry = next {
            var storage = sockaddr_storage()
            if let address = entry.pointee.ai_addr, entry.pointee.ai_addrlen <= MemoryLayout<sockaddr_storage>.size {
                memcpy(&storage, address, Int(entry.pointee.ai_addrlen))
                if let decoded = Sockets.decode(storage), !addresses.contains(decoded.ip) { addresses.append(decoded.ip) }
            }
            next = entry.pointee.ai_next
        }
        done(addresses.isEmpty ? .failure(.permanent) : .success(addresses))
    }
}

private final class NameQuestion {
    private let done: (Result<[String], Resolver.Failure>) -> Void
    init(_ done: @escaping (Result<[String], Resolver.Failure>) -> Void) { self.done = done }

    func answer(_ code: Int32, _ kind: CChar, _ count: Int, _ answers: UnsafeMutableRawPointer?) {
        guard code == DNS_ERR_NONE, kind == DNS_PTR, count > 0, let answers else {
            return done(.failure(code == DNS_ERR_NOTEXIST || code == DNS_ERR_NODATA || code == DNS_ERR_NONE ? .permanent : .transient))
        }
        let names = answers.bindMemory(to: UnsafePointer<CChar>?.self, capacity: count)
        done(.success((0..<count).compactMap { names[$0].map { String(cString: $0) } }))
    }

    func fail() { done(.failure(.transient)) }
}
