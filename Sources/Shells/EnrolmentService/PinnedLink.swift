internal import Links
internal import Sealing

extension Link {
    /// Unsent bytes that close the connection: messages are small and few, and the peer does not read them.
    private static let framesLimitBytes = 256 << 10

    /// Begins TLS. `done` gets the digest of the key that the peer has proven, or nothing if there is none.
    func open(_ context: TLSContext, isServer: Bool, done: @escaping ([UInt8]?) -> Void) {
        unsentLimitBytes = Self.framesLimitBytes
        secure(context, isServer: isServer) { [unowned self] isSecured in
            done(isSecured ? peerCertificate.flatMap { X509Certificate(der: $0) }?.keyDigest : nil)
        }
    }
}
