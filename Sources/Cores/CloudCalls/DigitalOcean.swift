package import Ambience

/// DigitalOcean, API v2. Two droplets may have one name and a create says 202 before anything is certain: only the list, by tag, tells what was made.
package struct DigitalOcean: CloudDriver {
    package let name = "digitalocean"
    package let repetition = Repetition.another(visibleWithinSeconds: 300)
    /// 250 a minute and 5,000 an hour.
    package let limits = CallLimits(burst: 250, perSecond: 1.38)
    private let api: BearerAPI

    package init(token: String, endpoint: String = "https://api.digitalocean.com") {
        api = BearerAPI(endpoint: endpoint, token: token)
    }

    package func authorize(_ request: CloudRequest, pass: Pass?, now: WallTime) -> CloudRequest { api.authorize(request) }

    package func create(_ order: MachineOrder) -> CloudRequest {
        api.post(
            "/v2/droplets",
            NewDroplet(
                name: order.name, region: order.place, size: order.size, image: order.image, user_data: order.userData, tags: order.tags.words))
    }

    package func created(_ answer: CloudAnswer, for order: MachineOrder) throws(CallFailure) -> Creation {
        guard answer.isSuccess else { throw failure(answer) }
        return .made(id: "\(try answer.decoded(OneDroplet.self).droplet.id)")
    }

    /// By tag: a filter by name would be ignored without a word.
    package func list(fleet: String, place: String?, mark: String?) -> CloudRequest {
        api.get("/v2/droplets", [("tag_name", "\(MachineTags.fleetName):\(fleet)"), ("per_page", "200"), ("page", mark ?? "1")])
    }

    package func listed(_ answer: CloudAnswer, fleet: String, place: String?) throws(CallFailure) -> MachinePage {
        guard answer.isSuccess else { throw failure(answer) }
        let page = try answer.decoded(Droplets.self)
        return MachinePage(machines: page.droplets.compactMap { $0.machine(fleet) }, next: try page.links?.pages?.next.map(Self.pageNumber))
    }

    package func end(_ id: String, place: String) -> CloudRequest { api.delete("/v2/droplets", id: id) }

    package func ended(_ answer: CloudAnswer) throws(CallFailure) {
        guard answer.isSuccess || answer.status == 404 else { throw failure(answer) }
    }

    /// The link is the provider's word; only the number in it is used.
    private static func pageNumber(_ link: String) throws(CallFailure) -> String {
        let query = link.split(separator: "?").last ?? ""
        guard let page = query.split(separator: "&").first(where: { $0.hasPrefix("page=") }).flatMap({ Int($0.dropFirst(5)) }), page > 1 else {
            throw .unknown("a list whose next page has no number")
        }
        return "\(page)"
    }

    private func failure(_ answer: CloudAnswer) -> CallFailure {
        let complaint = answer.complaint(Complaint.self)
        let words = complaint?.message ?? ""
        // A droplet that something else is being done to.
        if answer.status == 422, words.contains("pending event") { return .later(seconds: answer.retryAfterSeconds) }
        return answer.failure(
            "\(complaint?.id ?? "") \(words)", isQuota: words.contains("droplet limit"), isCapacity: words.contains("not available") || words.contains("unavailable"))
    }

    private struct NewDroplet: Encodable {
        let name, region, size, image, user_data: String
        let tags: [String]
    }

    private struct OneDroplet: Decodable { let droplet: Numbered }
    private struct Numbered: Decodable { let id: Int64 }

    private struct Droplets: Decodable {
        let droplets: [Droplet]
        let links: Links?
        struct Links: Decodable { let pages: Pages? }
        struct Pages: Decodable { let next: String? }
    }

    private struct Droplet: Decodable {
        let id: Int64
        let status: String
        let tags: [String]?
        let region: Region?
        let networks: Networks?
        struct Region: Decodable { let slug: String? }
        struct Networks: Decodable { let v4: [Address]? }
        struct Address: Decodable { let ip_address: String; let type: String? }

        func machine(_ fleet: String) -> Machine? {
            guard let tags = MachineTags(words: tags ?? []), tags.fleet == fleet else { return nil }
            let address = networks?.v4?.first { $0.type == "public" }?.ip_address
            return Machine(id: "\(id)", place: region?.slug ?? "", tags: tags, state: state, address: address)
        }

        private var state: Machine.State {
            switch status {
            case "new": .starting
            case "active": .running
            case "off": .stopped
            case "archive": .ended
            default: .unclear
            }
        }
    }

    private struct Complaint: Decodable { let id: String?; let message: String? }
}
