import Ambience
import CloudCalls
import Foundation

/// EC2 as its reference has it, tokens with all four outcomes included.
struct EC2Dialect: Dialect {
    static let key = AccessKey(id: "AKIDEXAMPLE", secret: "sesame")
    let showsEnded = true

    func id(_ number: Int) -> String { "i-0" + String(repeating: "0", count: 8) + "\(10_000_000 + number)" }

    /// By the second, a minute at least, 0.0036 an hour: billed in ten-thousandths here, so in grains of a second's share of a hundred hours.
    let meter = Meter(perGrain: 1, grainSeconds: 100, leastSeconds: 60)

    /// What was sent must be what its key signs at the time that the request says, over the headers that it names, and that time must be near ours.
    func isAuthorized(_ request: CloudRequest, at now: WallTime) -> Bool {
        guard let date = header(request, "x-amz-date"), let sent = Self.time(date), abs(sent - now) <= 300, let authorization = header(request, "authorization"),
            let names = authorization.firstMatch(of: /SignedHeaders=([^,]+)/)?.1.split(separator: ";").map(String.init), names.contains("host")
        else { return false }
        var plain = request
        plain.headers.removeAll { !names.contains($0.name) || $0.name == "x-amz-date" || $0.name == "host" }
        let signed = SignatureV4(region: region(request), service: "ec2").sign(plain, with: Self.key, at: sent)
        return header(signed, "authorization") == authorization
    }

    private func header(_ request: CloudRequest, _ name: String) -> String? { request.headers.first { $0.name == name }?.value }

    /// Which region's endpoint this is: what the signature is for.
    private func region(_ request: CloudRequest) -> String {
        request.region ?? header(request, "authorization")?.firstMatch(of: /Credential=[^\/]+\/[0-9]+\/([^\/]+)\//).map { String($0.1) } ?? ""
    }

    func wish(_ request: CloudRequest) -> Wish? {
        let fields = Self.form(request.body)
        guard request.method == "POST", fields["Version"] == "2016-11-15" else { return nil }
        switch fields["Action"] {
        case "RunInstances":
            guard let token = fields["ClientToken"], token.utf8.count <= 64, fields["MinCount"] == "1", fields["MaxCount"] == "1", fields["ImageId"] != nil,
                fields["InstanceInitiatedShutdownBehavior"] == "terminate", fields["InstanceType"]?.contains(":") == false
            else { return nil }
            let spot = ["MarketType", "SpotOptions.SpotInstanceType", "SpotOptions.InstanceInterruptionBehavior"].compactMap { fields["InstanceMarketOptions.\($0)"] }
            guard spot.isEmpty || spot == ["spot", "one-time", "terminate"] else { return nil }
            let tags = (1...20).compactMap { index in
                fields["TagSpecification.1.Tag.\(index).Key"].map { "\($0):\(fields["TagSpecification.1.Tag.\(index).Value"] ?? "")" }
            }
            let zone = "\(region(request))/\(fields["Placement.AvailabilityZone"] ?? "")"
            return .create(
                DoubleOrder(
                    name: token, place: region(request), tags: tags, token: "\(zone)/\(token)", isSpot: !spot.isEmpty,
                    parameters: fields.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: "&")))
        case "DescribeInstances":
            guard fields["Filter.1.Name"] == "tag:mote-fleet", let fleet = fields["Filter.1.Value.1"] else { return nil }
            return .list(Filter(fleet: fleet, place: region(request), mark: fields["NextToken"].flatMap { Int($0) } ?? 0))
        case "DescribeSpotInstanceRequests":
            guard fields["Filter.1.Name"] == "tag:mote-fleet", fields["Filter.2.Name"] == "status-code", fields["Filter.2.Value.1"] == "marked-for-termination" else {
                return nil
            }
            return .notices(place: region(request))
        case "DescribeRegions": return .survey
        case "TerminateInstances": return fields["InstanceId.1"].map { .end($0) }
        default: return nil
        }
    }

    func created(_ machine: CloudDouble.Rented, at now: WallTime) -> CloudAnswer {
        xml(200, "<RunInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><instancesSet>\(item(machine))</instancesSet></RunInstancesResponse>")
    }

    func listed(_ machines: [CloudDouble.Rented], next: Int?, pageSize: Int) -> CloudAnswer {
        let items = machines.map { "<item><reservationId>r-1</reservationId><instancesSet>\(item($0))</instancesSet></item>" }.joined()
        let mark = next.map { "<nextToken>\($0)</nextToken>" } ?? ""
        return xml(200, "<DescribeInstancesResponse><reservationSet>\(items)</reservationSet>\(mark)</DescribeInstancesResponse>")
    }

    func ended(_ machine: CloudDouble.Rented) -> CloudAnswer {
        xml(200, "<TerminateInstancesResponse><instancesSet>\(item(machine))</instancesSet></TerminateInstancesResponse>")
    }

    func surveyed(_ places: [String]) -> CloudAnswer {
        let closed = "<item><regionName>shut</regionName><optInStatus>not-opted-in</optInStatus></item><item><regionName>cn-north-1</regionName></item>"
        let items = places.map { "<item><regionName>\($0)</regionName><optInStatus>opt-in-not-required</optInStatus></item>" }
        return xml(200, "<DescribeRegionsResponse><regionInfo>\(items.joined())\(closed)</regionInfo></DescribeRegionsResponse>")
    }

    func noticed(_ machines: [CloudDouble.Rented]) -> CloudAnswer {
        let items = machines.filter(\.isSpot).map { machine in
            "<item><spotInstanceRequestId>sir-1</spotInstanceRequestId><type>one-time</type><state>active</state><status><code>marked-for-termination</code>"
                + "<updateTime>\(machine.noticed?.rfc3339.dropLast() ?? "").000Z</updateTime><message>so it is</message></status>"
                + "<instanceId>\(machine.id)</instanceId></item>"
        }
        return xml(200, "<DescribeSpotInstanceRequestsResponse><spotInstanceRequestSet>\(items.joined())</spotInstanceRequestSet></DescribeSpotInstanceRequestsResponse>")
    }

    func refusal(_ refusal: CloudDouble.Refusal) -> CloudAnswer {
        let (status, code) =
            switch refusal {
            case .throttled: (503, "RequestLimitExceeded")
            case .quota: (400, "VcpuLimitExceeded")
            case .capacity: (500, "InsufficientInstanceCapacity")
            case .credentials: (401, "AuthFailure")
            case .tokenSpent: (400, "IdempotentInstanceTerminated")
            case .tokenMismatch: (400, "IdempotentParameterMismatch")
            case .notFound: (400, "InvalidInstanceID.NotFound")
            case .malformed, .nameTaken: (400, "InvalidParameterValue")
            }
        return xml(status, "<Response><Errors><Error><Code>\(code)</Code><Message>it&apos;s so</Message></Error></Errors><RequestID>1</RequestID></Response>")
    }

    private func xml(_ status: Int, _ text: String) -> CloudAnswer {
        CloudAnswer(status: status, body: Array("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\(text)".utf8))
    }

    private func item(_ machine: CloudDouble.Rented) -> String {
        let tags = machine.tags.map { tag in
            let parts = tag.split(separator: ":", maxSplits: 1)
            return "<item><key>\(parts[0])</key><value>\(parts.count > 1 ? parts[1] : "")</value></item>"
        }
        let state = machine.ended == nil ? "running" : "terminated"
        return "<item><instanceId>\(machine.id)</instanceId><instanceState><code>16</code><name>\(state)</name></instanceState>"
            + "<ipAddress>192.0.2.1</ipAddress><tagSet>\(tags.joined())</tagSet></item>"
    }

    private static func form(_ body: [UInt8]) -> [String: String] {
        let pairs = String(decoding: body, as: UTF8.self).split(separator: "&").map { $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false) }
        return Dictionary(pairs.map { (String($0[0]).removingPercentEncoding ?? "", $0.count > 1 ? String($0[1]).removingPercentEncoding ?? "" : "") }) { a, _ in a }
    }

    private static func time(_ basic: String) -> WallTime? {
        guard basic.count == 16 else { return nil }
        let d = Array(basic).map(String.init)
        return WallTime("\(d[0..<4].joined())-\(d[4..<6].joined())-\(d[6..<8].joined())T\(d[9..<11].joined()):\(d[11..<13].joined()):\(d[13..<15].joined())Z")
    }
}
