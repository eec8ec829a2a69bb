import Ambience
import Glibc
import Torrc

/// Reads the files and arguments that a command line names.
enum TorrcFiles {
    /// The data directory of a node whose torrc names none.
    static var home: String { (getenv("HOME").map { String(cString: $0) } ?? "") + "/.mote" }

    static func read(_ invocation: Invocation) throws(TorrcError) -> Torrc.Reading {
        var sources: [[Assignment]] = []
        if let path = invocation.defaultsPath { sources.append(try assignments(path, isOptional: false)) }
        if let path = invocation.torrcPath { sources.append(try assignments(path, isOptional: invocation.isTorrcOptional)) }
        return try Torrc.read(sources + [invocation.assignments])
    }

    private static func assignments(_ path: String, isOptional: Bool) throws(TorrcError) -> [Assignment] {
        let name = path == "-" ? "standard input" : path
        let text: String
        do throws(FileError) {
            text = try Files.readText(path == "-" ? "/dev/stdin" : path)
        } catch {
            if isOptional, error.isMissing { return [] }
            throw TorrcError(origin: nil, option: nil, problem: "cannot read the torrc: \(error)")
        }
        return try TorrcText.assignments(in: text, name: name)
    }
}
