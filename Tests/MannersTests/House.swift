import Foundation

/// The repository as files and as the import table of `Package.swift`.
struct House {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    static let floors = ["Doors", "Basics", "Cores", "Shells", "Programs"]

    struct Room {
        let name: String
        let floor: String
        let uses: Set<String>
    }

    struct Source {
        /// Relative to the root.
        let path: String
        let text: String
        let lines: [Substring]

        init(path: String, text: String) {
            (self.path, self.text) = (path, text)
            lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        }
    }

    let rooms: [String: Room]
    let sources: [Source]

    init() throws {
        let table = try String(contentsOf: Self.root.appendingPathComponent("Package.swift"), encoding: .utf8)
        let listed = Self.doors(in: table) + Self.rooms(in: table) + Self.programs(in: table)
        rooms = Dictionary(uniqueKeysWithValues: listed.map { ($0.name, $0) })
        sources = try ["Sources", "Tests"].flatMap { try Self.texts(below: $0) }
    }

    /// Every room that a program links, itself included.
    func closure(of name: String) -> Set<String> {
        var found: Set<String> = [], open = [name]
        while let next = open.popLast() {
            if found.insert(next).inserted { open += rooms[next]?.uses ?? [] }
        }
        return found
    }

    /// Names of the modules that a file imports.
    static func imports(of source: Source) -> [String] {
        source.lines.filter { $0.contains("import ") }.compactMap { line in
            line.firstMatch(of: /^\s*(?:@\w+\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?import\s+(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)/)
                .map { String($0.1) }
        }
    }

    private static func doors(in table: String) -> [Room] {
        table.matches(of: /\n\s+door\("(\w+)"/).map { Room(name: String($0.1), floor: "Doors", uses: []) }
    }

    private static func rooms(in table: String) -> [Room] {
        table.matches(of: /\n\s+room\("(\w+)", "(\w+)"(?:, \[([^\]]*)\])?/).map {
            Room(name: String($0.2), floor: String($0.1), uses: names(in: $0.3 ?? ""))
        }
    }

    private static func programs(in table: String) -> [Room] {
        table.matches(of: /\n\s+program\("(\w+)", \[([^\]]*)\]/).map { Room(name: String($0.1), floor: "Programs", uses: names(in: $0.2)) }
    }

    private static func names(in list: Substring) -> Set<String> {
        Set(list.matches(of: /"(\w+)"/).map { String($0.1) })
    }

    private static func texts(below folder: String) throws -> [Source] {
        let base = root.appendingPathComponent(folder)
        let paths = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
        return try paths.filter { ["swift", "py", "h", "md", "modulemap"].contains(URL(fileURLWithPath: $0).pathExtension) }.sorted().map {
            Source(path: "\(folder)/\($0)", text: try String(contentsOf: base.appendingPathComponent($0), encoding: .utf8))
        }
    }
}
