internal import Ambience
internal import Audit
package import Auditing
internal import CLinux
package import CloudCalls
internal import Glibc
internal import Leasing
internal import Synchronization

/// An account at a provider: its driver, and a line to call it by.
package struct CloudAccount: Sendable {
    package enum Provider: String, CaseIterable, Sendable {
        case ec2, hetzner, digitalocean, vultr, openstack
    }

    package let driver: any CloudDriver
    private let line: CurlLine
    private let keeper: SessionKeeper
    /// Where every call is told of; `nil` only in tests of what lies beneath.
    private let audit: AuditLog?
    /// A list of more pages than this counts as none.
    private static let pagesLimit = 500

    /// For drivers with an endpoint of their own.
    init(_ driver: any CloudDriver, line: CurlLine = CurlLine(), audit: AuditLog? = nil) {
        (self.driver, self.line, self.audit, keeper) = (driver, line, audit, SessionKeeper(driver))
    }

    /// From here on the process leaves no core dump, and nobody else's debugger can look at it: it holds what rents machines.
    package init(_ provider: Provider, secrets: Secrets, audit: AuditLog? = nil) throws(CloudError) {
        self.audit = audit
        guard dc_forbid_dumps() == 0 else { throw CloudError("cannot forbid core dumps: \(String(cString: strerror(errno)))") }
        line = CurlLine()
        switch provider {
        case .hetzner: driver = Hetzner(token: try secrets.required("HCLOUD_TOKEN"))
        case .digitalocean: driver = DigitalOcean(token: try secrets.required("DIGITALOCEAN_TOKEN"))
        case .vultr: driver = Vultr(token: try secrets.required("VULTR_API_KEY"))
        case .openstack: driver = try Self.openStack(secrets)
        case .ec2:
            let key = AccessKey(
                id: try secrets.required("AWS_ACCESS_KEY_ID"), secret: try secrets.required("AWS_SECRET_ACCESS_KEY"), sessionToken: secrets["AWS_SESSION_TOKEN"])
            driver = EC2(key: key, home: secrets["AWS_REGION"] ?? "us-east-1", endpoint: secrets["AWS_ENDPOINT_URL"])
        }
        keeper = SessionKeeper(driver)
    }

    /// By the names that the `openstack` client knows; an application credential goes before a password.
    static func openStack(_ secrets: Secrets) throws(CloudError) -> OpenStack {
        let kind: OpenStack.Credentials.Kind
        if let id = secrets["OS_APPLICATION_CREDENTIAL_ID"] {
            kind = .application(id: id, secret: try secrets.required("OS_APPLICATION_CREDENTIAL_SECRET"))
        } else {
            kind = .password(
                user: try secrets.required("OS_USERNAME"), password: try secrets.required("OS_PASSWORD"), userDomain: secrets["OS_USER_DOMAIN_NAME"] ?? "Default",
                project: try secrets.required("OS_PROJECT_NAME"), projectDomain: secrets["OS_PROJECT_DOMAIN_NAME"] ?? "Default")
        }
        guard let driver = OpenStack(url: try secrets.required("OS_AUTH_URL"), .init(kind), network: secrets["OS_NETWORK"]) else {
            throw CloudError("OS_AUTH_URL is no address; it looks like https://cloud.example:5000/v3")
        }
        return driver
    }

    /// A line of its own to the same account, for one thread.
    func session() -> AccountSession { AccountSession(driver) }

    /// A call as a desk wants it, on record like every other.
    func perform(_ call: AccountDesk.Call, fleet: String, _ session: inout AccountSession) -> (outcome: AccountDesk.Outcome, notes: CallNotes) {
        let told = call.told(at: driver.name), time = SystemTime()
        do throws(FileError) { if told.isChange { try audit?.append(.asks(told), now: time.wall) } } catch {
            if told.action != .end { return (.failed(.unreachable("the audit cannot be written: \(error)")), CallNotes()) }
        }
        let heard = session.perform(call, fleet: fleet, now: { time.wall }, line.perform)
        let result: Result<Void, CallFailure> = if case .failed(let failure) = heard.outcome { .failure(failure) } else { .success(()) }
        try? audit?.append(.answered(told, result.kind), now: time.wall)
        return heard
    }

    package func create(_ order: MachineOrder) -> Result<Creation, CallFailure> {
        call(driver.create(order), .create, order.place, order.key) { answer throws(CallFailure) in try driver.created(answer, for: order) }
    }

    package func end(_ machine: Machine) -> Result<Void, CallFailure> {
        call(driver.end(machine.id, place: machine.place), .end, machine.place, machine.tags.key) { answer throws(CallFailure) in try driver.ended(answer) }
    }

    /// Where to look to have seen everything; `nil` among them stands for everywhere.
    package func places() throws(CallFailure) -> [String?] {
        guard let request = driver.survey() else { return [nil] }
        return try call(request, .regions, nil) { answer throws(CallFailure) in try driver.surveyed(answer) }.get().map(Optional.some)
    }

    /// All machines of the fleet in all places, or the reason why that is not known.
    package func list(fleet: String) throws(CallFailure) -> [Machine] {
        var machines: [Machine] = []
        for place in try places() { machines += try list(fleet: fleet, place: place) }
        return machines
    }

    /// The machines of the fleet in one place, all pages. Providers with one list for all places list them all.
    package func list(fleet: String, place: String?) throws(CallFailure) -> [Machine] {
        var machines: [Machine] = [], mark: String?
        for _ in 0..<Self.pagesLimit {
            let page = try call(driver.list(fleet: fleet, place: place, mark: mark), .list, place) { answer throws(CallFailure) in
                try driver.listed(answer, fleet: fleet, place: place)
            }.get()
            machines += page.machines
            mark = page.next
            if mark == nil { return machines }
        }
        throw .unknown("a list without an end")
    }

    /// A call that changes something is on record before it is made; one that cannot be recorded is not made, unless it ends something.
    private func call<T>(
        _ request: CloudRequest, _ action: AuditEvent.ProviderCall.Action, _ place: String?, _ key: MoteKey? = nil,
        _ read: (CloudAnswer) throws(CallFailure) -> T
    ) -> Result<T, CallFailure> {
        let told = AuditEvent.ProviderCall(provider: driver.name, action: action, region: place, key: key)
        do throws(FileError) { if told.isChange { try audit?.append(.asks(told), now: SystemTime().wall) } } catch {
            if action != .end { return .failure(.unreachable("the audit cannot be written: \(error)")) }
        }
        let result = perform(request, read)
        // What cannot be written now is no reason to forget what the provider said.
        try? audit?.append(.answered(told, result.kind), now: SystemTime().wall)
        return result
    }

    private func perform<T>(_ request: CloudRequest, _ read: (CloudAnswer) throws(CallFailure) -> T) -> Result<T, CallFailure> {
        keeper.session.withLock { $0.exchange(request, now: { SystemTime().wall }, line.perform, read) }
    }
}

extension AccountDesk.Call {
    fileprivate func told(at provider: String) -> AuditEvent.ProviderCall {
        switch self {
        case .survey: .init(provider: provider, action: .regions, region: nil, key: nil)
        case .create(let order): .init(provider: provider, action: .create, region: order.place, key: order.key)
        case .list(let place, _): .init(provider: provider, action: .list, region: place, key: nil)
        case .notices(let place): .init(provider: provider, action: .other, region: place, key: nil)
        case .end(_, let place): .init(provider: provider, action: .end, region: place, key: nil)
        }
    }
}

/// What was learnt by signing in, for all calls of an account.
private final class SessionKeeper: Sendable {
    let session: Mutex<AccountSession>

    init(_ driver: any CloudDriver) { session = Mutex(AccountSession(driver)) }
}

extension Result where Failure == CallFailure {
    /// The class of it, without the provider's words.
    var kind: AuditEvent.CallResult {
        switch self {
        case .success: .ok
        case .failure(.later): .later
        case .failure(.credentials): .credentials
        case .failure(.quota): .quota
        case .failure(.capacity): .capacity
        case .failure(.invalid): .invalid
        case .failure(.unreachable): .unreachable
        case .failure(.unknown): .unknown
        }
    }
}
