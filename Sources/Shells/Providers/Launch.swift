internal import CLinux
internal import Glibc

/// How a program is started besides what it is: where, with which rights and in which namespaces.
package struct LaunchSettings {
    /// Where it starts; `nil`: where we are.
    package var folder: String?
    /// The namespaces that it enters; `nil`: ours.
    package var spaces: Namespaces?
    /// It begins in a user and a network namespace of its own, in which nobody else is.
    package var makesSpaces = false
    /// No capability, none to be had by any program that it starts, and no core dump.
    package var isPowerless = false
    /// Descriptors that it has as 3, 4, … At most eight.
    package var given: [Int32] = []
    /// The most address space; 0: as we have.
    package var addressSpaceBytes: UInt64 = 0
    /// The longest file that it may write; what goes beyond fails. 0: as we have.
    package var fileBytes: UInt64 = 0

    package init() {}
}

/// A user and a network namespace, held open.
package final class Namespaces {
    let user: Int32
    let network: Int32
    /// Tells network namespaces apart.
    let networkNumber: UInt64

    /// Those of a running process.
    package init(of pid: Int32) throws(ProviderError) {
        user = dc_open("/proc/\(pid)/ns/user", O_RDONLY, 0)
        network = dc_open("/proc/\(pid)/ns/net", O_RDONLY, 0)
        networkNumber = Self.number(network)
        guard user >= 0, network >= 0 else { throw ProviderError("cannot enter the namespaces of process \(pid): \(String(cString: strerror(errno)))") }
    }

    private static func number(_ fd: Int32) -> UInt64 {
        var facts = stat()
        return fstat(fd, &facts) == 0 ? UInt64(facts.st_ino) : 0
    }

    deinit { for fd in [user, network] where fd >= 0 { close(fd) } }
}

extension LaunchSettings {
    /// Starts the program; when this returns it runs. `output` and `errors` are ours unless given, the input is empty.
    func launch(
        _ program: String, _ arguments: [String], output: Int32 = -1, errors: Int32 = -1, ownSession: Bool
    ) throws(ProviderError) -> Int32 {
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        let place = folder.flatMap { strdup($0) }
        let file = strdup(program)
        defer {
            words.forEach { free($0) }
            free(place)
            free(file)
        }
        var failure: Int32 = 0
        // SAFETY: the plan points into arrays and strings that live until the call is over, and keeps nothing.
        let pid = words.withUnsafeMutableBufferPointer { words in
            given.withUnsafeBufferPointer { given in
                var plan = dc_launch_plan()
                (plan.program, plan.folder) = (UnsafePointer(file), place.map { UnsafePointer($0) })
                (plan.arguments, plan.environment) = (UnsafePointer(words.baseAddress), UnsafePointer(environ))
                (plan.input, plan.output, plan.errors) = (-1, output, errors)
                (plan.given, plan.given_count) = (given.baseAddress, Int32(given.count))
                plan.owns_session = ownSession ? 1 : 0
                (plan.user_namespace, plan.network_namespace) = (spaces?.user ?? -1, spaces?.network ?? -1)
                (plan.makes_namespaces, plan.is_powerless) = (makesSpaces ? 1 : 0, isPowerless ? 1 : 0)
                (plan.address_space_bytes, plan.file_bytes) = (addressSpaceBytes, fileBytes)
                return dc_launch(&plan, &failure)
            }
        }
        guard pid > 0 else { throw ProviderError("cannot start \(program): \(Self.step(failure))\(String(cString: strerror(errno)))") }
        return pid
    }

    private static func step(_ failure: Int32) -> String {
        switch UInt32(failure) {
        case DC_LAUNCH_NAMESPACE.rawValue: "no namespace of its own: "
        case DC_LAUNCH_FOLDER.rawValue: "its folder: "
        case DC_LAUNCH_FILES.rawValue: "its descriptors: "
        case DC_LAUNCH_RIGHTS.rawValue: "its limits: "
        default: ""
        }
    }
}
