import Ambience
@testable import Onion
import Sealing
import Testing

@Suite("Published link handshakes")
struct LinkVectorTests {
    private static let then = WallTime("2020-09-25 02:13:20")!

    private func certs(_ types: [UInt8], _ file: [String: Any]) throws -> [UInt8] {
        var body = [UInt8(types.count)]
        for type in types {
            let bytes = try file.bytes("cert_t\(type)")
            body += [type, UInt8(bytes.count >> 8), UInt8(bytes.count & 255)] + bytes
        }
        return body
    }

    @Test("the certificates of a real relay prove its identities for its own TLS certificate, and only while they last")
    func certificates() throws {
        let file = try Vectors.load("link_handshake")
        let body = try certs([2, 4, 5, 7], file)
        let side = PeerCertificates.Side.responder(tlsDigest: try file.bytes("peer_cert_digest"))
        let peer = try PeerCertificates(body, from: side, now: Self.then)
        #expect(peer.rsa.bytes == (try file.bytes("peer_rsa")))
        #expect(peer.ed25519.bytes == (try file.bytes("peer_ed")))
        #expect(throws: LinkFailure.badCertificate(type: 5)) {
            try PeerCertificates(body, from: .responder(tlsDigest: [UInt8](repeating: 0, count: 32)), now: Self.then)
        }
        #expect(throws: LinkFailure.badCertificate(type: 4)) { try PeerCertificates(body, from: side, now: Self.then + 40 * 86_400) }
        #expect(throws: LinkFailure.missingCertificate(type: 6)) { try PeerCertificates(body, from: .initiator, now: Self.then) }
        for missing: UInt8 in [2, 4, 5, 7] {
            let rest = try certs([2, 4, 5, 7].filter { $0 != missing }, file)
            #expect(throws: LinkFailure.missingCertificate(type: missing)) { try PeerCertificates(rest, from: side, now: Self.then) }
        }
    }

    @Test("VERSIONS, AUTH_CHALLENGE, VPADDING and NETINFO are cut and read as they are on the wire")
    func cells() throws {
        let file = try Vectors.load("link_handshake")
        var input = LinkInput()
        var netinfo = try file.bytes("netinfo_prefix_with_time")
        netinfo += [UInt8](repeating: 0, count: CellLayout.fixedBytes - netinfo.count)
        input.append(try file.bytes("versions") + file.bytes("vpadding") + file.bytes("authchallenge") + netinfo)

        let versions = try #require(try input.next(isVersionAgreed: false))
        #expect(versions.command == CellCommand.versions && versions.circuit == 0)
        #expect(try LinkVersions.agree(versions.body, own: LinkHandshake.versions) == 5)
        #expect(try input.next(isVersionAgreed: true)?.command == CellCommand.vpadding)
        let challenge = try #require(try input.next(isVersionAgreed: true))
        #expect(try LinkAuthentication.methods(inChallenge: challenge.body) == [3, 255])
        let info = try NetinfoMessage(try #require(try input.next(isVersionAgreed: true)).body)
        #expect(info == NetinfoMessage(seconds: 0x4894_9290, other: .v4(0x7F00_0002), own: [.v4(0x7F00_0003)]))
        #expect(try input.next(isVersionAgreed: true) == nil)
    }

    @Test("a CERTS cell without certificates proves nothing")
    func noCertificates() throws {
        let body = Array(try Vectors.load("link_handshake").bytes("nocerts").dropFirst(CellLayout.variableHeaderBytes))
        #expect(throws: LinkFailure.missingCertificate(type: 2)) { try PeerCertificates(body, from: .initiator, now: Self.then) }
    }
}
