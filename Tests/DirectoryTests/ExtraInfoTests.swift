import Bytes
import Sealing
import Testing

@testable import Directory

@Suite struct ExtraInfoTests {
    /// The PKCS#1 DER inside a PEM text.
    private func der(_ pem: String) throws -> [UInt8] {
        try #require(Base64.decode(pem.split(separator: "\n").filter { !$0.hasPrefix("-") }.joined()))
    }

    @Test("Stock's good extra-infos are accepted, its failing ones refused")
    func stockSamples() throws {
        let documents = try Vectors.documents("extrainfo_documents.json")
        for (name, text) in documents where !name.hasSuffix("_FP") && !name.hasSuffix("_KEY") {
            let key = try der(#require(documents[name + "_KEY"]))
            if name == "EX_EI_MINIMAL" || name == "EX_EI_MAXIMAL" {
                let extraInfo = try ExtraInfo(text.bytes)
                try extraInfo.verify(rsaKey: key)
                #expect(extraInfo.rsa.description == documents[name + "_FP"])
            } else {
                #expect(throws: DocumentError.self, "\(name)") { try ExtraInfo(text.bytes).verify(rsaKey: key) }
            }
        }
    }
}
