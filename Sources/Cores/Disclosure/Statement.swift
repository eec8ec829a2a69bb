package import Audit
internal import Bytes
internal import Foundation
package import Sealing

/// All that can be said of one mote to somebody who has never heard of it: signed, complete in itself, and the same for everybody who asks.
package struct Statement: Equatable, Codable, Sendable {
    package static let format = "dustcloud-evidence 1"

    package struct Step: Equatable, Codable, Sendable {
        package var at: String
        package var what: String
    }

    package struct Descriptor: Equatable, Codable, Sendable {
        /// When the authority gave it out.
        package var fetched: String
        package var text: String

        package init(fetched: String, text: String) {
            self.fetched = fetched
            self.text = text
        }
    }

    package struct Image: Equatable, Codable, Sendable {
        /// As the provider was told; empty where nothing was booted.
        package var digest: String
        package var rebuild: String
        /// The manifest of the image's build, if it was at hand.
        package var manifest: String?
    }

    package struct Enrolled: Equatable, Codable, Sendable {
        package var at: String
        /// SHA-256 of the public key that the machine proved to hold, in hex.
        package var certificateKey: String
        package var rsaIdentity: String?
        package var ed25519Identity: String?
        /// What the machine said of itself, base 64.
        package var measurements: [String: String]
        package var worth: String
    }

    package var format: String = Self.format
    package var made: String
    package var key: String
    package var nickname: String
    package var provider: String
    package var region: String
    package var lifetimeClass: String
    package var intended: String
    package var expires: String
    package var gone: String?
    package var goneReason: String?
    package var image: Image
    /// The lines of the last descriptor; `nil` if none was published.
    package var exitPolicy: [String]?
    package var fingerprint: String?
    package var address: String?
    package var steps: [Step]
    package var descriptors: [Descriptor]
    package var logged: [String]
    package var notLogged: [String]
    package var enrolment: Enrolled?
    /// The audit's lines about this mote, and that they are in a log which ends with `head`.
    package var excerpt: AuditChain.Excerpt
    package var head: AuditHead
}

/// A statement and its signature, as one file.
package enum SignedStatement {
    /// The longest file that is read.
    package static let limitBytes = 64 << 20

    private struct Envelope: Codable {
        /// The statement's JSON as text, so that what was signed is never written anew.
        let statement: String
        /// Ed25519, hex.
        let publicKey: String
        /// Over the bytes of `statement`, hex.
        let signature: String
    }

    package enum Fault: Error, Equatable, CustomStringConvertible {
        case malformed
        case signature
        /// Signed by somebody else than the one who was named.
        case otherKey(String)
        case excerpt(String)

        package var description: String {
            switch self {
            case .malformed: "this is no evidence of dustcloud, or it is damaged"
            case .signature: "the signature is wrong: the file was changed after it was signed"
            case .otherKey(let key): "it is signed by another key: \(key)"
            case .excerpt(let why): "its excerpt of the audit does not lead to the end that it names: \(why)"
            }
        }
    }

    package struct Verified: Sendable {
        package let statement: Statement
        /// Hex. Who holds it, the file cannot say.
        package let publicKey: String
    }

    package static func make(_ statement: Statement, _ key: Ed25519Key) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        let text = try encoder.encode(statement)
        let envelope = Envelope(
            statement: String(decoding: text, as: UTF8.self), publicKey: Hex.lower(key.publicKey), signature: Hex.lower(key.sign(Array(text))))
        return Array(try encoder.encode(envelope)) + [0x0A]
    }

    /// Reads a file that anybody may have made.
    ///
    /// - Parameter publicKey: the key that must have signed it, in hex; `nil`: any.
    package static func verify(_ bytes: [UInt8], publicKey: String? = nil) throws(Fault) -> Verified {
        guard bytes.count <= limitBytes, let envelope = try? JSONDecoder().decode(Envelope.self, from: Data(bytes)), let key = Self.bytes(envelope.publicKey, 32),
            let signature = Self.bytes(envelope.signature, 64)
        else { throw .malformed }
        guard Ed25519.verify(signature, of: Array(envelope.statement.utf8), by: key) else { throw .signature }
        if let publicKey, publicKey.lowercased() != envelope.publicKey { throw .otherKey(envelope.publicKey) }
        guard let statement = try? JSONDecoder().decode(Statement.self, from: Data(envelope.statement.utf8)), statement.format == Statement.format else { throw .malformed }
        let head: AuditHead
        do throws(AuditFault) { head = try statement.excerpt.head() } catch { throw .excerpt("\(error)") }
        guard head == statement.head else { throw .excerpt("it ends elsewhere") }
        return Verified(statement: statement, publicKey: envelope.publicKey)
    }

    private static func bytes(_ hex: String, _ count: Int) -> [UInt8]? { Hex.decode(hex).flatMap { $0.count == count && hex == Hex.lower($0) ? $0 : nil } }
}
