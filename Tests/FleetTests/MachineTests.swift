import Ambience
import Foundation
import Providers
import Testing

@Suite struct MachineTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("dustcloud-machine-\(UUID().uuidString)").path

    @Test("A folder without an image, or with half of one, is refused with what to do")
    func images() throws {
        try Files.makeFolder(folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect { try MachineImage(folder) } throws: { "\($0)".contains("make image") }
        let digest = String(repeating: "a", count: 64)
        for odd in ["", "[]", #"{"digest": "a", "commandLine": ""}"#, #"{"digest": "\#(digest)"}"#, #"{"digest": 7, "commandLine": "x"}"#] {
            try Files.replace(folder + "/manifest.json", with: odd)
            #expect { try MachineImage(folder) } throws: { "\($0)".contains("does not describe") }
        }
        try Files.replace(folder + "/manifest.json", with: #"{"digest": "\#(digest)", "commandLine": "quiet"}"#)
        try Files.replace(folder + "/vmlinuz", with: "kernel")
        #expect { try MachineImage(folder) } throws: { "\($0)".contains("lacks \(folder)/initramfs") }
        try Files.replace(folder + "/initramfs", with: "files")
        #expect(try MachineImage(folder).digest == digest)
    }

    @Test("A monitor's answers are read whatever comes in between, and odd ones say nothing")
    func monitor() {
        let greeting = #"{"QMP": {}}"# + "\n" + #"{"return": {}}"# + "\n"
        func status(_ text: String) -> Bool? {
            var pieces = (greeting + text + "\n").utf8.map { [$0] }[...]
            return MonitorLine.isRunning(send: { _ in true }, receive: { pieces.popFirst() })
        }
        #expect(status(#"{"return": {"status": "running"}}"#) == true)
        #expect(status(#"{"event": "RTC_CHANGE"}"# + "\n" + #"{"return": {"status": "internal-error"}}"#) == false)
        for odd in ["", "{", "[]", #"{"return": []}"#, #"{"return": {"status": 1}}"#, #"{"error": {"class": "GenericError"}}"#, #"{"return": {}}"#] {
            #expect(status(odd) == nil)
        }
        #expect(MonitorLine.isRunning(send: { _ in true }, receive: { nil }) == nil)
        var isEndless = 0
        #expect(MonitorLine.isRunning(send: { _ in true }, receive: { isEndless += 1; return [UInt8](repeating: 0x20, count: 4096) }) == nil && isEndless < 20)
    }
}
