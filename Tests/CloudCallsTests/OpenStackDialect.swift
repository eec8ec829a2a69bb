import Ambience
import Bytes
import CloudCalls
import Foundation

/// Keystone and Nova as their references have them, at one address. A token says when it was given out and is good for ten minutes.
struct OpenStackDialect: Dialect {
    static let url = "https://cloud.example:5000/v3", password = "sesame"
    static let me = OpenStack.Credentials(.password(user: "me", password: password, userDomain: "Default", project: "motes", projectDomain: "Default"))
    let promises = true
    /// 0.0080 an hour, in started hours.
    let meter = Meter(perGrain: 80, grainSeconds: 3600)
    /// Where clients find the services.
    var host = "https://cloud.example:5000"

    func id(_ number: Int) -> String { "8a9f2c1e-0000-4000-8000-\(100_000_000_000 + number)" }

    func isAuthorized(_ request: CloudRequest, at now: WallTime) -> Bool { passTime(request).map { (0..<600).contains(now - $0) } ?? false }

    func passTime(_ request: CloudRequest) -> WallTime? {
        text(request.headers.first { $0.name == "x-auth-token" }?.value, after: "pass-").flatMap { Int64($0) }.map { WallTime(secondsSinceEpoch: $0) }
    }

    func wish(_ request: CloudRequest) -> Wish? {
        let parts = request.path.split(separator: "/").map(String.init)
        switch (request.method, parts.first, parts.dropFirst().joined(separator: "/")) {
        case ("GET", "v3", ""): return .fixed(json(200, ["version": version("v3.14", "\(host)/v3/")]))
        case ("POST", "v3", "auth/tokens"): return .signIn(isRight: isRight(object(request)))
        case ("GET", "v3", "auth/catalog"): return .survey
        case ("GET", "compute", let path) where path.hasSuffix("v2.1"): return .fixed(json(200, ["version": version("v2.1", "\(host)/\(parts.joined(separator: "/"))/")]))
        case ("POST", "compute", let path) where path.hasSuffix("/v2.1/servers"): return order(request, place: parts[1]).map(Wish.create)
        case ("GET", "compute", let path) where path.hasSuffix("/v2.1/servers/detail"):
            return .list(Filter(name: query(request, "name"), place: parts[1], after: query(request, "marker")))
        case ("DELETE", "compute", let path) where path.contains("/v2.1/servers/"): return .end(lastPart(request))
        default: return nil
        }
    }

    private func order(_ request: CloudRequest, place: String) -> DoubleOrder? {
        guard let server = object(request)["server"] as? [String: Any], let name = server["name"] as? String, server["imageRef"] is String, server["flavorRef"] is String,
            let metadata = server["metadata"] as? [String: String], server["min_count"] as? Int ?? 1 == 1,
            metadata.allSatisfy({ $0.key.wholeMatch(of: /[A-Za-z0-9 ._:-]{1,255}/) != nil && $0.value.utf8.count <= 255 }),
            (server["user_data"] as? String).map({ Base64.decode($0) != nil }) ?? true
        else { return nil }
        return DoubleOrder(name: name, place: place, tags: metadata.map { "\($0):\($1)" })
    }

    private func isRight(_ body: [String: Any]) -> Bool {
        let auth = body["auth"] as? [String: Any], identity = auth?["identity"] as? [String: Any]
        let user = (identity?["password"] as? [String: Any])?["user"] as? [String: Any]
        let project = (auth?["scope"] as? [String: Any])?["project"] as? [String: Any]
        return identity?["methods"] as? [String] == ["password"] && user?["name"] as? String == "me" && user?["password"] as? String == Self.password
            && (user?["domain"] as? [String: Any])?["name"] as? String == "Default" && project?["name"] as? String == "motes"
    }

    func signedIn(at now: WallTime, _ places: [String]) -> CloudAnswer {
        let domain = ["id": "default", "name": "Default"]
        let token: [String: Any] = [
            "expires_at": "\((now + 600).rfc3339.dropLast()).000000Z", "issued_at": "\(now.rfc3339.dropLast()).000000Z", "methods": ["password"], "catalog": catalog(places),
            "project": ["id": "p1", "name": "motes", "domain": domain], "user": ["id": "u1", "name": "me", "domain": domain], "roles": [["id": "r1", "name": "member"]],
        ]
        return json(201, ["token": token], headers: ["x-subject-token": "pass-\(now.secondsSinceEpoch)"])
    }

    func surveyed(_ places: [String]) -> CloudAnswer { json(200, ["catalog": catalog(places), "links": ["self": "\(host)/v3/auth/catalog"]]) }

    private func catalog(_ places: [String]) -> [[String: Any]] {
        let computes = places.flatMap { place in
            ["public", "internal"].map { ["id": "\($0)-\(place)", "interface": $0, "region": place, "region_id": place, "url": "\(host)/compute/\(place)/v2.1"] }
        }
        let identity = ["id": "k", "interface": "public", "region": "fra", "region_id": "fra", "url": "\(host)/v3"]
        return [["type": "identity", "name": "keystone", "id": "1", "endpoints": [identity]], ["type": "compute", "name": "nova", "id": "2", "endpoints": computes]]
    }

    private func version(_ id: String, _ url: String) -> [String: Any] {
        ["id": id, "status": "CURRENT", "version": "", "min_version": "", "updated": "2026-01-01T00:00:00Z", "links": [["rel": "self", "href": url]]]
    }

    func created(_ machine: CloudDouble.Rented, at now: WallTime) -> CloudAnswer {
        json(202, ["server": ["id": machine.id, "links": [], "adminPass": "zap", "OS-DCF:diskConfig": "MANUAL", "security_groups": [["name": "default"]]]])
    }

    func listed(_ machines: [CloudDouble.Rented], next: Int?, pageSize: Int) -> CloudAnswer {
        var body: [String: Any] = ["servers": machines.map(server)]
        if next != nil, let last = machines.last {
            body["servers_links"] = [["rel": "next", "href": "\(host)/compute/\(last.place)/v2.1/servers/detail?limit=\(pageSize)&marker=\(last.id)"]]
        }
        return json(200, body)
    }

    func ended(_ machine: CloudDouble.Rented) -> CloudAnswer { CloudAnswer(status: 204) }

    func refusal(_ refusal: CloudDouble.Refusal) -> CloudAnswer {
        switch refusal {
        case .throttled: json(429, ["overLimit": ["code": 429, "message": "This request was rate-limited.", "retryAfter": "2"]], headers: ["retry-after": "2"])
        case .quota: json(403, ["forbidden": ["code": 403, "message": "Quota exceeded for instances: Requested 1, but already used 3 of 3 instances"]])
        case .capacity: json(400, ["badRequest": ["code": 400, "message": "No valid host was found. There are not enough hosts available."]])
        case .credentials: json(401, ["error": ["code": 401, "message": "The request you have made requires authentication.", "title": "Unauthorized"]])
        case .notFound: json(404, ["itemNotFound": ["code": 404, "message": "Instance could not be found."]])
        case .malformed, .nameTaken, .tokenSpent, .tokenMismatch: json(400, ["badRequest": ["code": 400, "message": "Invalid input"]])
        }
    }

    private func server(_ machine: CloudDouble.Rented) -> [String: Any] {
        let pairs = machine.tags.map { $0.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init) }
        var server: [String: Any] = [
            "id": machine.id, "name": machine.name, "status": machine.isBroken ? "ERROR" : "ACTIVE", "OS-EXT-STS:task_state": NSNull(), "created": "2027-01-15T08:00:00Z",
            "metadata": Dictionary(pairs.map { ($0[0], $0.count > 1 ? $0[1] : "") }) { first, _ in first }, "image": ["id": "17"], "flavor": ["id": "small"],
            "addresses": ["net": [
                ["addr": "10.0.0.2", "version": 4, "OS-EXT-IPS:type": "fixed"], ["addr": "192.0.2.1", "version": 4, "OS-EXT-IPS:type": "floating"],
            ]],
        ]
        if machine.isBroken { server["fault"] = ["code": 500, "message": "No valid host was found.", "created": "2027-01-15T08:00:00Z"] }
        return server
    }
}
