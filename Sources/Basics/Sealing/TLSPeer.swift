internal import COpenSSL

/// A TLSA record's content (RFC 6698, 2.1).
package struct TLSARecord: Hashable, Sendable {
    package var usage: UInt8
    package var selector: UInt8
    package var matching: UInt8
    package var data: [UInt8]

    package init(usage: UInt8, selector: UInt8, matching: UInt8, data: [UInt8]) {
        (self.usage, self.selector, self.matching, self.data) = (usage, selector, matching, data)
    }
}

/// Whom a TLS client takes for the right peer.
package enum TLSPeer: Hashable, Sendable {
    /// Anybody: good against those who only listen. The name is what the peer is asked for.
    case anybody(name: String)
    /// Who shows a chain from a trusted root for this name (RFC 6125).
    case named(String)
    /// Who shows what these records say (RFC 7671); certificates of usage 2 must be for one of the names, the first of which the peer is asked for.
    case recorded(names: [String], [TLSARecord])
}

extension TLSSession {
    /// Says whom the session is with; once, on a client's session of a `TLSContext(believing:)`, before the handshake, which then fails with
    /// anybody else. `false` when none of the records can be used, or a name is none: the session must not be used then.
    package func expect(_ peer: TLSPeer) -> Bool {
        switch peer {
        case .anybody(let name): dc_ssl_set_server_name(session, name) == 1
        case .named(let name): expect(name)
        case .recorded(let names, let records): expect(names, records)
        }
    }

    private func expect(_ name: String) -> Bool {
        SSL_set_verify(session, SSL_VERIFY_PEER, nil)
        SSL_set_hostflags(session, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        return SSL_set1_host(session, name) == 1 && dc_ssl_set_server_name(session, name) == 1
    }

    private func expect(_ names: [String], _ records: [TLSARecord]) -> Bool {
        guard let first = names.first, SSL_dane_enable(session, first) == 1 else { return false }
        SSL_set_verify(session, SSL_VERIFY_PEER, nil)
        SSL_set_hostflags(session, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        // RFC 7672, 3.1.1: a record of usage 3 is for the key, whatever name or time the certificate has.
        SSL_dane_set_flags(session, UInt(DANE_FLAG_NO_DANE_EE_NAMECHECKS))
        for name in names.dropFirst() where SSL_add1_host(session, name) != 1 { return false }
        let usable = records.filter { SSL_dane_tlsa_add(session, $0.usage, $0.selector, $0.matching, $0.data, $0.data.count) == 1 }
        ERR_clear_error()
        return !usable.isEmpty
    }
}
