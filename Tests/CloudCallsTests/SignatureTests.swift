import Ambience
import CloudCalls
import Foundation
import Testing

@Suite("Signature V4")
struct SignatureTests {
    @Test("signs as AWS published it", arguments: try Case.read("aws"))
    func published(_ one: Case) { #expect(one.ours == one.authorization) }

    /// 300 recorded ones, or as many as `make clouds` has just had botocore sign.
    @Test("signs as botocore does")
    func botocore() throws {
        let live = ProcessInfo.processInfo.environment["DUSTCLOUD_SIGNATURES"]
        let cases = try live.map { try Case.read(URL(fileURLWithPath: $0)) } ?? Case.read("botocore")
        #expect(cases.count >= 300)
        for one in cases { #expect(one.ours == one.authorization, "\(one)") }
        if live != nil { print("\(cases.count) signatures equal to botocore's") }
    }

    @Test("a signature depends on the time, and neither key nor request print what is secret")
    func secrets() {
        let key = AccessKey(id: "AKIDEXAMPLE", secret: "hush-hush", sessionToken: "quiet")
        let plain = CloudRequest("POST", "https://ec2.eu-west-1.amazonaws.com", path: "/", body: Array("UserData=hush-hush".utf8))
        let signature = SignatureV4(region: "eu-west-1", service: "ec2")
        let first = signature.sign(plain, with: key, at: WallTime(secondsSinceEpoch: 1_800_000_000))
        #expect(first != signature.sign(plain, with: key, at: WallTime(secondsSinceEpoch: 1_800_000_001)))
        var dumped = ""
        dump(key, to: &dumped)
        dump(first, to: &dumped)
        dump(Hetzner(token: "hush-hush"), to: &dumped)
        dump(EC2(key: key), to: &dumped)
        let shown = dumped + "\(key) \(first) \(Hetzner(token: "hush-hush")) \(EC2(key: key))"
        #expect(!shown.contains("hush") && !shown.contains("quiet"), "\(shown)")
    }

    struct Case: Decodable, CustomTestStringConvertible {
        let name: String?
        let method, endpoint, path, body, region, service, id, secret, authorization: String
        let query, headers: [[String]]
        let now: Int64
        let token: String?

        static func read(_ name: String) throws -> [Case] {
            try read(#require(Bundle.module.url(forResource: "Vectors/\(name)", withExtension: "json")))
        }

        static func read(_ url: URL) throws -> [Case] { try JSONDecoder().decode([Case].self, from: Data(contentsOf: url)) }

        var testDescription: String { name ?? "\(method) \(endpoint)\(path)" }

        var ours: String? {
            let request = CloudRequest(
                method, endpoint, path: path, query: query.map { .init($0[0], $0[1]) }, headers: headers.map { .init($0[0], $0[1]) }, body: Array(body.utf8))
            let signed = SignatureV4(region: region, service: service).sign(
                request, with: AccessKey(id: id, secret: secret, sessionToken: token), at: WallTime(secondsSinceEpoch: now))
            return signed.headers.first { $0.name == "authorization" }?.value
        }
    }
}
