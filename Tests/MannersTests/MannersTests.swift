import Foundation
import Testing

/// The rules of the house that a program can watch.
@Suite("Manners")
struct MannersTests {
    static let read = Result { try House() }
    let house: House

    init() throws {
        house = try Self.read.get()
    }

    @Test("no file is over 600 lines")
    func filesAreShort() {
        for source in house.sources {
            #expect(source.lines.count <= 600, "\(source.path)")
        }
    }

    @Test("every folder of Sources is a room of the import table, and every room is a folder")
    func roomsAreFolders() throws {
        let folders = try House.floors.flatMap { floor in
            try FileManager.default.contentsOfDirectory(atPath: House.root.appendingPathComponent("Sources/\(floor)").path).map { "\(floor)/\($0)" }
        }
        #expect(Set(folders) == Set(house.rooms.values.map { "\($0.floor)/\($0.name)" }))
    }

    @Test("no room uses a room on a floor above its own")
    func floorsHold() {
        let height = Dictionary(uniqueKeysWithValues: zip(House.floors, House.floors.indices))
        for room in house.rooms.values {
            for used in room.uses.compactMap({ house.rooms[$0] }) {
                #expect((height[used.floor] ?? 0) <= (height[room.floor] ?? 0), "\(room.name) uses \(used.name)")
            }
        }
    }

    /// The compiler would let a room import what its neighbours happen to have built.
    @Test("a room imports only the rooms that the import table lists for it")
    func importsAreListed() {
        for source in house.sources {
            let parts = source.path.split(separator: "/")
            guard parts.first == "Sources", parts.count > 3, let room = house.rooms[String(parts[2])] else { continue }
            for name in House.imports(of: source) where house.rooms[name] != nil {
                #expect(room.uses.contains(name), "\(source.path) imports \(name)")
            }
        }
    }

    @Test("mote links no Foundation")
    func moteIsSmall() {
        let linked = house.closure(of: "mote")
        #expect(linked.contains("Relaying"))
        for source in house.sources where source.path.hasPrefix("Sources/") {
            guard linked.contains(String(source.path.split(separator: "/").dropFirst(2).first ?? "")) else { continue }
            #expect(!House.imports(of: source).contains { $0.hasPrefix("Foundation") }, "\(source.path)")
        }
    }

    @Test("no C module is visible in a room's API")
    func doorsStayClosed() {
        for source in house.sources {
            for line in source.lines where line.contains("import ") {
                guard let match = line.firstMatch(of: /^(?:public|package) import (\w+)/) else { continue }
                #expect(house.rooms[String(match.1)]?.floor != "Doors", "\(source.path): \(line)")
            }
        }
    }

    @Test("no file knows the machine it was written on, or leaves work for later")
    func filesAreFinished() {
        let unwanted = ["/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "TO" + "DO", "FIX" + "ME"]
        for source in house.sources {
            for word in unwanted {
                #expect(!source.text.contains(word), "\(source.path) contains \(word)")
            }
        }
    }

    @Test("nothing but what was agreed lies at the top")
    func topIsTidy() throws {
        let agreed: Set = ["Package.swift", "Sources", "Tests", "Images", "Policies", "README.md", "Makefile", "LICENSE", ".ci", ".gitignore"]
        let found = try FileManager.default.contentsOfDirectory(atPath: House.root.path)
        let made = found.filter { $0 == ".git" || $0 == ".swiftpm" || $0 == "Package.resolved" || $0.hasPrefix(".build") }
        #expect(Set(found).subtracting(made).subtracting(agreed).isEmpty)
    }
}
