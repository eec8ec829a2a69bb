internal import Coordination
internal import Foundation
internal import Glibc

/// The node's program file.
enum NodeProgram {
    /// The one that was named, else `mote` beside this program.
    static func find(_ named: String?) throws -> String {
        let path = try named ?? beside()
        guard let resolved = realpath(path, nil) else { throw CoordinationError(.unavailable, "there is no node program at \(path); name it with --mote") }
        defer { free(resolved) }
        let program = String(cString: resolved)
        guard access(program, X_OK) == 0 else { throw CoordinationError(.unavailable, "\(program) cannot be executed") }
        // A script's process has its interpreter's command line, and motes are known by theirs.
        guard FileHandle(forReadingAtPath: program)?.readData(ofLength: 4) == Data([0x7F, 0x45, 0x4C, 0x46]) else {
            throw CoordinationError(.unavailable, "\(program) is no program file but perhaps a script; name the node program itself")
        }
        return program
    }

    /// This program's own file.
    static func own() throws -> String {
        guard let resolved = realpath("/proc/self/exe", nil) else { throw CoordinationError(.unavailable, "/proc/self/exe cannot be read") }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static func beside() throws -> String {
        let own = try own()
        return String(own[..<(own.lastIndex(of: "/") ?? own.startIndex)]) + "/mote"
    }
}
