/// What became of a letter for one recipient in one session.
package enum SMTPVerdict: Hashable, Sendable {
    /// Why it may go well another time or another way.
    package enum Reason: Hashable, Sendable {
        case unreachable
        case lost
        case timedOut
        /// Lost after all was sent: the letter may have been taken, so nobody else is given it at once.
        case uncertain
        /// TLS was needed and not offered.
        case noTLS
        /// The handshake failed, or the peer is not who it must be.
        case untrusted
        /// No way to log in that we know.
        case noLogin
        /// Words before TLS that count as said in it.
        case injected
        case protocolBroken
        case refused(SMTPReply)
        /// More recipients than the server takes at once: these come next.
        case laterTransaction
        /// DNS had no answer, or one that cannot be believed.
        case unresolved
    }

    case delivered
    case deferred(Reason)
    /// For good: an enhanced status code (RFC 3463) and a sentence or the server's words.
    case failed(String, String)

    static func of(_ reply: SMTPReply) -> SMTPVerdict {
        if reply.isPositive { return .delivered }
        return reply.isPermanent ? .failed(reply.status, reply.text) : .deferred(.refused(reply))
    }
}

extension SMTPVerdict.Reason {
    /// For a log: it names neither letter nor recipient.
    package var text: String {
        switch self {
        case .unreachable: "no connection"
        case .lost: "the connection was lost"
        case .timedOut: "no answer in time"
        case .uncertain: "the connection was lost before the last answer"
        case .noTLS: "the server has no TLS, which is needed"
        case .untrusted: "the server is not the one that it must be"
        case .noLogin: "the server knows no login that we know"
        case .injected: "somebody spoke before TLS in the server's name"
        case .protocolBroken: "the server's answers are no SMTP"
        case .refused(let reply): "the server said \(reply.code) \(reply.status)"
        case .laterTransaction: "the server takes fewer recipients at once"
        case .unresolved: "its name is not to be had now"
        }
    }
}
