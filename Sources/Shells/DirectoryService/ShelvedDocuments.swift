internal import Directory
internal import Sealing

// Annotations are those that stock tor writes, so that either program reads the other's files.

extension Microdescriptor: ShelvedDocument {
    static var keyword: String { DocumentSplitter.microdescriptor }
    static var dateAnnotation: String { "last-listed" }
    init?(stored bytes: [UInt8]) {
        guard let document = try? Microdescriptor(bytes) else { return nil }
        self = document
    }
    var digestName: [UInt8] { digest }
    var storedText: [UInt8] { text }
}

extension RouterDescriptor: ShelvedDocument {
    static var keyword: String { DocumentSplitter.descriptor }
    static var dateAnnotation: String { "downloaded-at" }
    init?(stored bytes: [UInt8]) {
        guard let document = try? RouterDescriptor(bytes) else { return nil }
        self = document
    }
    var digestName: Digest20 { digest }
    var storedText: [UInt8] { text }
}

extension ExtraInfo: ShelvedDocument {
    static var keyword: String { DocumentSplitter.extraInfo }
    static var dateAnnotation: String { "downloaded-at" }
    init?(stored bytes: [UInt8]) {
        guard let document = try? ExtraInfo(bytes) else { return nil }
        self = document
    }
    var digestName: Digest20 { sha1 }
    var storedText: [UInt8] { text }
}

extension KeyCertificate {
    package var name: CertificateName { CertificateName(identity: identity, signingKey: signingKeyDigest) }
}
