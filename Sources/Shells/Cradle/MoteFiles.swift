internal import Ambience
internal import Enrolment
internal import Glibc

/// What the mote finds in its folder, which is memory.
enum MoteFiles {
    /// Nobody's but the mote's: it is not the superuser.
    static let user: UInt32 = 1000
    private static let folder = "/run/mote"

    /// The mote's command line. Its files are in memory; who enrols overwrites the order once the secret is used up.
    static func write(_ order: BootOrder, _ text: [UInt8]) throws(CradleFailure) -> [String] {
        let (name, content) = order.torrc.map { ("torrc", $0) } ?? ("order", text)
        do throws(FileError) {
            try Files.makeFolder(folder)
            try Files.replace("\(folder)/\(name)", with: content)
        } catch { throw CradleFailure("cannot write the mote's files: \(error)") }
        guard chown(folder, user, user) == 0, chown("\(folder)/\(name)", user, user) == 0 else { throw CradleFailure("cannot give the mote its files", errno) }
        setenv("HOME", folder, 1)
        let settings = ["--DataDirectory", "\(folder)/data"]
        guard order.torrc != nil else { return ["--enrol", "\(folder)/order"] + settings }
        return ["-f", "\(folder)/torrc"] + settings + ["--MoteExpires", order.expires.rfc3339]
    }
}
