package import Ambience
internal import Bytes

/// Vultr, API v2. Nothing makes asking twice safe: only the list, by tag, tells what was made.
package struct Vultr: CloudDriver {
    package let name = "vultr"
    package let repetition = Repetition.another(visibleWithinSeconds: 300)
    /// 30 a second.
    package let limits = CallLimits(burst: 30, perSecond: 30)
    private let api: BearerAPI

    package init(token: String, endpoint: String = "https://api.vultr.com") {
        api = BearerAPI(endpoint: endpoint, token: token)
    }

    package func authorize(_ request: CloudRequest, pass: Pass?, now: WallTime) -> CloudRequest { api.authorize(request) }

    /// An image is an `os_id` if it is a number, a snapshot otherwise.
    package func create(_ order: MachineOrder) -> CloudRequest {
        let system = Int64(order.image)
        return api.post(
            "/v2/instances",
            NewInstance(
                region: order.place, plan: order.size, os_id: system, snapshot_id: system == nil ? order.image : nil, label: order.name,
                user_data: order.userData.isEmpty ? nil : Base64.encode(Array(order.userData.utf8)), tags: order.tags.words))
    }

    package func created(_ answer: CloudAnswer, for order: MachineOrder) throws(CallFailure) -> Creation {
        guard answer.isSuccess else { throw failure(answer) }
        let id = try answer.decoded(OneInstance.self).instance.id
        guard !id.isEmpty else { throw .unknown("an answer without a machine") }
        return .made(id: id)
    }

    package func list(fleet: String, place: String?, mark: String?) -> CloudRequest {
        api.get("/v2/instances", [("tag", "\(MachineTags.fleetName):\(fleet)"), ("per_page", "500")] + (mark.map { [("cursor", $0)] } ?? []))
    }

    package func listed(_ answer: CloudAnswer, fleet: String, place: String?) throws(CallFailure) -> MachinePage {
        guard answer.isSuccess else { throw failure(answer) }
        let page = try answer.decoded(Instances.self)
        let next = page.meta?.links?.next ?? ""
        return MachinePage(machines: page.instances.compactMap { $0.machine(fleet) }, next: next.isEmpty ? nil : next)
    }

    package func end(_ id: String, place: String) -> CloudRequest { api.delete("/v2/instances", id: id) }

    package func ended(_ answer: CloudAnswer) throws(CallFailure) {
        guard answer.isSuccess || answer.status == 404 else { throw failure(answer) }
    }

    private func failure(_ answer: CloudAnswer) -> CallFailure {
        let words = answer.complaint(Complaint.self)?.error ?? ""
        return answer.failure(
            words, isQuota: words.contains("limit"), isCapacity: words.contains("not available") || words.contains("unavailable"))
    }

    private struct NewInstance: Encodable {
        let region, plan: String
        let os_id: Int64?
        let snapshot_id: String?
        let label: String
        let user_data: String?
        let tags: [String]
        let backups = "disabled"
        let activation_email = false
    }

    private struct OneInstance: Decodable { let instance: Named }
    private struct Named: Decodable { let id: String }

    private struct Instances: Decodable {
        let instances: [Instance]
        let meta: Meta?
        struct Meta: Decodable { let links: Links? }
        struct Links: Decodable { let next: String? }
    }

    private struct Instance: Decodable {
        let id: String
        let region: String?
        let status: String
        let power_status: String?
        let main_ip: String?
        let tags: [String]?

        func machine(_ fleet: String) -> Machine? {
            guard let tags = MachineTags(words: tags ?? []), tags.fleet == fleet else { return nil }
            return Machine(id: id, place: region ?? "", tags: tags, state: state, address: main_ip == "0.0.0.0" ? nil : main_ip)
        }

        private var state: Machine.State {
            switch (status, power_status) {
            case ("pending", _), ("resizing", _): .starting
            case ("active", "running"): .running
            case ("active", _): .stopped
            default: .unclear
            }
        }
    }

    private struct Complaint: Decodable { let error: String? }
}
