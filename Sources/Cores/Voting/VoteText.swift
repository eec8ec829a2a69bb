internal import Ambience
internal import Bytes
internal import Directory
internal import Sealing

/// Writes votes, line by line in the order of stock 0.4.9 (dir-spec 3.4.1).
extension Vote {
    /// The signed document.
    package func text(signer: AuthoritySigner) -> [UInt8] {
        var lines = TextLines()
        writeHeader(&lines)
        lines.bytes += certificate
        for entry in entries { entry.write(to: &lines) }
        lines.add("directory-footer")
        lines.begin("directory-signature ")
        let digest = Digest.sha1(lines.bytes)
        lines.end("\(signer.identity) \(signer.signingKeyDigest)")
        lines.object("SIGNATURE", signer.sign(digest))
        return lines.bytes
    }

    private func writeHeader(_ lines: inout TextLines) {
        lines.add("network-status-version 3")
        lines.add("vote-status vote")
        lines.add("consensus-methods \(methods.map(String.init).joined(separator: " "))")
        lines.add("published \(published)")
        lines.add("valid-after \(validAfter)")
        lines.add("fresh-until \(freshUntil)")
        lines.add("valid-until \(validUntil)")
        lines.add("voting-delay \(voteDelaySeconds) \(distDelaySeconds)")
        if let clientVersions { lines.add("client-versions \(clientVersions)") }
        if let serverVersions { lines.add("server-versions \(serverVersions)") }
        lines.add("recommended-relay-protocols \(protocols.recommendedRelay)")
        lines.add("recommended-client-protocols \(protocols.recommendedClient)")
        lines.add("required-relay-protocols \(protocols.requiredRelay)")
        lines.add("required-client-protocols \(protocols.requiredClient)")
        lines.add("known-flags \(knownFlags.joined(separator: " "))")
        lines.add("flag-thresholds \(flagThresholds)")
        lines.add("params \(parameters.map(\.description).joined(separator: " "))")
        lines.add(source.description)
        lines.add("contact \(contact)")
        writeSharedRandom(&lines)
    }

    private func writeSharedRandom(_ lines: inout TextLines) {
        guard sharedRandom.participates else { return }
        lines.add("shared-rand-participate")
        for commit in sharedRandom.commits { lines.add("shared-rand-commit \(commit)") }
        if let previous = sharedRandom.previous { lines.add("shared-rand-previous-value \(previous)") }
        if let current = sharedRandom.current { lines.add("shared-rand-current-value \(current)") }
    }
}

extension VoteEntry {
    fileprivate func write(to lines: inout TextLines) {
        lines.add(
            "r \(nickname) \(Base64.encode(rsa.bytes, padded: false)) \(Base64.encode(descriptorDigest, padded: false)) \(published) \(address) \(orPort) \(directoryPort)")
        if let ipv6 { lines.add("a \(ipv6)") }
        lines.add((["s"] + flags).joined(separator: " "))
        if let version { lines.add("v \(version)") }
        if let protocols { lines.add("pr \(protocols)") }
        lines.add("w " + weights.joined(separator: " "))
        if let expires { lines.add("dust-expires \(expires)") }
        if let exitSummary { lines.add("p \(exitSummary)") }
        switch ed25519 {
        case .unlisted: break
        case .none: lines.add("id ed25519 none")
        case .key(let key): lines.add("id ed25519 \(key)")
        }
        if let statistics { lines.add("stats \(statistics)") }
        for vote in microdescriptors {
            lines.add("m \(vote.methods.map(String.init).joined(separator: ",")) sha256=\(Base64.encode(vote.digest, padded: false))")
        }
    }

    private var weights: [String] {
        var weights = ["Bandwidth=\(bandwidth ?? 0)"]
        if let measuredBandwidth { weights.append("Measured=\(measuredBandwidth)") }
        if let guardFraction { weights.append("GuardFraction=\(guardFraction)") }
        return weights
    }
}
