internal import Ambience
internal import Paths

/// The `Guard` lines of stock's state file. Every other line is left as it is.
struct GuardStateFile {
    private static let keyword = "Guard "
    /// Guards of other selections (bridges, restricted sets) are somebody else's.
    private static let ours = "Guard in=default "
    private static let heading = "# Tor state file last generated on "

    let path: String

    func load() throws(FileError) -> GuardSample {
        guard Files.exists(path) else { return GuardSample() }
        return GuardSample(lines: try lines().filter { $0.hasPrefix(Self.ours) }.map { String($0.dropFirst(Self.keyword.utf8.count)) })
    }

    func save(_ guards: GuardSample, wall: WallTime) throws(FileError) {
        let others = Files.exists(path) ? try lines().filter { !$0.hasPrefix(Self.ours) && !$0.hasPrefix(Self.heading) } : []
        let text = ["\(Self.heading)\(wall) UTC"] + others + guards.lines.map { Self.keyword + $0 }
        try Files.replace(path, with: text.joined(separator: "\n") + "\n")
    }

    private func lines() throws(FileError) -> [String] { try Files.readText(path).split(separator: "\n").map(String.init) }
}
