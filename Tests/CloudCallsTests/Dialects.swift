import Ambience
import Bytes
import CloudCalls
import Foundation

extension Dialect {
    var areNamesUnique: Bool { false }
    var promises: Bool { false }
    var showsEnded: Bool { false }
    func id(_ number: Int) -> String { "\(1000 + number)" }
    func surveyed(_ places: [String]) -> CloudAnswer { refusal(.malformed) }
    func noticed(_ machines: [CloudDouble.Rented]) -> CloudAnswer { refusal(.malformed) }
    func signedIn(at now: WallTime, _ places: [String]) -> CloudAnswer { refusal(.malformed) }
    func passTime(_ request: CloudRequest) -> WallTime? { nil }

    func isBearer(_ request: CloudRequest) -> Bool { request.headers.contains(.init("authorization", "Bearer letmein")) }

    func json(_ status: Int, _ body: [String: Any], headers: [String: String] = [:]) -> CloudAnswer {
        CloudAnswer(status: status, headers: headers, body: (try? JSONSerialization.data(withJSONObject: body)).map(Array.init) ?? [])
    }

    func object(_ request: CloudRequest) -> [String: Any] { (try? JSONSerialization.jsonObject(with: Data(request.body))) as? [String: Any] ?? [:] }

    func query(_ request: CloudRequest, _ name: String) -> String? { request.query.first { $0.name == name }?.value }

    func lastPart(_ request: CloudRequest) -> String { String(request.path.split(separator: "/").last ?? "") }

    /// What follows `prefix`.
    func text(_ value: String?, after prefix: String) -> String? { value.flatMap { $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : nil } }
}

struct HetznerDialect: Dialect {
    let areNamesUnique = true
    /// 0.0060 an hour, in started hours.
    let meter = Meter(perGrain: 60, grainSeconds: 3600)

    func isAuthorized(_ request: CloudRequest, at now: WallTime) -> Bool { isBearer(request) }

    func wish(_ request: CloudRequest) -> Wish? {
        switch (request.method, request.path) {
        case ("POST", "/v1/servers"):
            let body = object(request)
            guard let name = body["name"] as? String, let place = body["location"] as? String, let labels = body["labels"] as? [String: String],
                body["server_type"] is String, body["image"] is String,
                // Label values: letters, digits, hyphen, underscore and dot, 63 at most.
                labels.values.allSatisfy({ $0.wholeMatch(of: /[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?/) != nil }),
                name.wholeMatch(of: /[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?/) != nil
            else { return nil }
            return .create(DoubleOrder(name: name, place: place, tags: labels.map { "\($0):\($1)" }))
        case ("GET", "/v1/servers"):
            let page = query(request, "page").flatMap { Int($0) } ?? 1
            if let name = query(request, "name") { return .list(Filter(name: name)) }
            guard let fleet = text(query(request, "label_selector"), after: "mote-fleet==") else { return nil }
            return .list(Filter(fleet: fleet, mark: (page - 1) * 3))
        case ("DELETE", _): return .end(lastPart(request))
        default: return nil
        }
    }

    func created(_ machine: CloudDouble.Rented, at now: WallTime) -> CloudAnswer {
        json(201, ["server": server(machine), "action": action(7, "create_server"), "next_actions": [], "root_password": NSNull()])
    }

    func listed(_ machines: [CloudDouble.Rented], next: Int?, pageSize: Int) -> CloudAnswer {
        let page = next.map { $0 / pageSize } ?? 1
        let pagination: [String: Any] = [
            "page": page, "per_page": pageSize, "previous_page": NSNull(), "next_page": next.map { $0 / pageSize + 1 } as Any? ?? NSNull(), "last_page": NSNull(),
            "total_entries": NSNull(),
        ]
        return json(200, ["servers": machines.map(server), "meta": ["pagination": pagination]])
    }

    func ended(_ machine: CloudDouble.Rented) -> CloudAnswer { json(200, ["action": action(8, "delete_server")]) }

    private func action(_ id: Int, _ command: String) -> [String: Any] {
        [
            "id": id, "command": command, "status": "running", "progress": 0, "started": "2027-01-15T08:00:00+00:00", "finished": NSNull(), "resources": [],
            "error": NSNull(),
        ]
    }

    func refusal(_ refusal: CloudDouble.Refusal) -> CloudAnswer {
        let (status, code) =
            switch refusal {
            case .throttled: (429, "rate_limit_exceeded")
            case .quota: (403, "resource_limit_exceeded")
            case .capacity: (412, "resource_unavailable")
            case .credentials: (401, "unauthorized")
            case .nameTaken: (409, "uniqueness_error")
            case .notFound: (404, "not_found")
            case .malformed, .tokenSpent, .tokenMismatch: (422, "invalid_input")
            }
        return json(status, ["error": ["code": code, "message": "no", "details": NSNull()]])
    }

    private func server(_ machine: CloudDouble.Rented) -> [String: Any] {
        let labels = machine.tags.map { $0.split(separator: ":", maxSplits: 1).map(String.init) }
        return [
            "id": Int(machine.id) ?? 0, "name": machine.name, "status": "running", "labels": Dictionary(labels.map { ($0[0], $0[1]) }) { a, _ in a },
            "public_net": [
                "ipv4": ["id": 5, "ip": "192.0.2.1", "blocked": false, "dns_ptr": "static.example"], "ipv6": NSNull(), "floating_ips": [], "firewalls": [],
            ],
            "created": "2027-01-15T08:00:00+00:00", "private_net": [], "volumes": [], "protection": ["delete": false, "rebuild": false], "locked": false,
            "location": ["id": 1, "name": machine.place],
        ]
    }
}

struct DigitalOceanDialect: Dialect {
    let promises = true
    /// By the second, a minute and 0.0100 at least.
    let meter = Meter(perGrain: 1, grainSeconds: 12, leastSeconds: 60, least: 100)

    func isAuthorized(_ request: CloudRequest, at now: WallTime) -> Bool { isBearer(request) }

    func wish(_ request: CloudRequest) -> Wish? {
        switch (request.method, request.path.hasSuffix("/") ? String(request.path.dropLast()) : request.path) {
        case ("POST", "/v2/droplets"):
            let body = object(request)
            guard let name = body["name"] as? String, let place = body["region"] as? String, let tags = body["tags"] as? [String], body["size"] is String,
                body["image"] is String, tags.allSatisfy({ $0.wholeMatch(of: /[A-Za-z0-9:_-]{1,255}/) != nil })
            else { return nil }
            return .create(DoubleOrder(name: name, place: place, tags: tags))
        case ("GET", "/v2/droplets"):
            guard let fleet = text(query(request, "tag_name"), after: "mote-fleet:") else { return nil }
            let page = query(request, "page").flatMap { Int($0) } ?? 1
            return .list(Filter(fleet: fleet, mark: (page - 1) * 3))
        case ("DELETE", _): return .end(lastPart(request))
        default: return nil
        }
    }

    func created(_ machine: CloudDouble.Rented, at now: WallTime) -> CloudAnswer {
        json(202, ["droplet": ["id": Int(machine.id) ?? 0, "name": machine.name, "status": "new"], "links": ["actions": [["id": 7, "rel": "create", "href": "https://api.digitalocean.com/v2/actions/7"]]]])
    }

    func listed(_ machines: [CloudDouble.Rented], next: Int?, pageSize: Int) -> CloudAnswer {
        let droplets = machines.map { machine -> [String: Any] in
            [
                "id": Int(machine.id) ?? 0, "name": machine.name, "status": "active", "tags": machine.tags, "region": ["slug": machine.place],
                "networks": ["v4": [["ip_address": "10.0.0.2", "type": "private"], ["ip_address": "192.0.2.1", "type": "public"]], "v6": []],
            ]
        }
        let pages = next.map { ["next": "https://api.digitalocean.com/v2/droplets?page=\($0 / pageSize + 1)&per_page=\(pageSize)"] } ?? [:]
        return json(200, ["droplets": droplets, "links": ["pages": pages], "meta": ["total": 9]])
    }

    func ended(_ machine: CloudDouble.Rented) -> CloudAnswer { CloudAnswer(status: 204) }

    func refusal(_ refusal: CloudDouble.Refusal) -> CloudAnswer {
        switch refusal {
        case .throttled: json(429, ["id": "too_many_requests", "message": "API rate limit exceeded"], headers: ["retry-after": "3"])
        case .quota: json(422, ["id": "unprocessable_entity", "message": "creating this/these droplet(s) will exceed your droplet limit"])
        case .capacity: json(422, ["id": "unprocessable_entity", "message": "Size is not available in this region"])
        case .credentials: json(401, ["id": "unauthorized", "message": "Unable to authenticate you"])
        case .notFound: json(404, ["id": "not_found", "message": "The resource you requested could not be found."])
        case .malformed, .nameTaken, .tokenSpent, .tokenMismatch: json(422, ["id": "unprocessable_entity", "message": "Name is invalid"])
        }
    }
}

struct VultrDialect: Dialect {
    /// 0.0070 an hour, in started hours.
    let meter = Meter(perGrain: 70, grainSeconds: 3600)

    func id(_ number: Int) -> String { "cb676a46-66fd-4dfb-b839-\(100_000_000_000 + number)" }

    func isAuthorized(_ request: CloudRequest, at now: WallTime) -> Bool { isBearer(request) }

    func wish(_ request: CloudRequest) -> Wish? {
        switch (request.method, request.path) {
        case ("POST", "/v2/instances"):
            let body = object(request)
            guard let label = body["label"] as? String, let place = body["region"] as? String, let tags = body["tags"] as? [String], body["plan"] is String,
                (body["os_id"] is NSNumber) != (body["snapshot_id"] is String)
            else { return nil }
            return .create(DoubleOrder(name: label, place: place, tags: tags))
        case ("GET", "/v2/instances"):
            guard let fleet = text(query(request, "tag"), after: "mote-fleet:") else { return nil }
            guard let cursor = query(request, "cursor") else { return .list(Filter(fleet: fleet)) }
            return text(Base64.decode(cursor).map { String(decoding: $0, as: UTF8.self) }, after: "next__").flatMap { Int($0) }.map {
                .list(Filter(fleet: fleet, mark: $0))
            }
        case ("DELETE", _): return .end(lastPart(request))
        default: return nil
        }
    }

    func created(_ machine: CloudDouble.Rented, at now: WallTime) -> CloudAnswer { json(202, ["instance": instance(machine)]) }

    func listed(_ machines: [CloudDouble.Rented], next: Int?, pageSize: Int) -> CloudAnswer {
        let cursor = next.map { Base64.encode(Array("next__\($0)".utf8)) } ?? ""
        return json(200, ["instances": machines.map(instance), "meta": ["total": 9, "links": ["next": cursor, "prev": ""]]])
    }

    func ended(_ machine: CloudDouble.Rented) -> CloudAnswer { CloudAnswer(status: 204) }

    func refusal(_ refusal: CloudDouble.Refusal) -> CloudAnswer {
        let (status, words) =
            switch refusal {
            case .throttled: (429, "Rate limit exceeded")
            case .quota: (400, "You have reached the maximum active instances limit for this account")
            case .capacity: (400, "The selected plan is not available in the selected location")
            case .credentials: (401, "Invalid API token.")
            case .notFound: (404, "Invalid instance-id")
            case .malformed, .nameTaken, .tokenSpent, .tokenMismatch: (400, "Invalid plan chosen.")
            }
        return json(status, ["error": words, "status": status])
    }

    private func instance(_ machine: CloudDouble.Rented) -> [String: Any] {
        [
            "id": machine.id, "label": machine.name, "region": machine.place, "status": "active", "power_status": "running", "main_ip": "192.0.2.1",
            "tags": machine.tags, "default_password": "zap",
        ]
    }
}
