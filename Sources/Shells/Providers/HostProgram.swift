internal import Glibc

/// Programs of the machine that motes as virtual machines need.
package enum HostProgram: String, CaseIterable, Sendable {
    case sleep
    case slirp = "slirp4netns"
    case qemu = "qemu-system-x86_64"

    private var package: String {
        switch self {
        case .sleep: "coreutils"
        case .slirp: "slirp4netns"
        case .qemu: "qemu-system-x86"
        }
    }

    /// Its file, looked for where programs are.
    package func path() throws(ProviderError) -> String {
        let named = getenv("PATH").map { String(cString: $0) } ?? ""
        let folders = named.split(separator: ":").map(String.init) + ["/usr/local/bin", "/usr/bin", "/bin"]
        for folder in folders where folder.hasPrefix("/") && access("\(folder)/\(rawValue)", X_OK) == 0 { return "\(folder)/\(rawValue)" }
        throw ProviderError("\(rawValue) is not installed; on Debian: apt install \(package)")
    }
}
