import Ambience
import Bytes
import Foundation
import Letters
import Loops
import Sealing
import Spool
import Submission

/// A submission service with a spool, and nothing behind it: `postroom serve FOLDER [PORT [CERTIFICATE KEY [USERS]]]`, `postroom list FOLDER`, `postroom hash PASSWORD`.
///
/// `serve` prints its ports. `list` prints id, bytes, SHA-256 and subject of every letter, and with a further argument writes each message into a file of that folder, named by its id.
@main
enum Postroom {
    static func main() throws {
        let words = Array(CommandLine.arguments.dropFirst())
        switch words.first {
        case "serve" where words.count > 1: try serve(words)
        case "list" where words.count > 1: try list(words)
        case "hash" where words.count == 2: print(Argon2Hash.make(Array(words[1].utf8)) ?? "")
        default: exit(64)
        }
    }

    private static func spool(_ folder: String, _ loop: EventLoop) throws -> (Spool, SecretBytes) {
        try Files.makeFolder(folder)
        if !Files.exists(folder + "/key") { try Files.replace(folder + "/key", with: SecureRandom.bytes(32)) }
        let key = SecretBytes(try Files.read(folder + "/key"))
        return (try Spool(loop: loop, key: key, folder: folder + "/spool"), key)
    }

    private static func serve(_ words: [String]) throws {
        let loop = EventLoop(), (spool, key) = try spool(words[1], loop)
        var settings = SubmissionService.Settings()
        settings.session.name = "mail.test"
        settings.sessionsLimit = 4_096
        let tls = words.count > 4 ? TLSContext(chain: try Files.read(words[3]), key: try Files.read(words[4])) : nil
        let users = words.count > 5 ? try SubmissionUsers(try Files.readText(words[5])) : nil
        let service = SubmissionService(loop: loop, settings: settings, tls: tls, users: users, key: key) { letter, done in
            spool.append(kind: 1, id: letter.id.bytes, payload: letter.encoded) { result in
                switch result {
                case .success: done(nil)
                case .failure(.full): done(.noRoom)
                case .failure(.disk): done(.failed)
                }
            }
        }
        let here = SocketAddress(ip: .v4(0x7F00_0001), port: words.count > 2 ? UInt16(words[2]) ?? 0 : 0)
        let plain = try service.listen(on: here)
        let secure = tls == nil ? 0 : try service.listen(on: SocketAddress(ip: here.ip, port: here.port == 0 ? 0 : here.port + 1), isSecure: true).port
        say("\(plain.port) \(secure)")
        loop.onSignal(SIGTERM) {
            service.stop()
            loop.after(.milliseconds(200)) { loop.stop() }
        }
        loop.run()
        say("\(service.counts.letters) letters, \(spool.syncs) syncs")
    }

    private static func list(_ words: [String]) throws {
        let (spool, _) = try spool(words[1], EventLoop())
        for id in spool.ids() {
            guard let payload = try spool.payload(of: id) else { continue }
            let letter = try Letter(decoding: payload)
            if words.count > 2 { try Files.replace("\(words[2])/\(Hex.lower(id))", with: letter.content) }
            let head = String(decoding: letter.content.prefix(2_000), as: UTF8.self), subject = head.components(separatedBy: "\r\n").first { $0.hasPrefix("Subject:") } ?? ""
            say("\(Hex.lower(id)) \(letter.content.count) \(Hex.lower(Digest.sha256(letter.content))) \(subject)")
        }
    }

    private static func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }
}
