internal import Ambience
internal import Bytes
package import Enrolment
package import Leasing
internal import Sealing

/// The coordinator's key and its admissions on disk: one file each, old or new after a crash, never a mixture.
struct AdmissionFiles: Sendable {
    private static let suffix = ".admission"
    private let folder: String

    /// Makes the folder, for its owner only.
    init(_ folder: String) throws(FileError) {
        self.folder = folder
        try Files.makeFolder(folder)
    }

    /// The key by which motes know this coordinator, made at the first use. It is on disk before anybody is told of it.
    func identity() throws(FileError) -> TLSIdentity {
        let path = folder + "/key"
        if Files.exists(path) {
            var text = try Files.read(path)
            defer { text.wipe() }
            guard var seed = Hex.decode(String(decoding: text.prefix(2 * TLSIdentity.seedBytes), as: UTF8.self)), seed.count == TLSIdentity.seedBytes else {
                throw FileError(path: path, operation: "find 64 hex digits in", code: 0)
            }
            defer { seed.wipe() }
            return TLSIdentity(seed: SecretBytes(seed))
        }
        let seed = SecretBytes.random(TLSIdentity.seedBytes)
        var bytes = seed.copy
        defer { bytes.wipe() }
        try Files.replace(path, with: Hex.lower(bytes) + "\n")
        return TLSIdentity(seed: seed)
    }

    /// The port of last time, so that motes find a coordinator again that was started anew; 0 at first.
    func port() -> UInt16 { (try? Files.readText(folder + "/port")).flatMap { UInt16($0.prefix { $0.isNumber }) } ?? 0 }
    func keep(port: UInt16) throws(FileError) { try Files.replace(folder + "/port", with: "\(port)\n") }

    func save(_ admission: Admission) throws(FileError) { try Files.replace(path(admission.key), with: admission.record) }
    func remove(_ key: MoteKey) throws(FileError) { try Files.remove(path(key)) }

    /// All that can be read, and the files that cannot: whose motes cannot enrol, and are replaced like any that do not come up.
    func load() throws(FileError) -> (admissions: [Admission], damaged: [String]) {
        var admissions: [Admission] = [], damaged: [String] = []
        for name in try Files.list(folder) where name.hasSuffix(Self.suffix) {
            do { admissions.append(try Admission(record: try Files.read(folder + "/" + name))) } catch { damaged.append("\(folder)/\(name): \(error)") }
        }
        return (admissions, damaged)
    }

    private func path(_ key: MoteKey) -> String { "\(folder)/\(key)\(Self.suffix)" }
}

/// Reads what is on record of enrolments, beside a server that runs or without one.
package enum EnrolmentRecords {
    /// `nil` where there is none.
    package static func admission(of key: MoteKey, in folder: String) throws -> Admission? {
        let path = "\(folder)/\(key).admission"
        return Files.exists(path) ? try Admission(record: try Files.read(path)) : nil
    }
}
