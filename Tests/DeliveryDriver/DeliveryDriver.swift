import Ambience
import Bytes
import Delivering
import Foundation
import Letters
import Loops
import Outgoing
import Sealing
import Spool

/// The way out for letters in a process of its own, to be fed by a script and killed: deliverydriver FOLDER NAME=VALUE…
///
/// It reads `letter ID SENDER RECIPIENTS RETURNING WISH FILE` line by line (`-` for none) and writes `taken ID`, `refused ID`, `report RETURNING LETTER`,
/// `news …` and, asked with `status`, `status WAITING DELIVERED FAILED DEFERRED`.
@main
enum DeliveryDriver {
    static func main() throws {
        let words = CommandLine.arguments.dropFirst()
        guard let folder = words.first else { exit(64) }
        var options: [String: String] = [:]
        for word in words.dropFirst() {
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { exit(64) }
            options[parts[0]] = parts[1]
        }
        let loop = EventLoop()
        let spool = try Spool(loop: loop, key: SecretBytes([UInt8](repeating: 7, count: 32)), folder: folder)
        let delivery = try Delivery(loop: loop, spool: spool, settings: try settings(options))
        delivery.onNews = { say("news \($0)") }
        delivery.onReport = { report, done in
            say("report \(Hex.lower(report.returning)) \(Hex.lower(report.letter.encoded))")
            done(true)
        }
        let desk = Desk(loop: loop, delivery: delivery)
        say("ready \(delivery.status.waiting)")
        withExtendedLifetime(desk) { loop.run() }
    }

    private static func settings(_ options: [String: String]) throws -> DeliverySettings {
        var settings = DeliverySettings()
        settings.name = "out.example"
        settings.routes = (options["routes"] ?? "direct").split(separator: ",").map { $0 == "onion" ? .onion : $0 == "relay" ? .relay : .direct }
        let login = options["login"].map { $0.split(separator: ":").map(String.init) }.map { SMTPLogin(name: $0[0], password: SecretBytes(Array($0[1].utf8))) }
        settings.relay = options["relay"].flatMap { DeliverySettings.Relay($0, login: login) }
        if options["implicit"] != nil { settings.relay?.isImplicit = true }
        settings.resolvers = options["resolver"].flatMap { SocketAddress($0) }.map { [$0] } ?? []
        settings.proxy = options["proxy"].flatMap { SocketAddress($0) }
        settings.onions = try OnionRoutes(map: (options["onions"] ?? "").replacingOccurrences(of: "=", with: " ").replacingOccurrences(of: ",", with: "\n"))
        settings.allowsPrivate = options["public"] == nil
        settings.trustFile = options["trust"]
        settings.mailPort = options["mail-port"].flatMap { UInt16($0) } ?? 25
        settings.webPort = options["web-port"].flatMap { UInt16($0) } ?? 443
        settings.firstWaitSeconds = 0
        (settings.schedule.firstSeconds, settings.schedule.lastSeconds) = (options["retry"].flatMap { Int64($0) } ?? 1_800, options["retry"].flatMap { Int64($0) } ?? 3_600)
        settings.schedule.patienceSeconds = options["patience"].flatMap { Int64($0) } ?? 432_000
        return settings
    }

    static func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }
}

/// Reads what the script says.
private final class Desk {
    private let loop: EventLoop
    private let delivery: Delivery
    private var source: IOSource?
    private var line: [UInt8] = []

    init(loop: EventLoop, delivery: Delivery) {
        (self.loop, self.delivery) = (loop, delivery)
        source = IOSource(loop: loop, fd: 0, onReadable: { [unowned self] in readable() }, onWritable: {})
        source?.setReading(true)
    }

    private func readable() {
        let bytes = FileHandle.standardInput.availableData
        guard !bytes.isEmpty else { return loop.stop() }
        line += bytes
        while let end = line.firstIndex(of: 0x0A) {
            take(String(decoding: line[..<end], as: UTF8.self).split(separator: " ").map(String.init))
            line.removeFirst(end + 1)
        }
    }

    private func take(_ words: [String]) {
        if words == ["status"] {
            let status = delivery.status
            return DeliveryDriver.say("status \(status.waiting) \(status.delivered) \(status.failed) \(status.deferred)")
        }
        guard words.count == 7, words[0] == "letter", let id = Hex.decode(words[1]).flatMap({ LetterID($0) }), let content = FileManager.default.contents(atPath: words[6]) else { exit(65) }
        let wish: ReportWish = words[5] == "success" ? [.failure, .success] : .usual
        let recipients = words[3].split(separator: ",").compactMap { MailAddress(String($0)) }.map { Recipient($0, wish: wish) }
        let sender = words[2] == "-" ? nil : MailAddress(words[2])
        guard let envelope = Envelope(sender: sender, recipients: recipients), let letter = Letter(id: id, envelope: envelope, content: Array(content)) else { exit(65) }
        delivery.deliver(letter, returning: words[4] == "-" ? [] : Hex.decode(words[4]) ?? []) { DeliveryDriver.say("\($0 ? "taken" : "refused") \(words[1])") }
    }
}
