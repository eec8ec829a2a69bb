internal import CSodium

/// X25519 key agreement (RFC 7748).
package struct Curve25519Key: Sendable {
    package static let bytes = 32

    package let secret: SecretBytes
    /// 32 bytes.
    package let publicKey: [UInt8]

    /// A fresh key.
    package init() { self.init(.random(Self.bytes)) }

    /// `nil` unless there are 32 bytes.
    package init?(secret bytes: [UInt8]) {
        guard bytes.count == Self.bytes else { return nil }
        self.init(SecretBytes(bytes))
    }

    private init(_ secret: SecretBytes) {
        _ = Sodium.ready
        var point = [UInt8](repeating: 0, count: Self.bytes)
        _ = secret.read { crypto_scalarmult_base(&point, $0) }
        self.secret = secret
        publicKey = point
    }

    /// The shared secret; `nil` when the other point is not 32 bytes or of small order (the result would be all zero).
    package func agree(with point: [UInt8]) -> [UInt8]? {
        guard point.count == Self.bytes else { return nil }
        var shared = [UInt8](repeating: 0, count: Self.bytes)
        return secret.read { crypto_scalarmult(&shared, $0, point) } == 0 ? shared : nil
    }

    /// Each point times its scalar (RFC 7748, section 5), 32 bytes each; several at once cost less than one after another. `nil` for a
    /// point that is not 32 bytes or of small order.
    package static func multiply(_ jobs: [(scalar: SecretBytes, point: [UInt8])]) -> [[UInt8]?] {
        let nothing = [UInt8](repeating: 0, count: bytes)
        let multiplications = jobs.map { job in
            precondition(job.scalar.count == bytes)
            return PointMultiplication(scalar: job.scalar, point: job.point.count == bytes ? job.point : nothing)
        }
        // Four lanes for one product would cost twice what it costs alone.
        let products = jobs.count == 1 ? PointMultiplication.perform(multiplications, withVectors: false) : PointMultiplication.perform(multiplications)
        return products.map { PointMultiplication.isNothing($0) ? nil : $0 }
    }

    /// A point that the other side of a handshake sent, and what answers it: this key and one for this time only, whose secret is
    /// `ephemeral` (32 fresh bytes).
    package struct Question {
        fileprivate let key: Curve25519Key
        fileprivate let point: [UInt8]
        fileprivate let ephemeral: SecretBytes

        /// The point and the secret have 32 bytes.
        package init(key: Curve25519Key, point: [UInt8], ephemeral: SecretBytes) {
            precondition(point.count == Curve25519Key.bytes && ephemeral.count == Curve25519Key.bytes)
            self.key = key
            self.point = point
            self.ephemeral = ephemeral
        }
    }

    /// The answering side of handshakes. Many at once cost less than one after another. `nil` as in `agree`.
    package static func answer(_ questions: [Question]) -> [Curve25519Answer?] {
        var products = PointMultiplication.perform(questions.flatMap { question in
            [
                PointMultiplication(scalar: question.ephemeral, point: basePoint),
                PointMultiplication(scalar: question.ephemeral, point: question.point),
                PointMultiplication(scalar: question.key.secret, point: question.point),
            ]
        })[...]
        return questions.map { _ in
            defer { products.removeFirst(3) }
            let own = Array(products.prefix(3))
            return own.contains(where: PointMultiplication.isNothing) ? nil : Curve25519Answer(publicKey: own[0], ephemeral: own[1], lasting: own[2])
        }
    }

    private static let basePoint = [9] + [UInt8](repeating: 0, count: 31)
}

/// One side of two key agreements with the same point; the secrets are zeroed with it.
package final class Curve25519Answer {
    /// The public half of the ephemeral key.
    package let publicKey: [UInt8]
    /// The secrets shared through the ephemeral and through the lasting key, 32 bytes each.
    package private(set) var ephemeral: [UInt8]
    package private(set) var lasting: [UInt8]

    fileprivate init(publicKey: [UInt8], ephemeral: [UInt8], lasting: [UInt8]) {
        self.publicKey = publicKey
        self.ephemeral = ephemeral
        self.lasting = lasting
    }

    deinit {
        ephemeral.wipe()
        lasting.wipe()
    }
}
