internal import Bytes
internal import Sealing

/// How controllers prove that they may control (control-spec.txt 3.5, 3.24).
package struct ControlAuthentication: Sendable {
    /// 32 random bytes, made anew at every start.
    package static let cookieBytes = 32
    package static let nonceBytes = 32

    /// `nil` without CookieAuthentication.
    package var cookie: [UInt8]?
    /// Where the cookie lies.
    package var cookiePath: String?
    package var passwords: [PasswordHash]

    package init(cookie: [UInt8]? = nil, cookiePath: String? = nil, passwords: [PasswordHash] = []) {
        self.cookie = cookie
        self.cookiePath = cookiePath
        self.passwords = passwords
    }

    /// Whether anybody who can connect may control.
    package var isOpen: Bool { cookie == nil && passwords.isEmpty }

    /// The AUTH line of PROTOCOLINFO.
    package var methodsLine: String {
        var methods = isOpen ? ["NULL"] : []
        if cookie != nil { methods += ["COOKIE", "SAFECOOKIE"] }
        if !passwords.isEmpty { methods.append("HASHEDPASSWORD") }
        let file = cookie == nil ? "" : cookiePath.map { " COOKIEFILE=\(ControlText.quoted($0))" } ?? ""
        return "AUTH METHODS=\(methods.joined(separator: ","))\(file)"
    }

    /// The state of a SAFECOOKIE exchange: what the controller has to send.
    package struct Challenge: Equatable, Sendable {
        package let reply: String
        fileprivate let expected: [UInt8]
    }

    /// Answers AUTHCHALLENGE: proves that we know the cookie, and notes what the controller's proof must be.
    package func challenge(_ arguments: String, serverNonce: [UInt8]) throws(ControlRefusal) -> Challenge {
        let parts = arguments.split(separator: " ", maxSplits: 1)
        guard parts.first?.uppercased() == "SAFECOOKIE" else { throw ControlRefusal(513, "AUTHCHALLENGE only supports SAFECOOKIE authentication") }
        guard parts.count == 2 else { throw ControlRefusal(513, "Invalid base16 client nonce") }
        guard let cookie else { throw ControlRefusal(515, "Cookie authentication is disabled") }
        let clientNonce: [UInt8]
        do throws(ControlRefusal) { clientNonce = try ControlText.secret(parts[1]).bytes } catch { throw ControlRefusal(513, "Invalid base16 client nonce") }
        let message = cookie + clientNonce + serverNonce
        let server = Digest.hmacSHA256(key: Self.serverKey, message)
        let client = Digest.hmacSHA256(key: Self.clientKey, message)
        return Challenge(reply: "AUTHCHALLENGE SERVERHASH=\(Hex.upper(server)) SERVERNONCE=\(Hex.upper(serverNonce))", expected: client)
    }

    private static let serverKey = Array("Tor safe cookie authentication server-to-controller hash".utf8)
    private static let clientKey = Array("Tor safe cookie authentication controller-to-server hash".utf8)

    /// Judges AUTHENTICATE; after an AUTHCHALLENGE only its answer counts.
    package func check(_ arguments: String, challenge: Challenge?) throws(ControlRefusal) {
        let (secret, isQuoted): ([UInt8], Bool)
        do throws(ControlRefusal) {
            (secret, isQuoted) = try ControlText.secret(Substring(arguments))
        } catch {
            throw ControlRefusal(551, "Invalid hexadecimal encoding.  Maybe you tried a plain text password?  If so, the standard requires that you put it in double quotes.")
        }
        if let challenge {
            guard Digest.equal(secret, challenge.expected) else { throw Self.wrong("Safe cookie response did not match expected value.") }
            return
        }
        if isOpen || isCookie(secret) && !isQuoted || passwords.contains(where: { $0.matches(secret) }) { return }
        throw Self.wrong(passwords.isEmpty ? "Wrong length on authentication cookie." : cookie == nil ? "Password did not match HashedControlPassword value from configuration" : "Password did not match HashedControlPassword *or* authentication cookie.", secret.count == Self.cookieBytes)
    }

    private func isCookie(_ secret: [UInt8]) -> Bool { cookie.map { Digest.equal($0, secret) } ?? false }

    private static func wrong(_ reason: String, _ isCookieLong: Bool = false) -> ControlRefusal {
        ControlRefusal(515, "Authentication failed: \(isCookieLong && reason.hasPrefix("Wrong length") ? "Authentication cookie did not match expected value." : reason)")
    }
}
