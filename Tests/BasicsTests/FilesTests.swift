import Ambience
import Foundation
import Testing

@Suite("Files")
struct FilesTests {
    private let folder = FileManager.default.temporaryDirectory.path + "/dustcloud-files-\(UInt64.random(in: 0 ... .max))"

    @Test("are replaced as a whole, appended to, listed and removed")
    func life() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Files.makeFolder(folder + "/a/b")
        try Files.makeFolder(folder + "/a/b")
        let path = folder + "/a/b/file"
        #expect(!Files.exists(path))
        try Files.replace(path, with: "one")
        try Files.replace(path, with: "two")
        try Files.append(path, Array("three".utf8))
        #expect(try Files.readText(path) == "twothree")
        #expect(try Files.list(folder + "/a/b") == ["file"])
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        try Files.remove(path)
        try Files.remove(path)
        #expect(!Files.exists(path))
    }

    @Test("say which path failed, and why")
    func failures() throws {
        let error = #expect(throws: FileError.self) { try Files.read("/nonexistent/file") }
        #expect(error?.isMissing == true && error?.path == "/nonexistent/file")
        #expect(throws: FileError.self) { try Files.replace("/nonexistent/file", with: "x") }
        #expect(throws: FileError.self) { try Files.makeFolder("/dev/null/folder") }
    }
}
