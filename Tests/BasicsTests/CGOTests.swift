import Ambience
import Bytes
import CPolyval
import Testing

@testable import Sealing

/// Those that this machine has.
private let engines = CipherEngine.available

@Suite("Counter Galois Onion")
struct CGOTests {
    private static let bodyBytes = 509

    /// Calls `work` with 509 bytes in place and returns them.
    private func inPlace(_ body: [UInt8], _ work: (UnsafeMutablePointer<UInt8>) -> Void) -> [UInt8] {
        var body = body
        body.withUnsafeMutableBufferPointer { work($0.baseAddress!) }
        return body
    }

    private func cipher(_ state: [String: Any], _ side: CGOCipher.Side, _ engine: CipherEngine) throws -> CGOCipher {
        CGOCipher(material: try state.bytes("keys") + state.bytes("nonce"), side: side, previous: try state.bytes("tprime"), engine: engine)
    }

    /// Two ciphers are in the same state if they do the same to the next cell, and know it for theirs alike.
    private func expectSame(_ a: consuming CGOCipher, _ b: consuming CGOCipher) {
        for byte in [UInt8(0), 0xA7] {
            let body = [UInt8](repeating: byte, count: Self.bodyBytes)
            #expect(inPlace(body) { a.pass($0, 3) } == inPlace(body) { b.pass($0, 3) })
        }
        let body = [UInt8](repeating: 0x51, count: Self.bodyBytes)
        #expect(inPlace(body) { a.originate($0, 9) } == inPlace(body) { b.originate($0, 9) })
    }

    // MARK: Its parts

    @Test("hashes as RFC 8452 says")
    func polyval() throws {
        for vector in try Vectors.list("polyval") {
            let (key, input) = (dc_polyval_load(try vector.bytes("key")), try vector.bytes("input"))
            var (plain, fast) = (dc_polyval_element(), dc_polyval_element())
            for block in [input[..<16], input[16...]].map({ dc_polyval_load(Array($0)) }) {
                plain = dc_polyval_multiply_anywhere(dc_polyval_element(low: plain.low ^ block.low, high: plain.high ^ block.high), key)
                guard engines.count > 1 else { continue }
                fast = dc_polyval_multiply_fast(dc_polyval_element(low: fast.low ^ block.low, high: fast.high ^ block.high), key)
            }
            for sum in engines.count > 1 ? [plain, fast] : [plain] { #expect(withUnsafeBytes(of: sum) { Array($0) } == (try vector.bytes("output"))) }
        }
    }

    @Test("permutes the left block as published", arguments: engines)
    func left(engine: CipherEngine) throws {
        for vector in try Vectors.list("cgo", "et") {
            let tweak = try vector.bytes("tweak")
            let isEncrypting = try #require(vector["encrypt"] as? Bool)
            let permutation = CGOPermutation(material: try vector.bytes("keys") + [UInt8](repeating: 0, count: 32), isEncrypting: isEncrypting, engine: engine)
            let body = try vector.bytes("input") + tweak[17...]
            #expect(inPlace(body) { permutation.exchangeLeft($0, tweak: tweak, command: tweak[16]) } == (try vector.bytes("output")) + tweak[17...])
        }
    }

    @Test("makes the stream that is published", arguments: engines)
    func stream(engine: CipherEngine) throws {
        for vector in try Vectors.list("cgo", "prf") {
            let input = try vector.bytes("input")
            let permutation = CGOPermutation(material: try [UInt8](repeating: 0, count: 32) + vector.bytes("keys"), isEncrypting: true, engine: engine)
            if vector["t"] as? Int == 0 {
                let body = input + [UInt8](repeating: 0, count: 493)
                #expect(inPlace(body) { permutation.maskRight($0) } == input + (try vector.bytes("output")))
            } else {
                let update = [UInt8](repeating: 0, count: CGOPermutation.updateBytes)
                #expect(inPlace(update) { permutation.deriveUpdate(from: input, into: $0) } == (try vector.bytes("output")))
            }
        }
    }

    @Test("permutes whole bodies as published", arguments: engines)
    func bodies(engine: CipherEngine) throws {
        for vector in try Vectors.list("cgo", "uiv") {
            let isEncrypting = try #require(vector["encrypt"] as? Bool)
            let permutation = CGOPermutation(material: try vector.bytes("keys"), isEncrypting: isEncrypting, engine: engine)
            let (tweak, body) = (try vector.bytes("tweak"), try vector.bytes("x_l") + vector.bytes("x_r"))
            let after = inPlace(body) {
                isEncrypting ? permutation.encrypt($0, tweak: tweak, command: tweak[16]) : permutation.decrypt($0, tweak: tweak, command: tweak[16])
            }
            #expect(after == (try vector.bytes("y_l") + vector.bytes("y_r")))
        }
    }

    @Test("moves on to the keys that are published", arguments: engines)
    func updates(engine: CipherEngine) throws {
        for vector in try Vectors.list("cgo", "uiv_update") {
            let permutation = CGOPermutation(material: try vector.bytes("keys"), isEncrypting: true, engine: engine)
            let nonce = try vector.bytes("nonce")
            let update = [UInt8](repeating: 0, count: CGOPermutation.updateBytes)
            #expect(inPlace(update) { permutation.deriveUpdate(from: nonce, into: $0) } == (try vector.bytes("new_keys") + vector.bytes("new_nonce")))
        }
    }

    // MARK: The roles

    @Test("passes and recognises cells at a relay as published", arguments: engines)
    func relayProcesses(engine: CipherEngine) throws {
        for vector in try Vectors.list("cgo", "relay_process") {
            var cipher = try cipher(vector.object("state_in"), .relay, engine)
            let command = try vector.bytes("cmd")[0]
            let body = try vector.bytes("tag") + vector.bytes("msg")
            let isInbound = try #require(vector["inbound"] as? Bool)
            let after = inPlace(body) { if isInbound { cipher.pass($0, command) } else { _ = cipher.recognize($0, command) } }
            #expect(after == (try vector.bytes("tag_out") + vector.bytes("msg_out")))
            expectSame(cipher, try self.cipher(vector.object("state_out"), .relay, engine))
        }
    }

    @Test("originates cells at a relay as published", arguments: engines)
    func relayOriginates(engine: CipherEngine) throws {
        for vector in try Vectors.list("cgo", "relay_originate") {
            var cipher = try cipher(vector.object("state_in"), .relay, engine)
            let body = try [UInt8](repeating: 0, count: 16) + vector.bytes("msg")
            let after = inPlace(body) { cipher.originate($0, try! vector.bytes("cmd")[0]) }
            #expect(after == (try vector.bytes("tag_out") + vector.bytes("msg_out")))
            #expect(cipher.lastTag.bytes == (try vector.bytes("tag_out")))
            expectSame(cipher, try self.cipher(vector.object("state_out"), .relay, engine))
        }
    }

    @Test("originates cells at a client, for any hop, as published", arguments: engines)
    func clientOriginates(engine: CipherEngine) throws {
        final class Hop {
            var cipher: CGOCipher
            init(_ cipher: consuming CGOCipher) { self.cipher = cipher }
        }
        for vector in try Vectors.list("cgo", "client_originate") {
            let hops = try vector.list("state_in").map { Hop(try cipher($0, .client, engine)) }
            let target = try #require(vector["target_hop"] as? Int) - 1
            let command = try vector.bytes("cmd")[0]
            let body = try [UInt8](repeating: 0, count: 16) + vector.bytes("msg")
            let after = inPlace(body) { cell in
                hops[target].cipher.originate(cell, command)
                for hop in hops[..<target].reversed() { hop.cipher.pass(cell, command) }
            }
            #expect(after == (try vector.bytes("tag_out") + vector.bytes("msg_out")))
            for (hop, state) in zip(hops, try vector.list("state_out")) {
                let again = Hop(try cipher(state, .client, engine))
                for byte in [UInt8(1), 0xFE] {
                    let body = [UInt8](repeating: byte, count: Self.bodyBytes)
                    #expect(inPlace(body) { hop.cipher.pass($0, 9) } == inPlace(body) { again.cipher.pass($0, 9) })
                }
                let body = [UInt8](repeating: 3, count: Self.bodyBytes)
                #expect(inPlace(body) { hop.cipher.originate($0, 3) } == inPlace(body) { again.cipher.originate($0, 3) })
            }
        }
    }
}

@Suite("Tags of SENDMEs")
struct SendmeTagTests {
    @Test("are equal only byte for byte and kind for kind")
    func equality() throws {
        let long = Array(UInt8(0)..<20), short = Array(UInt8(0)..<16)
        #expect(SendmeTag(long)?.bytes == long && SendmeTag(short)?.bytes == short)
        #expect(SendmeTag(short) != SendmeTag(short + [0, 0, 0, 0]))
        for at in long.indices {
            var other = long
            other[at] ^= 1
            #expect(SendmeTag(other) != SendmeTag(long))
        }
        for count in [0, 4, 15, 17, 19, 21] { #expect(SendmeTag([UInt8](repeating: 0, count: count)) == nil) }
    }
}

@Suite("The stream of tor1 cells")
struct CellStreamTests {
    @Test("is that of counter mode, from cell to cell", arguments: CipherEngine.available)
    func runsOn(engine: CipherEngine) {
        let key = SecureRandom.bytes(16)
        var stream = CellStream(key: key, engine: engine)
        let counter = AESCounter(key: key)
        for number in 0..<100 {
            var (cell, expected) = (SecureRandom.bytes(509), [UInt8]())
            expected = cell
            cell.withUnsafeMutableBufferPointer { stream.apply($0.baseAddress!) }
            counter.apply(&expected)
            #expect(cell == expected, "cell \(number)")
        }
    }
}
