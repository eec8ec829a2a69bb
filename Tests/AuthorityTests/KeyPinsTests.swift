import Ambience
import Authority
import Sealing
import Testing

struct KeyPinsTests {
    private func rsa(_ number: UInt8) throws -> RSAIdentity { try #require(RSAIdentity([UInt8](repeating: number, count: 20))) }
    private func ed25519(_ number: UInt8) throws -> Ed25519Identity { try #require(Ed25519Identity([UInt8](repeating: number, count: 32))) }

    @Test("A pair once pinned is known; either half with a new other is a mismatch, also after a restart")
    func pinning() throws {
        let folder = try ScratchFolder()
        let path = folder.path + "/key-pinning-journal"
        let pins = try KeyPins(path: path)
        #expect(pins.match(try rsa(1), try ed25519(1)) == .new)
        try pins.pin(try rsa(1), try ed25519(1)) { _ in true }
        for pins in [pins, try KeyPins(path: path)] {
            #expect(pins.match(try rsa(1), try ed25519(1)) == .known)
            #expect(pins.match(try rsa(1), try ed25519(2)) == .mismatch)
            #expect(pins.match(try rsa(2), try ed25519(1)) == .mismatch)
            #expect(pins.match(try rsa(2), try ed25519(2)) == .new)
        }
    }

    @Test("A journal cut anywhere keeps its whole lines and goes on growing")
    func tornTail() throws {
        let folder = try ScratchFolder()
        let path = folder.path + "/key-pinning-journal"
        let pins = try KeyPins(path: path)
        for number: UInt8 in 1...3 { try pins.pin(try rsa(number), try ed25519(number)) { _ in true } }
        let whole = try Files.read(path)
        for count in 0...whole.count {
            try Files.replace(path, with: Array(whole[..<count]))
            let cut = try KeyPins(path: path)
            #expect(cut.count == (count + 1) / 72)
            try cut.pin(try rsa(9), try ed25519(9)) { _ in true }
            #expect(try KeyPins(path: path).match(try rsa(9), try ed25519(9)) == .known)
        }
    }

    @Test("Stock tor's journal is read, opening lines and all")
    func stockJournal() throws {
        let folder = try ScratchFolder()
        let path = folder.path + "/key-pinning-journal"
        try Files.replace(path, with: "\n@opened-at 2000-01-01 00:00:05\nJX0G8DYLsiRjiHJPEJ7AiVodQfs yhO6nETO5AUdvJbLgPnw4mFjozGXWMCqOp30nY6nM8E\n")
        #expect(try KeyPins(path: path).count == 1)
    }
}
