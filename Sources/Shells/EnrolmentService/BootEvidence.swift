internal import Ambience
internal import Bytes
package import Enrolment
internal import Glibc
internal import Sealing

/// What this machine can say of what it booted and of the platform beneath.
///
/// Without a platform report these are a machine's words about itself: they show a mistake, not a lie.
package struct BootEvidence {
    private let root: String

    /// - Parameter root: another tree than the machine's own, for tests.
    package init(root: String = "") { self.root = root }

    /// - Parameter nonce: what a platform's report is asked to sign along: the digest of the mote's key, so that no other machine can show the report.
    package func gather(nonce: [UInt8]) -> Evidence {
        var evidence = Evidence()
        if let line = read("/proc/cmdline", limit: 4096) { evidence.add("kernel-command-line", line) }
        if let version = read("/proc/version", limit: 1024) { evidence.add("kernel-version", version) }
        if let modules = read("/proc/modules", limit: 1 << 20) { evidence.add("kernel-modules-sha256", Digest.sha256(names(modules))) }
        if let program = try? Files.read(root + "/proc/self/exe") { evidence.add("executable-sha256", Digest.sha256(program)) }
        var platforms = confidentialReport(nonce, &evidence)
        if tpm(&evidence) { platforms.append("tpm-registers-unsigned") }
        evidence.add("platform", Array((platforms.isEmpty ? "none" : platforms.joined(separator: " ")).utf8))
        return evidence
    }

    /// Names only: addresses and reference counts differ from boot to boot.
    private func names(_ modules: [UInt8]) -> [UInt8] {
        let names = String(decoding: modules, as: UTF8.self).split(separator: "\n").compactMap { $0.split(separator: " ").first.map(String.init) }
        return Array((names.sorted().joined(separator: "\n") + "\n").utf8)
    }

    /// The kernel's one way to the report of a confidential machine (SEV-SNP, TDX and others): Documentation/ABI/testing/configfs-tsm-report.
    private func confidentialReport(_ nonce: [UInt8], _ evidence: inout Evidence) -> [String] {
        let folder = root + "/sys/kernel/config/tsm/report/dustcloud"
        guard Files.exists(root + "/sys/kernel/config/tsm/report"), (try? Files.makeFolder(folder)) != nil else { return [] }
        defer { rmdir(folder) }
        // The attribute takes one write of at most 64 bytes.
        guard put(folder + "/inblob", Digest.sha512(nonce)), let report = try? Files.read(folder + "/outblob"), evidence.add("tsm-report", report) else { return [] }
        if let certificates = try? Files.read(folder + "/auxblob"), !certificates.isEmpty { evidence.add("tsm-certificates", certificates) }
        return [read("/sys/kernel/config/tsm/report/dustcloud/provider", limit: 64).map { String(decoding: $0, as: UTF8.self).filter { $0 != "\n" } } ?? "tsm"]
    }

    private func put(_ path: String, _ bytes: [UInt8]) -> Bool {
        let fd = open(path, O_WRONLY | O_CLOEXEC)
        guard fd >= 0 else { return false }
        defer { close(fd) }
        return write(fd, bytes, bytes.count) == bytes.count
    }

    /// A TPM's boot registers as the kernel reads them. They are not signed, so they say no more than the kernel does.
    private func tpm(_ evidence: inout Evidence) -> Bool {
        let values = (0..<16).compactMap { read("/sys/class/tpm/tpm0/pcr-sha256/\($0)", limit: 80) }
        guard !values.isEmpty else { return false }
        return evidence.add("tpm-registers", Array(values.joined()))
    }

    private func read(_ path: String, limit: Int) -> [UInt8]? { (try? Files.read(root + path)).map { Array($0.prefix(limit)) } }
}
