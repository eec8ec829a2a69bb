import Ambience
import Glibc
import Node
import Torrc

/// Reads the files and arguments that a command line names.
enum TorrcFiles {
    /// The data directory of a node whose torrc names none.
    static var home: String { (getenv("HOME").map { String(cString: $0) } ?? "") + "/.mote" }

    /// - Parameters:
    ///   - text: stands for the torrc when it is given.
    ///   - textName: where it comes from, for messages.
    static func read(_ invocation: Invocation, text: String? = nil, textName: String = "controller") throws(TorrcError) -> Torrc.Reading {
        var sources: [[Assignment]] = []
        if let path = invocation.defaultsPath { sources.append(try assignments(path, isOptional: false)) }
        if let text {
            sources.append(try TorrcText.assignments(in: text, name: textName))
        } else if let path = invocation.torrcPath {
            sources.append(try assignments(path, isOptional: invocation.isTorrcOptional))
        }
        return try Torrc.read(sources + [invocation.assignments])
    }

    /// How a running node reads its configuration again.
    ///
    /// - Parameter fixed: stands for the torrc where there is no file.
    static func source(_ invocation: Invocation, fixed: String? = nil) -> TorrcSource {
        TorrcSource(path: invocation.torrcPath == "-" ? nil : invocation.torrcPath, defaultsPath: invocation.defaultsPath) { text throws(TorrcError) in
            if let fixed, text == nil { try read(invocation, text: fixed, textName: "coordinator") } else { try read(invocation, text: text) }
        } logs: {
            logs($0, invocation.loudness)
        }
    }

    /// Without Log lines, notices (`--hush`: warnings, `--quiet`: nothing) go to standard output.
    static func logs(_ lines: [LogLine], _ loudness: Invocation.Loudness) -> [LogLine] {
        guard lines.isEmpty, loudness != .quiet else { return lines }
        return [LogLine(severities: (loudness == .hush ? .warn : .notice)...(.err), target: .standardOutput)]
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
