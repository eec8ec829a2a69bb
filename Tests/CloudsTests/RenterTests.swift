import Ambience
import CloudCalls
@testable import Clouds
import Foundation
import Leasing
import Testing

/// Over real HTTP, against a counter that lives in the test.
@Suite("Renting")
struct RenterTests {
    @Test("an order, a list and an end go out whole, with the credentials in their header, and their answers come back", arguments: [
        Errand("hetzner", ["POST /v1/servers", "GET /v1/servers?label_selector=mote-fleet%3D%3Dtest", "DELETE /v1/servers/42"], made: #"{"server":{"id":42}}"#, listed: #"""
            {"servers":[{"id":42,"status":"running","labels":{"mote-fleet":"test","mote-key":"KEY","mote-attempt":"1","mote-expires":"1900000000"},
             "public_net":{"ipv4":{"ip":"192.0.2.7"}},"location":{"name":"fra"}}],"meta":{"pagination":{"next_page":null}}}
            """#),
        Errand("digitalocean", ["POST /v2/droplets", "GET /v2/droplets?tag_name=mote-fleet%3Atest", "DELETE /v2/droplets/42"], made: #"{"droplet":{"id":42}}"#, listed: #"""
            {"droplets":[{"id":42,"status":"active","tags":["mote-fleet:test","mote-key:KEY","mote-attempt:1","mote-expires:1900000000"],"region":{"slug":"fra"},
             "networks":{"v4":[{"ip_address":"192.0.2.7","type":"public"}]}}],"links":{}}
            """#),
        Errand("vultr", ["POST /v2/instances", "GET /v2/instances?tag=mote-fleet%3Atest", "DELETE /v2/instances/42"], made: #"{"instance":{"id":"42"}}"#, listed: #"""
            {"instances":[{"id":"42","status":"active","power_status":"running","server_status":"ok","region":"fra","main_ip":"192.0.2.7",
             "tags":["mote-fleet:test","mote-key:KEY","mote-attempt:1","mote-expires:1900000000"]}],"meta":{"links":{"next":""}}}
            """#),
    ])
    func errand(_ errand: Errand) throws {
        let order = Self.order, listed = errand.listed.replacingOccurrences(of: "KEY", with: "\(order.key)")
        let counter = try Counter([Counter.answer(202, errand.made), Counter.answer(200, listed), Counter.answer(204, "")])
        defer { counter.end() }
        let account = errand.account(counter.endpoint)
        #expect(try account.create(order).get() == .made(id: "42"))
        let machine = try #require(try account.list(fleet: "test").first)
        #expect(machine == Machine(id: "42", place: "fra", tags: order.tags, state: .running, address: "192.0.2.7"))
        try account.end(machine).get()
        #expect(counter.requests.count == 3)
        for (request, line) in zip(counter.requests, errand.lines) {
            #expect(request.hasPrefix(line) && request.contains("\r\nauthorization: Bearer hush\r\n"), "\(request)")
        }
        #expect(counter.requests[0].contains(order.name) && counter.requests[0].contains("mote-expires"), "\(counter.requests[0])")
    }

    @Test("OpenStack is signed in to once, by the names of its client, and its regions are found in the catalog")
    func openStack() throws {
        let nova = try Counter([Counter.answer(202, #"{"server":{"id":"42"}}"#), Counter.answer(204, "")])
        let catalog = #"[{"type":"compute","endpoints":[{"interface":"public","region_id":"fra","url":"\#(nova.endpoint)/compute/v2.1"}]}]"#
        let keystone = try Counter([
            Counter.answer(201, #"{"token":{"expires_at":"2099-01-01T00:00:00.000000Z","catalog":\#(catalog)}}"#, "X-Subject-Token: hush"),
        ])
        defer {
            nova.end()
            keystone.end()
        }
        let secrets = ["OS_AUTH_URL": keystone.endpoint + "/v3", "OS_USERNAME": "me", "OS_PASSWORD": "sesame", "OS_PROJECT_NAME": "motes"]
        let account = CloudAccount(try CloudAccount.openStack(Secrets(secrets)))
        #expect(try account.create(Self.order).get() == .made(id: "42"))
        try account.end(Machine(id: "42", place: "fra", tags: Self.order.tags, state: .running)).get()
        #expect(keystone.requests.count == 1 && keystone.requests[0].hasPrefix("POST /v3/auth/tokens "))
        #expect(nova.requests.map { $0.prefix { !$0.isNewline } } == ["POST /compute/v2.1/servers HTTP/1.1", "DELETE /compute/v2.1/servers/42 HTTP/1.1"])
        #expect(nova.requests.allSatisfy { $0.contains("x-auth-token: hush") && !$0.contains("sesame") })
        #expect(throws: CloudError.self) { try CloudAccount.openStack(Secrets(secrets.merging(["OS_AUTH_URL": "cloud.example"]) { $1 })) }
        #expect(throws: CloudError.self) { try CloudAccount.openStack(Secrets(secrets.filter { $0.key != "OS_PASSWORD" })) }
    }

    @Test("credentials do not follow a redirection, and an answer cut short counts as none")
    func doubtful() throws {
        let counter = try Counter([
            Counter.answer(302, "", "Location: /elsewhere"), "HTTP/1.1 201 x\r\nContent-Length: 100\r\n\r\n{\"server\":{\"id\":42}}",
        ])
        defer { counter.end() }
        let account = CloudAccount(Hetzner(token: "hush", endpoint: counter.endpoint))
        for _ in 0..<2 {
            guard case .failure(.unknown) = account.create(Self.order) else { Issue.record("not in doubt"); return }
        }
        #expect(counter.requests.count == 2)
    }

    @Test("an order that is refused is over at once, and one that reaches nobody once patience ends; both are on record")
    func refused() throws {
        let folder = try Folder(), book = RentalBook(folder.path + "/machines")
        let counter = try Counter([Counter.answer(401, #"{"error":{"code":"unauthorized","message":"no such token"}}"#)])
        let account = CloudAccount(Hetzner(token: "hush", endpoint: counter.endpoint))
        var told: [CallFailure] = []
        let rental = try Renter(account, book: book).settle(Rental(Self.order)) { told.append($0) }
        counter.end()
        #expect("\(try #require(rental).stage)".contains("no such token") && told.count == 1)
        #expect(try book.rentals(provider: "hetzner") == [try #require(rental)])
        let other = MachineOrder(fleet: "test", key: MoteKey(high: 3, low: 4), place: "fra", size: "small", image: "1", expires: Self.order.expires)
        let late = try Renter(account, book: book).settle(Rental(other), patienceSeconds: 1) { told.append($0) }
        #expect("\(try #require(late).stage)".contains("within 1 s"))
        guard case .unreachable? = told.last else { Issue.record("\(told)"); return }
    }

    @Test("what expired is ended though the book is damaged, and which of two is the second is then left open")
    func damaged() throws {
        let folder = try Folder(), path = folder.path + "/machines"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try "{".write(toFile: path + "/mote-1.json", atomically: true, encoding: .utf8)
        func server(_ id: Int, _ key: MoteKey, _ expires: Int) -> String {
            #"{"id":\#(id),"status":"running","labels":{"mote-fleet":"test","mote-key":"\#(key)","mote-attempt":"1","mote-expires":"\#(expires)"}}"#
        }
        let far = 4_000_000_000, servers = [server(1, MoteKey(high: 1, low: 1), 1000), server(2, MoteKey(high: 1, low: 2), far), server(3, MoteKey(high: 1, low: 2), far)]
        let counter = try Counter([Counter.answer(200, #"{"servers":[\#(servers.joined(separator: ","))]}"#), Counter.answer(200, "{}")])
        defer { counter.end() }
        let account = CloudAccount(Hetzner(token: "hush", endpoint: counter.endpoint))
        let swept = try Renter(account, book: RentalBook(path)).sweep(fleet: "test")
        #expect(swept.ended.map(\.machine.id) == ["1"] && swept.damage?.description.contains("mote-1.json") == true)
        #expect(counter.requests.map { $0.split(separator: " HTTP").first.map(String.init) ?? "" }.last == "DELETE /v1/servers/1" && counter.requests.count == 2)
    }

    private static let order = MachineOrder(
        fleet: "test", key: MoteKey(high: 1, low: 2), place: "fra", size: "small", image: "1", expires: WallTime(secondsSinceEpoch: 1_900_000_000), userData: "#!/bin/sh\n")
}

struct Errand: CustomTestStringConvertible, Sendable {
    let provider: String
    let lines: [String]
    let made, listed: String

    init(_ provider: String, _ lines: [String], made: String, listed: String) { (self.provider, self.lines, self.made, self.listed) = (provider, lines, made, listed) }

    var testDescription: String { provider }

    func account(_ endpoint: String) -> CloudAccount {
        switch provider {
        case "hetzner": CloudAccount(Hetzner(token: "hush", endpoint: endpoint))
        case "digitalocean": CloudAccount(DigitalOcean(token: "hush", endpoint: endpoint))
        default: CloudAccount(Vultr(token: "hush", endpoint: endpoint))
        }
    }
}
