internal import Ambience
internal import Glibc

/// What the mote finds in its folder, which is memory.
enum MoteFiles {
    /// Nobody's but the mote's: it is not the superuser.
    static let user: UInt32 = 1000
    private static let folder = "/run/mote"

    /// The mote's command line.
    static func write(_ order: BootOrder) throws(CradleFailure) -> [String] {
        do throws(FileError) {
            try Files.makeFolder(folder)
            switch order.task {
            case .enrol: try Files.replace("\(folder)/order", with: order.text)
            case .relay(let torrc): try Files.replace("\(folder)/torrc", with: torrc)
            }
            for name in try Files.list(folder) { chown("\(folder)/\(name)", user, user) }
            try? Files.remove("/order")
        } catch { throw CradleFailure("cannot write the mote's files: \(error)") }
        guard chown(folder, user, user) == 0 else { throw CradleFailure("cannot give the mote its folder", errno) }
        setenv("HOME", folder, 1)
        let settings = ["--DataDirectory", "\(folder)/data"]
        return switch order.task {
        case .enrol: ["--enrol", "\(folder)/order"] + settings
        case .relay: ["-f", "\(folder)/torrc"] + settings + ["--MoteExpires", order.expires.rfc3339]
        }
    }
}
