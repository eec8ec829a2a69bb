package import Ambience
internal import Bytes

/// OpenStack: Keystone v3 gives a token and says where each region's Nova is; Nova 2.1 makes servers. Names are not unique, a create says 202 before anything is
/// certain, and what cannot be built is listed as ERROR: only the list tells what was made.
///
/// Every server of the project is listed and ours picked out by their metadata: filters differ from cloud to cloud. A region is a place, an availability zone a zone.
package struct OpenStack: CloudDriver {
    package let name = "openstack"
    package let repetition = Repetition.another(visibleWithinSeconds: 300)
    /// Each cloud has limits of its own, and few say which.
    package let limits = CallLimits(burst: 20, perSecond: 5)
    private let credentials: Credentials
    /// Of Keystone, down to `/v3`.
    private let identity: Place
    private let network: String?

    /// By the names that the `openstack` client gives them in the environment (`OS_…`) and in `clouds.yaml`. Prints as who it is.
    package struct Credentials: Sendable, CustomStringConvertible, CustomReflectable {
        package enum Kind: Sendable {
            /// `OS_APPLICATION_CREDENTIAL_ID`, `_SECRET`: belongs to a project already.
            case application(id: String, secret: String)
            /// `OS_USERNAME`, `OS_PASSWORD`, `OS_USER_DOMAIN_NAME`, `OS_PROJECT_NAME`, `OS_PROJECT_DOMAIN_NAME`.
            case password(user: String, password: String, userDomain: String, project: String, projectDomain: String)
        }

        let kind: Kind
        package init(_ kind: Kind) { self.kind = kind }

        package var description: String {
            switch kind {
            case .application(let id, _): "Credentials(\(id))"
            case .password(let user, _, _, let project, _): "Credentials(\(user) of \(project))"
            }
        }
        package var customMirror: Mirror { Mirror(reflecting: description) }
    }

    /// `nil` if `url` (`OS_AUTH_URL`) is none. `network`: the UUID of the network that servers join, where there are several to choose from.
    package init?(url: String, _ credentials: Credentials, network: String? = nil) {
        guard var place = Place(url) else { return nil }
        if !place.path.hasSuffix("/v3") { place.path += "/v3" }
        (identity, self.credentials, self.network) = (place, credentials, network)
    }

    // MARK: Keystone

    package func signIn() -> CloudRequest? {
        JSONCall.post(identity.endpoint, identity.path + "/auth/tokens", SignIn(auth: .init(credentials.kind)))
    }

    package func signedIn(_ answer: CloudAnswer, now: WallTime) throws(CallFailure) -> Pass {
        guard answer.isSuccess else { throw failure(answer) }
        let token = try answer.decoded(Signed.self).token
        guard let words = answer.headers["x-subject-token"], !words.isEmpty, words.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .unknown("an answer without a token")
        }
        // Expiries have microseconds, which do not matter.
        guard let expires = WallTime("\(token.expires_at.prefix(19))Z") else { throw .unknown("a token without an end") }
        return Pass(token: words, endpoints: try Self.places(token.catalog ?? []), expires: expires - min(Self.spareSeconds, max(0, expires - now) / 2))
    }

    /// So long before a token's end another one is fetched: a call takes its time.
    private static let spareSeconds: Int64 = 120

    package func authorize(_ request: CloudRequest, pass: Pass?, now: WallTime) throws(CallFailure) -> CloudRequest {
        guard let pass else { throw .credentials("not signed in") }
        var request = request.adding(.init("x-auth-token", pass.token))
        guard let region = request.region else { return request }
        guard let url = pass.endpoints[region], let place = Place(url) else { throw .invalid("there is no region \(region); there are \(pass.endpoints.keys.sorted().joined(separator: ", "))") }
        (request.endpoint, request.path) = (place.endpoint, place.path + request.path)
        return request
    }

    package func survey() -> CloudRequest? {
        CloudRequest("GET", identity.endpoint, path: identity.path + "/auth/catalog", headers: [.init("accept", "application/json")])
    }

    package func surveyed(_ answer: CloudAnswer) throws(CallFailure) -> [String] {
        guard answer.isSuccess else { throw failure(answer) }
        return try Self.places(try answer.decoded(Catalog.self).catalog).keys.sorted()
    }

    /// The regions and where their Novas are.
    private static func places(_ catalog: [Service]) throws(CallFailure) -> [String: String] {
        let endpoints = catalog.filter { $0.type == "compute" }.flatMap { $0.endpoints ?? [] }.filter { $0.interface == "public" }
        let pairs = endpoints.compactMap { endpoint in (endpoint.region_id ?? endpoint.region).map { ($0, endpoint.url) } }
            .filter { MachineOrder.isWord($0.0) && Place($0.1) != nil }
        guard !pairs.isEmpty else { throw .unknown("a catalog without a compute service") }
        return Dictionary(pairs) { first, _ in first }
    }

    // MARK: Nova

    package func create(_ order: MachineOrder) -> CloudRequest {
        let server = NewServer(
            name: order.name, imageRef: order.image, flavorRef: order.size, availability_zone: order.zone, networks: network.map { [.init(uuid: $0)] },
            user_data: order.userData.isEmpty ? nil : Base64.encode(Array(order.userData.utf8)),
            metadata: Dictionary(order.tags.pairs.map { ($0.name, $0.value) }) { first, _ in first })
        return placed(JSONCall.post("", "/servers", ["server": server]), order.place)
    }

    package func created(_ answer: CloudAnswer, for order: MachineOrder) throws(CallFailure) -> Creation {
        guard answer.isSuccess else { throw failure(answer) }
        let id = try answer.decoded(OneServer.self).server.id
        guard !id.isEmpty else { throw .unknown("an answer without a machine") }
        return .made(id: id)
    }

    package func list(fleet: String, place: String?, mark: String?) -> CloudRequest {
        let query = [CloudRequest.Field("limit", "200")] + (mark.map { [.init("marker", $0)] } ?? [])
        return placed(CloudRequest("GET", "", path: "/servers/detail", query: query, headers: [.init("accept", "application/json")]), place ?? "")
    }

    package func listed(_ answer: CloudAnswer, fleet: String, place: String?) throws(CallFailure) -> MachinePage {
        guard answer.isSuccess else { throw failure(answer) }
        let page = try answer.decoded(Servers.self)
        let isMore = page.servers_links?.contains { $0.rel == "next" } == true
        // The marker is the last server's id; the link is not followed, for it may lead anywhere.
        guard !isMore || page.servers.last != nil else { throw .unknown("a page without servers before the next") }
        return MachinePage(machines: page.servers.compactMap { $0.machine(fleet, place ?? "") }, next: isMore ? page.servers.last?.id : nil)
    }

    package func end(_ id: String, place: String) -> CloudRequest { placed(CloudRequest("DELETE", "", path: "/servers/\(PercentEncoding.encode(id))"), place) }

    package func ended(_ answer: CloudAnswer) throws(CallFailure) {
        guard answer.isSuccess || answer.status == 404 else {
            // Something else is being done to it.
            throw answer.status == 409 ? .later(seconds: answer.retryAfterSeconds) : failure(answer)
        }
    }

    /// `authorize` knows where the region's Nova is.
    private func placed(_ request: CloudRequest, _ place: String) -> CloudRequest {
        var request = request
        request.region = place
        return request
    }

    private func failure(_ answer: CloudAnswer) -> CallFailure {
        // One member, named after the kind of complaint.
        let words = answer.complaint([String: Complaint].self)?.values.first?.message ?? ""
        let lower = words.lowercased()
        if answer.status == 413 { return .later(seconds: answer.retryAfterSeconds) }
        return answer.failure(words, isQuota: lower.contains("quota"), isCapacity: lower.contains("no valid host"))
    }
}

// MARK: What is sent and answered

extension OpenStack {
    /// An address of a service: where to connect, and what all its paths begin with.
    private struct Place {
        let endpoint: String
        var path: String

        /// Scheme, authority and path only, of characters that need no encoding.
        init?(_ url: String) {
            guard let match = url.wholeMatch(of: /(https?:\/\/[A-Za-z0-9.\[\]:_-]{1,255})((?:\/[A-Za-z0-9._~-]{1,128}){0,8})\/?/) else { return nil }
            (endpoint, path) = (String(match.1), String(match.2))
        }
    }

    private struct SignIn: Encodable { let auth: Auth }

    private struct Auth: Encodable {
        let identity: Identity
        let scope: Scope?

        init(_ kind: Credentials.Kind) {
            switch kind {
            case .application(let id, let secret):
                identity = Identity(methods: ["application_credential"], password: nil, application_credential: .init(id: id, secret: secret))
                scope = nil
            case .password(let user, let password, let userDomain, let project, let projectDomain):
                identity = Identity(
                    methods: ["password"], password: .init(user: .init(name: user, domain: .init(name: userDomain), password: password)), application_credential: nil)
                scope = Scope(project: .init(name: project, domain: .init(name: projectDomain)))
            }
        }

        struct Identity: Encodable {
            let methods: [String]
            let password: Password?
            let application_credential: Application?
        }
        struct Password: Encodable { let user: User }
        struct User: Encodable { let name: String; let domain: Domain; let password: String }
        struct Application: Encodable { let id, secret: String }
        struct Scope: Encodable { let project: Project }
        struct Project: Encodable { let name: String; let domain: Domain }
        struct Domain: Encodable { let name: String }
    }

    private struct Signed: Decodable {
        let token: Token
        struct Token: Decodable { let expires_at: String; let catalog: [Service]? }
    }

    private struct Catalog: Decodable { let catalog: [Service] }
    private struct Service: Decodable {
        let type: String?
        let endpoints: [Endpoint]?
        struct Endpoint: Decodable { let interface, region, region_id: String?; let url: String }
    }

    private struct NewServer: Encodable {
        let name, imageRef, flavorRef: String
        let availability_zone: String?
        let networks: [Network]?
        let user_data: String?
        let metadata: [String: String]
        struct Network: Encodable { let uuid: String }
    }

    private struct OneServer: Decodable { let server: Named }
    private struct Named: Decodable { let id: String }

    private struct Servers: Decodable {
        let servers: [Server]
        let servers_links: [Link]?
        struct Link: Decodable { let rel: String? }
    }

    private struct Server: Decodable {
        let id: String
        let status: String
        let task: String?
        let metadata: [String: String]?
        let addresses: [String: [Address]]?
        let fault: Complaint?

        private enum CodingKeys: String, CodingKey {
            case id, status, metadata, addresses, fault
            case task = "OS-EXT-STS:task_state"
        }

        struct Address: Decodable {
            let addr: String
            let version: Int
            let type: String?

            private enum CodingKeys: String, CodingKey {
                case addr, version
                case type = "OS-EXT-IPS:type"
            }
        }

        func machine(_ fleet: String, _ place: String) -> Machine? {
            guard let tags = metadata.flatMap(MachineTags.init), tags.fleet == fleet else { return nil }
            return Machine(id: id, place: place, tags: tags, state: state, address: address, fault: fault?.message.map(CallFailure.words))
        }

        /// What others reach it at: a floating address if it has one.
        private var address: String? {
            let all = (addresses ?? [:]).sorted { $0.key < $1.key }.flatMap(\.value).filter { $0.version == 4 }
            return (all.first { $0.type == "floating" } ?? all.first)?.addr
        }

        private var state: Machine.State {
            if task == "deleting" { return .ending }
            return switch status {
            case "BUILD", "REBUILD": .starting
            case "ACTIVE", "REBOOT", "HARD_REBOOT", "PASSWORD", "MIGRATING", "RESIZE", "VERIFY_RESIZE", "REVERT_RESIZE": .running
            case "SHUTOFF", "STOPPED", "PAUSED", "SUSPENDED", "SHELVED", "SHELVED_OFFLOADED", "RESCUE": .stopped
            case "DELETED", "SOFT_DELETED": .ended
            case "ERROR": .broken
            default: .unclear
            }
        }
    }

    private struct Complaint: Decodable { let message: String? }
}
