import Ambience
import CloudCalls
@testable import Clouds
import Foundation
import Leasing
import Testing

@Suite("Clouds")
struct CloudsTests {
    @Test("a file of secrets that somebody else may read is refused, and says how to mend it")
    func secretsFile() throws {
        let folder = try Folder()
        let path = folder.path + "/secrets"
        try "HCLOUD_TOKEN=hush=hush\n# mine\n\n".write(toFile: path, atomically: false, encoding: .utf8)
        chmod(path, 0o640)
        #expect { try Secrets.file(path) } throws: { "\($0)".contains("chmod 600") }
        chmod(path, 0o600)
        let secrets = try Secrets.file(path)
        #expect(secrets["HCLOUD_TOKEN"] == "hush=hush")
        var dumped = "\(secrets)"
        dump(secrets, to: &dumped)
        #expect(!dumped.contains("hush"))
        try "HCLOUD_TOKN=hush\n".write(toFile: path, atomically: false, encoding: .utf8)
        #expect { try Secrets.file(path) } throws: { "\($0)".contains("line 1") && !"\($0)".contains("hush") }
        #expect { try CloudAccount(.vultr, secrets: secrets) } throws: { "\($0)".contains("VULTR_API_KEY is not set") }
    }

    @Test("what was asked is on disk before the asking, one writer at a time, and a damaged record is an error")
    func book() throws {
        let folder = try Folder()
        let book = RentalBook(folder.path + "/machines")
        var rental = Rental(Self.order)
        #expect(try book.rentals(provider: "vultr").isEmpty && !FileManager.default.fileExists(atPath: folder.path + "/machines"))
        let isTime = rental.asking(now: WallTime(secondsSinceEpoch: 1_800_000_000))
        #expect(isTime)
        try book.save(rental, provider: "vultr")
        #expect(try book.rentals(provider: "vultr") == [rental])
        #expect(try book.rentals(provider: "ec2").isEmpty)
        let inner = try book.alone(with: Self.order) { () throws(CloudError) in try book.alone(with: Self.order) { 1 } == nil ? 2 : 3 }
        #expect(inner == 2)
        #expect(try book.alone(with: Self.order) { 4 } == 4)
        try "{".write(toFile: folder.path + "/machines/\(Self.order.name).json", atomically: false, encoding: .utf8)
        #expect(throws: CloudError.self) { try book.rentals(provider: "vultr") }
    }

    @Test("a request that never left is told from one whose answer was lost")
    func fates() throws {
        let silent = try Listener()
        let line = CurlLine(limitMilliseconds: 300)
        guard case .lost = line.perform(CloudRequest("POST", "http://127.0.0.1:\(silent.port)", path: "/", body: [1])) else { Issue.record("not lost"); return }
        let port = silent.port
        silent.end()
        guard case .unsent = line.perform(CloudRequest("GET", "http://127.0.0.1:\(port)", path: "/")) else { Issue.record("not unsent"); return }
    }

    @Test("credentials go nowhere in the clear, and no header holds two lines")
    func clear() {
        let line = CurlLine(limitMilliseconds: 300)
        guard case .unsent(let why) = line.perform(CloudRequest("GET", "http://192.0.2.1", path: "/")) else { Issue.record("sent"); return }
        #expect(why.contains("http"), "\(why)")
        guard case .unsent = line.perform(CloudRequest("GET", "http://localhost:1@192.0.2.1", path: "/")) else { Issue.record("sent"); return }
        let split = CloudRequest("GET", "http://127.0.0.1:1", path: "/", headers: [.init("authorization", "Bearer x\r\nhost: y")])
        #expect(line.perform(split) == .unsent("a header with a line break"))
    }

    private static let order = MachineOrder(
        fleet: "test", key: MoteKey(high: 1, low: 2), place: "fra", size: "small", image: "1", expires: WallTime(secondsSinceEpoch: 1_900_000_000))
}
