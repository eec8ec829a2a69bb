package import Ambience

/// Hetzner Cloud, API v1. Names are unique within a project, so a second create of an order is refused and nothing is made twice.
package struct Hetzner: CloudDriver {
    package let name = "hetzner"
    package let repetition = Repetition.uniqueName
    /// 3,600 an hour and project.
    package let limits = CallLimits(burst: 3600, perSecond: 1)
    private let api: BearerAPI

    /// One token per project.
    package init(token: String, endpoint: String = "https://api.hetzner.cloud") {
        api = BearerAPI(endpoint: endpoint, token: token)
    }

    package func authorize(_ request: CloudRequest, pass: Pass?, now: WallTime) -> CloudRequest { api.authorize(request) }

    package func create(_ order: MachineOrder) -> CloudRequest {
        api.post(
            "/v1/servers",
            NewServer(
                name: order.name, server_type: order.size, image: order.image, location: order.place, user_data: order.userData,
                labels: Dictionary(order.tags.pairs.map { ($0.name, $0.value) }) { first, _ in first }))
    }

    package func created(_ answer: CloudAnswer, for order: MachineOrder) throws(CallFailure) -> Creation {
        guard answer.isSuccess else {
            if code(answer) == "uniqueness_error" { return .exists }
            throw failure(answer)
        }
        return .made(id: "\(try answer.decoded(OneServer.self).server.id)")
    }

    package func list(fleet: String, place: String?, mark: String?) -> CloudRequest {
        api.get("/v1/servers", [("label_selector", "\(MachineTags.fleetName)==\(fleet)"), ("per_page", "50"), ("page", mark ?? "1")])
    }

    package func listed(_ answer: CloudAnswer, fleet: String, place: String?) throws(CallFailure) -> MachinePage {
        guard answer.isSuccess else { throw failure(answer) }
        let page = try answer.decoded(Servers.self)
        return MachinePage(machines: page.servers.compactMap { $0.machine(fleet) }, next: page.meta?.pagination.next_page.map { "\($0)" })
    }

    package func end(_ id: String, place: String) -> CloudRequest { api.delete("/v1/servers", id: id) }

    package func ended(_ answer: CloudAnswer) throws(CallFailure) {
        guard answer.isSuccess || answer.status == 404 else { throw failure(answer) }
    }

    private func code(_ answer: CloudAnswer) -> String { answer.complaint(Complaint.self)?.error.code ?? "" }

    private func failure(_ answer: CloudAnswer) -> CallFailure {
        let error = answer.complaint(Complaint.self)?.error
        switch error?.code {
        case "rate_limit_exceeded", "conflict", "locked", "maintenance": return .later(seconds: answer.retryAfterSeconds)
        case let code:
            return answer.failure(
                "\(code ?? "") \(error?.message ?? "")", isQuota: code == "resource_limit_exceeded",
                isCapacity: code == "resource_unavailable" || code == "placement_error")
        }
    }

    private struct NewServer: Encodable {
        let name, server_type, image, location, user_data: String
        let labels: [String: String]
        let start_after_create = true
    }

    private struct OneServer: Decodable { let server: Numbered }
    private struct Numbered: Decodable { let id: Int64 }

    private struct Servers: Decodable {
        let servers: [Server]
        let meta: Meta?
        struct Meta: Decodable { let pagination: Pagination }
        struct Pagination: Decodable { let next_page: Int64? }
    }

    private struct Server: Decodable {
        let id: Int64
        let status: String
        let labels: [String: String]?
        let public_net: Net?
        let location: Location?
        struct Net: Decodable { let ipv4: Address? }
        struct Address: Decodable { let ip: String }
        struct Location: Decodable { let name: String }

        func machine(_ fleet: String) -> Machine? {
            guard let tags = labels.flatMap(MachineTags.init), tags.fleet == fleet else { return nil }
            return Machine(id: "\(id)", place: location?.name ?? "", tags: tags, state: state, address: public_net?.ipv4?.ip)
        }

        private var state: Machine.State {
            switch status {
            case "initializing", "starting", "rebuilding", "migrating": .starting
            case "running": .running
            case "off", "stopping": .stopped
            case "deleting": .ending
            default: .unclear
            }
        }
    }

    private struct Complaint: Decodable {
        let error: Words
        struct Words: Decodable { let code: String; let message: String? }
    }
}
