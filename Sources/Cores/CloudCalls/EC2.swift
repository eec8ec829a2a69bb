package import Ambience
internal import Bytes

/// Amazon EC2, on demand and spot: the Query API of 2016-11-15, signed with Signature Version 4. A size that ends in `:spot` is rented on the spot market, once,
/// and taken back two minutes after notice; it is a pool of its own, at a price of its own.
///
/// A `ClientToken` makes asking twice safe: same token and parameters, same answer. It is known within a zone only, and once its machine has ended it
/// is answered `IdempotentInstanceTerminated`; so the token is made of key and attempt, and place and zone are part of the order.
package struct EC2: CloudDriver {
    package let name = "ec2"
    package let repetition = Repetition.sameAnswer
    /// RunInstances has a bucket of its own, of 5 and 2 a second unless AWS raised it.
    package let limits = CallLimits(burst: 20, perSecond: 2)
    private let key: AccessKey
    /// Which region is asked for all others.
    private let home: String
    /// Instead of AWS's own, such as a test's.
    private let endpoint: String?

    package init(key: AccessKey, home: String = "us-east-1", endpoint: String? = nil) {
        (self.key, self.home, self.endpoint) = (key, home, endpoint)
    }

    package func authorize(_ request: CloudRequest, pass: Pass?, now: WallTime) throws(CallFailure) -> CloudRequest {
        // It is part of a host's name: nothing else may become part of that.
        guard let region = request.region, Self.isRegion(region) else { throw .invalid("a region has 1 to 32 lower-case letters, digits and hyphens") }
        return SignatureV4(region: region, service: "ec2").sign(request, with: key, at: now)
    }

    /// Accounts and hosts of China and of the US government are apart from all others.
    private static func partition(_ region: String) -> String { ["cn-", "us-gov-"].first { region.hasPrefix($0) } ?? "" }

    private static func isRegion(_ text: String) -> Bool { MachineTags.isFleet(text) }

    /// The regions that are open to the account: of the partition that its credentials belong to, and not those that it has not opted into.
    package func survey() -> CloudRequest? { call("DescribeRegions", place: home, []) }

    package func surveyed(_ answer: CloudAnswer) throws(CallFailure) -> [String] {
        let body: XMLElement
        do { body = try result(answer, "DescribeRegionsResponse") } catch { throw error.failure }
        let open = (body["regionInfo"]?.children ?? []).filter { $0["optInStatus"]?.text != "not-opted-in" }
        let regions = open.compactMap { $0["regionName"]?.text }.filter { Self.partition($0) == Self.partition(home) }
        guard !regions.isEmpty, regions.allSatisfy(Self.isRegion) else { throw .unknown("an answer without regions") }
        return regions
    }

    package func create(_ order: MachineOrder) -> CloudRequest {
        var fields = [
            ("ImageId", order.image), ("InstanceType", String(order.size.prefix { $0 != ":" })), ("MinCount", "1"), ("MaxCount", "1"), ("ClientToken", order.name),
            // What powers off by its own timer is then ended and not merely stopped.
            ("InstanceInitiatedShutdownBehavior", "terminate"), ("MetadataOptions.HttpTokens", "required"),
        ]
        if let zone = order.zone { fields.append(("Placement.AvailabilityZone", zone)) }
        if !order.userData.isEmpty { fields.append(("UserData", Base64.encode(Array(order.userData.utf8)))) }
        if order.isSpot {
            let options = [("SpotInstanceType", "one-time"), ("InstanceInterruptionBehavior", "terminate")].map { ("InstanceMarketOptions.SpotOptions.\($0)", $1) }
            fields += [("InstanceMarketOptions.MarketType", "spot")] + options
        }
        for (index, resource) in (["instance", "volume", "network-interface"] + (order.isSpot ? ["spot-instances-request"] : [])).enumerated() {
            fields.append(("TagSpecification.\(index + 1).ResourceType", resource))
            for (place, tag) in (order.tags.pairs + [("Name", order.name)]).enumerated() {
                fields.append(("TagSpecification.\(index + 1).Tag.\(place + 1).Key", tag.name))
                fields.append(("TagSpecification.\(index + 1).Tag.\(place + 1).Value", tag.value))
            }
        }
        return call("RunInstances", place: order.place, fields)
    }

    package func created(_ answer: CloudAnswer, for order: MachineOrder) throws(CallFailure) -> Creation {
        let body: XMLElement
        do throws(Complaint) {
            body = try result(answer, "RunInstancesResponse")
        } catch {
            switch error.code {
            case "IdempotentInstanceTerminated": return .spent
            case "IdempotentParameterMismatch": return .exists
            default: throw error.failure
            }
        }
        guard let id = body["instancesSet"]?["item"]?["instanceId"]?.text, !id.isEmpty else { throw .unknown("an answer without a machine") }
        return .made(id: id)
    }

    package func list(fleet: String, place: String?, mark: String?) -> CloudRequest {
        var fields = [("Filter.1.Name", "tag:\(MachineTags.fleetName)"), ("Filter.1.Value.1", fleet), ("MaxResults", "\(Self.pageSize)")]
        if let mark { fields.append(("NextToken", mark)) }
        return call("DescribeInstances", place: place ?? home, fields)
    }

    package func listed(_ answer: CloudAnswer, fleet: String, place: String?) throws(CallFailure) -> MachinePage {
        let body: XMLElement
        do { body = try result(answer, "DescribeInstancesResponse") } catch { throw error.failure }
        let items = (body["reservationSet"]?.children ?? []).flatMap { $0["instancesSet"]?.children ?? [] }
        let next = body["nextToken"]?.text ?? ""
        return MachinePage(machines: items.compactMap { machine($0, fleet: fleet, place: place ?? "") }, next: next.isEmpty ? nil : next)
    }

    package func end(_ id: String, place: String) -> CloudRequest {
        // One at a time: an unknown id fails the whole of a list.
        call("TerminateInstances", place: place, [("InstanceId.1", id)])
    }

    package func ended(_ answer: CloudAnswer) throws(CallFailure) {
        do throws(Complaint) {
            _ = try result(answer, "TerminateInstancesResponse")
        } catch {
            guard error.code == "InvalidInstanceID.NotFound", error.status == 400 else { throw error.failure }
        }
    }

    /// The requests behind spot machines say it; so do the machines themselves and EventBridge, and nobody else.
    package func notices(fleet: String, place: String?) -> CloudRequest? {
        let filters = [("tag:\(MachineTags.fleetName)", fleet), ("status-code", "marked-for-termination")].enumerated()
        let fields = filters.flatMap { [("Filter.\($0.offset + 1).Name", $0.element.0), ("Filter.\($0.offset + 1).Value.1", $0.element.1)] }
        return call("DescribeSpotInstanceRequests", place: place ?? home, fields)
    }

    package func noticed(_ answer: CloudAnswer) throws(CallFailure) -> [String: WallTime] {
        let body: XMLElement
        do { body = try result(answer, "DescribeSpotInstanceRequestsResponse") } catch { throw error.failure }
        var notices: [String: WallTime] = [:]
        for item in body["spotInstanceRequestSet"]?.children ?? [] where item["status"]?["code"]?.text == "marked-for-termination" {
            guard let id = item["instanceId"]?.text, let time = item["status"]?["updateTime"].flatMap({ WallTime("\($0.text.prefix(19))Z") }) else { continue }
            notices[id] = time + Self.noticeSeconds
        }
        return notices
    }

    private static let noticeSeconds: Int64 = 120
    private static let pageSize = 1000

    private func call(_ action: String, place: String, _ fields: [(String, String)]) -> CloudRequest {
        let form = ([("Action", action), ("Version", "2016-11-15")] + fields)
            .map { PercentEncoding.encode($0.0) + "=" + PercentEncoding.encode($0.1) }.joined(separator: "&")
        var request = CloudRequest(
            "POST", endpoint ?? "https://ec2.\(place).amazonaws.com\(Self.partition(place) == "cn-" ? ".cn" : "")", path: "/",
            headers: [.init("content-type", "application/x-www-form-urlencoded; charset=utf-8")], body: Array(form.utf8))
        request.region = place
        return request
    }

    private func machine(_ item: XMLElement, fleet: String, place: String) -> Machine? {
        let pairs = (item["tagSet"]?.children ?? []).compactMap { tag in tag["key"].map { ($0.text, tag["value"]?.text ?? "") } }
        guard let id = item["instanceId"]?.text, let tags = MachineTags(Dictionary(pairs) { first, _ in first }), tags.fleet == fleet else { return nil }
        return Machine(
            id: id, place: place, tags: tags, state: Self.state(item["instanceState"]?["name"]?.text), address: item["ipAddress"]?.text,
            fault: item["stateReason"]?["message"].map { CallFailure.words($0.text) })
    }

    private static func state(_ name: String?) -> Machine.State {
        switch name {
        case "pending": .starting
        case "running": .running
        case "stopping", "stopped": .stopped
        case "shutting-down": .ending
        case "terminated": .ended
        default: .unclear
        }
    }

    private func result(_ answer: CloudAnswer, _ name: String) throws(Complaint) -> XMLElement {
        let body = XMLElement(answer.body)
        if answer.status == 200, let body, body.name == name { return body }
        let error = body?["Errors"]?["Error"]
        throw Complaint(status: answer.status, code: error?["Code"]?.text ?? "", message: error?["Message"]?.text ?? "")
    }

    /// EC2's own word for what is wrong.
    private struct Complaint: Error {
        let status: Int
        let code: String
        let message: String

        var failure: CallFailure {
            let words = CallFailure.words("\(code.isEmpty ? "HTTP \(status)" : code) \(message)")
            return switch code {
            case "RequestLimitExceeded", "Throttling", "ThrottlingException", "EC2ThrottledException": .later(seconds: nil)
            case "InstanceLimitExceeded", "VcpuLimitExceeded", "MaxSpotInstanceCountExceeded", "ResourceCountExceeded": .quota(words)
            case "InsufficientInstanceCapacity", "InsufficientHostCapacity", "InsufficientCapacity", "InsufficientCapacityOnHost",
                "SpotMaxPriceTooLow", "UnfulfillableCapacity": .capacity(words)
            case "AuthFailure", "UnauthorizedOperation", "InvalidClientTokenId", "SignatureDoesNotMatch", "RequestExpired", "OptInRequired", "Blocked",
                "PendingVerification", "MissingAuthenticationToken": .credentials(words)
            default: !code.isEmpty && (400..<500).contains(status) ? .invalid(words) : .unknown(words)
            }
        }
    }
}
