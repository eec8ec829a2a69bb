package import Ambience
package import Audit
internal import Bytes
package import Enrolment
package import Leasing

extension Statement {
    /// What is known of the mote, from the audit above all: it outlives everything else that is kept.
    ///
    /// - Parameters:
    ///   - lines: the whole verified audit.
    ///   - descriptors: what the authority gave out for it, the oldest first.
    ///   - admission: how it enrolled, if it did.
    ///   - manifest: the manifest of an image's build; it is taken along if it is of the image that the mote booted.
    /// - Returns: `nil` if the audit does not know the mote.
    package static func make(
        of key: MoteKey, lines: [AuditLine], descriptors: [Descriptor], admission: Admission?, manifest: String?, now: WallTime
    ) -> Statement? {
        let about = { (line: AuditLine) in line["key"] == key.description || line["scope"] == "mote:\(key)" }
        let own = lines.filter(about), steps = own.filter { $0.kind == "mote" }
        guard let intent = steps.first(where: { $0["change"] == "intended" }), let expires = intent["expires"] else { return nil }
        let end = steps.last { $0["change"] == "gone" }, digest = intent["image"] ?? "", excerpt = AuditChain.excerpt(lines, showing: about)
        let newest = descriptors.last.map { DescriptorFacts($0.text) }
        return Statement(
            made: now.rfc3339, key: key.description, nickname: key.nickname, provider: intent["provider"] ?? "", region: intent["region"] ?? "",
            lifetimeClass: intent["class"] ?? "", intended: intent["at"] ?? intent.at.rfc3339, expires: expires, gone: end.map { $0["at"] ?? $0.at.rfc3339 },
            goneReason: end?["reason"], image: image(digest, manifest), exitPolicy: newest?.policy, fingerprint: newest?.fingerprint, address: newest?.address,
            steps: own.map { Step(at: $0["at"] ?? $0.at.rfc3339, what: words($0)) }, descriptors: descriptors, logged: logged, notLogged: notLogged,
            enrolment: admission?.enrolled.map(Enrolled.init), excerpt: excerpt,
            head: lines.last.map { AuditHead(number: $0.number, hash: $0.hash) } ?? AuditHead())
    }

    private static func image(_ digest: String, _ manifest: String?) -> Image {
        let isProcess = digest.isEmpty
        let rebuild = isProcess
            ? "It was a process of the operator's own machine: no image was booted. The program is built with: swift build -c release"
            : "In dustcloud's sources: make image. The same inputs, named by digest in Images/mote-vm/inputs.lock, give the same bytes; compare the digest that it prints with this one."
        return Image(digest: digest, rebuild: rebuild, manifest: isProcess ? nil : manifest.flatMap { $0.contains(digest) ? $0 : nil })
    }

    private static func words(_ line: AuditLine) -> String {
        switch line.kind {
        case "mote": (line["change"] ?? "") + (line["reason"].map { ": \($0)" } ?? line["attempt"].map { ", attempt \($0)" } ?? "")
        case "asks": "\(line["provider"] ?? "") is asked to \(line["action"] ?? "")"
        case "answered": "\(line["provider"] ?? "") answers to \(line["action"] ?? ""): \(line["result"] ?? "")"
        case "enrolled": "proved to be this mote"
        case "halted": "ordered to end at once"
        default: line.kind
        }
    }

    private static let logged = [
        "Every step of the mote's life, and every call to the provider that changed something, in an append-only log whose lines are tied to each other (the excerpt below).",
        "The relay's own notices (started, bootstrapped, draining, ended, warnings), without addresses of its users; on a rented machine they end with the machine.",
        "While it ran: how many circuits, streams and bytes there were, as totals.",
        "The descriptors that it published.",
    ]

    private static let notLogged = [
        "Who used the mote: no address of a client, no time of a single connection.",
        "What anybody did through it: no address or name that was connected to, no name that was looked up, no content.",
        "Nothing that ties a connection coming in to one going out. No such record was made, so none can be handed over.",
    ]
}

extension Statement.Enrolled {
    init(_ enrolled: Admission.Enrolled) {
        let platform = enrolled.evidence["platform"].map { String(decoding: $0, as: UTF8.self) } ?? "none"
        self.init(
            at: enrolled.at.rfc3339, certificateKey: Hex.lower(enrolled.certificateKey), rsaIdentity: enrolled.names.map { Hex.upper($0.rsa) },
            ed25519Identity: enrolled.names.map { Base64.encode($0.ed25519, padded: false) },
            measurements: Dictionary(enrolled.evidence.items.map { ($0.name, Base64.encode($0.value)) }) { first, _ in first },
            worth: platform == "none"
                ? "There was no platform that could sign what runs on it. The measurements are the machine's own words: they show a mistake, not a lie."
                : "The platform's report (\(platform)) is recorded as it came; nobody has checked its signature here. The rest are the machine's own words.")
    }
}

/// The few lines of a descriptor that people ask about (dir-spec, "Router descriptor format").
struct DescriptorFacts {
    let policy: [String]
    let fingerprint: String?
    let address: String?

    init(_ text: String) {
        let lines = text.split(separator: "\n").map { String($0) }
        policy = lines.filter { $0.hasPrefix("accept ") || $0.hasPrefix("reject ") }
        fingerprint = lines.first { $0.hasPrefix("fingerprint ") }.map { $0.dropFirst(12).filter { $0 != " " } }
        let router = lines.first { $0.hasPrefix("router ") }?.split(separator: " ") ?? []
        address = router.count > 3 ? "\(router[2]):\(router[3])" : nil
    }
}
