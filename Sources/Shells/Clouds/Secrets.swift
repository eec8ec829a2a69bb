internal import Ambience
internal import Glibc

/// Credentials, by the names that the providers' own tools give them: from a file that only its owner can read, else from the environment. Never from the
/// command line, which everybody on the machine can read.
package struct Secrets: Sendable, CustomStringConvertible, CustomReflectable {
    private let values: [String: String]

    /// For tests and for what has read them already.
    package init(_ values: [String: String]) { self.values = values }

    package static func environment() -> Secrets {
        var values: [String: String] = [:]
        for name in names { if let value = getenv(name) { values[name] = String(cString: value) } }
        return Secrets(values)
    }

    /// Lines of `NAME=value`; blank lines and those that begin with `#` say nothing.
    package static func file(_ path: String) throws(CloudError) -> Secrets {
        var status = stat()
        guard stat(path, &status) == 0 else { throw CloudError("cannot read \(path): \(String(cString: strerror(errno)))") }
        guard status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else {
            throw CloudError("\(path) must belong to you and be readable by nobody else: chmod 600 \(path)")
        }
        let text: String
        do { text = try Files.readText(path) } catch { throw CloudError("\(error)") }
        var values: [String: String] = [:]
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() where !line.isEmpty && !line.hasPrefix("#") {
            guard let mark = line.firstIndex(of: "="), names.contains(String(line[..<mark])) else {
                throw CloudError("\(path), line \(index + 1): expected one of \(names.joined(separator: ", ")), then = and its value")
            }
            values[String(line[..<mark])] = String(line[line.index(after: mark)...])
        }
        return Secrets(values)
    }

    package subscript(_ name: String) -> String? { values[name].flatMap { $0.isEmpty ? nil : $0 } }

    func required(_ name: String) throws(CloudError) -> String {
        guard let value = self[name] else { throw CloudError("\(name) is not set; set it in the environment or in a file given with --credentials") }
        return value
    }

    package var description: String { "Secrets(\(values.keys.sorted().joined(separator: ", ")))" }
    package var customMirror: Mirror { Mirror(reflecting: description) }

    private static let names = [
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL", "HCLOUD_TOKEN", "DIGITALOCEAN_TOKEN", "VULTR_API_KEY",
        "OS_AUTH_URL", "OS_USERNAME", "OS_PASSWORD", "OS_USER_DOMAIN_NAME", "OS_PROJECT_NAME", "OS_PROJECT_DOMAIN_NAME", "OS_APPLICATION_CREDENTIAL_ID",
        "OS_APPLICATION_CREDENTIAL_SECRET", "OS_NETWORK",
    ]
}

/// What a person must know and can do something about.
package struct CloudError: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
