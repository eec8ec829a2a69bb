import Ambience
import Bytes
import Damage
import OnionServices
import Sealing
import Testing

@Suite("Messages of onion services")
struct ServiceMessageTests {
    private let nonce = [UInt8](repeating: 0x4B, count: 20)

    @Test("the keyed digest is the published one")
    func mac() throws {
        for vector in try Vectors.list("hs_ntor", "hs_mac") {
            let key = Array(try vector.text("key_ascii").utf8), message = Array(try vector.text("msg_ascii").utf8)
            #expect(ServiceMAC.compute(key: key, message) == (try vector.bytes("mac")))
        }
    }

    @Test("captured ESTABLISH_INTRO messages are read; the form of version 2 is told apart")
    func capturedEstablish() throws {
        for (body, _) in try Vectors.bodies(of: "ESTABLISH_INTRO") {
            if body[0] == 2 {
                let message = try EstablishIntroMessage(body)
                #expect(message.authKey.bytes.count == 32 && !message.isProven(circuitNonce: nonce))
            } else {
                #expect(throws: ServiceMessageError.obsolete) { try EstablishIntroMessage(body) }
            }
        }
    }

    @Test("ESTABLISH_INTRO is believed only with the key and on the circuit it was made for")
    func establish() throws {
        let key = Ed25519Key()
        let body = EstablishIntroMessage.make(authKey: key, circuitNonce: nonce)
        #expect(try EstablishIntroMessage(body).isProven(circuitNonce: nonce))
        #expect(try !EstablishIntroMessage(body).isProven(circuitNonce: [UInt8](repeating: 0x4C, count: 20)))
        for place in body.indices {
            var damaged = body
            damaged[place] ^= 1
            #expect((try? EstablishIntroMessage(damaged))?.isProven(circuitNonce: nonce) != true, "byte \(place)")
        }
        for count in body.indices { #expect(throws: ServiceMessageError.self) { try EstablishIntroMessage(Array(body[..<count])) } }
    }

    private func request(_ parameters: [(UInt8, UInt64)]) throws -> DefenceRequest {
        var writer = ByteWriter()
        writer.append([1, 1, UInt8(1 + 9 * parameters.count), UInt8(parameters.count)])
        for (type, value) in parameters {
            writer.u8(type)
            writer.u64(value)
        }
        return try EstablishIntroMessage(EstablishIntroMessage.make(authKey: Ed25519Key(), circuitNonce: nonce, extensions: writer.bytes)).defence
    }

    @Test("the extension for introduction floods says rate and burst, off, or nothing that counts")
    func defenceExtension() throws {
        #expect(try request([(1, 30), (2, 60)]) == .limits(IntroductionLimits(ratePerSecond: 30, burst: 60)))
        #expect(try request([(1, 0), (2, 60)]) == .off)
        #expect(try request([(1, 30)]) == .off)
        #expect(try request([(1, 61), (2, 60)]) == .off)
        #expect(try request([(1, 1 << 31), (2, 1 << 32)]) == .off)
        #expect(try request([(1, 30), (2, 60), (3, 1)]) == .none)
        #expect(try EstablishIntroMessage(EstablishIntroMessage.make(authKey: Ed25519Key(), circuitNonce: nonce, extensions: [1, 1, 2, 1, 1])).defence == .none)
    }

    @Test("captured and made INTRODUCE1 messages name their introduction circuit")
    func introduce() throws {
        for vector in try Vectors.list("hs_ntor", "vectors") {
            #expect(try Introduce1Header(try vector.bytes("introduce1_body")).authKey.bytes == (try vector.bytes("kp_hs_ipt_sid_auth_key")))
        }
        for (body, isValid) in try Vectors.bodies(of: "INTRODUCE1") where isValid && body.count > 80 && body[..<20].allSatisfy({ $0 == 0 }) {
            #expect(throws: Never.self) { try Introduce1Header(body) }
        }
    }

    @Test("INTRODUCE1 of version 2, cut short, with nothing encrypted or with another kind of key is refused")
    func introduceRefused() {
        let zeros = [UInt8](repeating: 0, count: 20), key = [UInt8](repeating: 9, count: 32)
        let header = zeros + [2, 0, 32] + key
        #expect(throws: Never.self) { try Introduce1Header(header + [0, 1]) }
        #expect(throws: ServiceMessageError.obsolete) { try Introduce1Header([1] + header.dropFirst() + [0, 1]) }
        #expect(throws: ServiceMessageError.truncated) { try Introduce1Header(header + [0]) }
        #expect(throws: ServiceMessageError.truncated) { try Introduce1Header(header + [1, 4, 9, 1]) }
        #expect(throws: ServiceMessageError.badLength) { try Introduce1Header(zeros + [1, 0, 32] + key + [0, 1]) }
        #expect(throws: ServiceMessageError.badLength) { try Introduce1Header(zeros + [2, 0, 31] + key + [0, 1]) }
        #expect(throws: ServiceMessageError.truncated) { try Introduce1Header([]) }
    }

    @Test("acknowledgements are those that stock sends")
    func acknowledgements() throws {
        #expect(IntroduceStatus.delivered.encoded == [0, 0, 0] && IntroduceStatus.badFormat.encoded == [0, 2, 0])
        #expect(try Vectors.bodies(of: "INTRO_ESTABLISHED").allSatisfy { $0.body == EstablishIntroMessage.established })
    }

    @Test("a cookie has 20 bytes, all of which count")
    func cookies() throws {
        let bytes = [UInt8](0..<20)
        #expect(RendezvousCookie(bytes) == RendezvousCookie(bytes[...]) && RendezvousCookie(bytes.dropLast()) == nil && RendezvousCookie(bytes + [0]) == nil)
        for place in bytes.indices {
            var other = bytes
            other[place] ^= 0x80
            #expect(RendezvousCookie(other) != RendezvousCookie(bytes), "byte \(place)")
        }
        let message = try Rendezvous1Message(bytes + [1, 2, 3])
        #expect(message.cookie == RendezvousCookie(bytes) && message.handshake == [1, 2, 3])
        #expect(throws: ServiceMessageError.truncated) { try Rendezvous1Message(bytes.dropLast()) }
        for (body, _) in try Vectors.bodies(of: "RENDEZVOUS1") { #expect(try Rendezvous1Message(body).handshake.count == body.count - 20) }
    }

    @Test("no damaged message traps", arguments: [91, 92] as [UInt64])
    func damaged(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let corpus = try ["ESTABLISH_INTRO", "INTRODUCE1", "RENDEZVOUS1"].flatMap { try Vectors.bodies(of: $0).map(\.body) }
            + [EstablishIntroMessage.make(authKey: Ed25519Key(), circuitNonce: nonce, extensions: [1, 1, 10, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1])]
        for _ in 0..<10_000 {
            let body = Damage.some(corpus.randomElement(using: &random) ?? [], &random)
            _ = try? EstablishIntroMessage(body)
            _ = try? Introduce1Header(body)
            _ = try? Rendezvous1Message(body)
        }
    }
}

/// A gate that expectations may change.
private final class KeptGate {
    private var gate: IntroductionGate

    init(_ request: DefenceRequest) { gate = IntroductionGate(request) }

    func admits(at time: Instant, network: IntroductionLimits?) -> Bool { gate.admits(at: time, network: network) }

    /// How many of `count` at the same time go through.
    func admitted(of count: Int, at time: Instant, _ network: IntroductionLimits?) -> Int { (0..<count).count { _ in admits(at: time, network: network) } }
}

@Suite("Defence against introduction floods")
struct IntroductionGateTests {
    private let start = Instant.zero + .seconds(50)

    @Test("the consensus says whether there is one, by default 25 a second and 200 at once")
    func parameters() {
        #expect(IntroductionLimits { _, fallback, _ in fallback } == nil)
        let on = IntroductionLimits { name, fallback, _ in name == "HiddenServiceEnableIntroDoSDefense" ? 1 : fallback }
        #expect(on == IntroductionLimits(ratePerSecond: 25, burst: 200))
    }

    @Test("a burst goes through, then as many per second as the rate says")
    func rate() {
        let gate = KeptGate(.none)
        let limits = IntroductionLimits(ratePerSecond: 25, burst: 200)
        #expect(gate.admitted(of: 500, at: start, limits) == 200)
        #expect(gate.admitted(of: 500, at: start + .seconds(1), limits) == 25)
        #expect(gate.admitted(of: 500, at: start + .milliseconds(1100), limits) == 2)
        #expect(gate.admitted(of: 500, at: start + .seconds(Int64(3600 * 24 * 365)), limits) == 200)
    }

    @Test("what the service asked for goes before the consensus, in both directions")
    func precedence() {
        let network = IntroductionLimits(ratePerSecond: 1, burst: 1)
        let off = KeptGate(.off)
        #expect(off.admitted(of: 1000, at: start, network) == 1000)
        let own = KeptGate(.limits(IntroductionLimits(ratePerSecond: 5, burst: 10)))
        #expect(own.admitted(of: 1000, at: start, nil) == 10)
        let none = KeptGate(.none)
        #expect(none.admitted(of: 1000, at: start, nil) == 1000)
        #expect(none.admitted(of: 1000, at: start, network) == 1)
    }

    @Test("the widest limits do not overflow, and a clock that stands still gives nothing")
    func extremes() {
        let gate = KeptGate(.limits(IntroductionLimits(ratePerSecond: .max, burst: .max)))
        #expect(gate.admits(at: start, network: nil))
        #expect(gate.admits(at: Instant(nanoseconds: .max), network: nil))
        #expect(gate.admits(at: start, network: nil))
        let none = KeptGate(.none)
        #expect(none.admitted(of: 10, at: start, IntroductionLimits(ratePerSecond: 0, burst: 0)) == 0)
    }
}
