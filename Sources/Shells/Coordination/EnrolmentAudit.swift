internal import Ambience
internal import Audit
internal import Auditing
package import EnrolmentService
internal import Synchronization

/// Takes what is heard at an enrolment desk into the audit.
package enum EnrolmentAudit {
    /// Anybody may be refused as often as they like: told once in so many seconds.
    private static let refusalSeconds: Int64 = 60

    package static func teller(_ folder: StateFolder) -> @Sendable (EnrolmentNews) -> Void {
        let log = AuditLog(folder.audit), refused = Lately()
        return { news in
            let now = SystemTime().wall
            switch news {
            case .enrolled(let key, _): try? log.append(.enrolled(key), now: now)
            case .refused where refused.isDue(now, every: refusalSeconds): try? log.append(.refused, now: now)
            case .refused, .named, .trouble: break
            }
        }
    }

    private final class Lately: Sendable {
        private let last = Mutex<WallTime?>(nil)

        func isDue(_ now: WallTime, every seconds: Int64) -> Bool {
            last.withLock { last in
                if let known = last, abs(now - known) < seconds { return false }
                last = now
                return true
            }
        }
    }
}
