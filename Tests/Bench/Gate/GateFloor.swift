import Ambience
import COpenSSL
import CSodium
import Foundation
import Stopwatch

/// What no mote can let a client in for less than.
@MainActor
struct GateFloor {
    /// One RSA check, an Ed25519 check and signature, and the digests under them.
    let microseconds: Double

    init(seconds: Double) {
        let message = [UInt8](repeating: 5, count: 200), block = [UInt8](repeating: 1, count: 256)
        var key = [UInt8](repeating: 0, count: 32), secret = [UInt8](repeating: 0, count: 64), signature = secret, digest = secret, raised = block
        crypto_sign_keypair(&key, &secret)
        crypto_sign_detached(&signature, nil, message, UInt64(message.count), secret)
        let rsa = dc_rsa_generate(2048), raising = EVP_PKEY_CTX_new(rsa, nil), sha512 = EVP_MD_fetch(nil, "SHA512", nil)
        precondition(EVP_PKEY_encrypt_init(raising) == 1 && EVP_PKEY_CTX_set_rsa_padding(raising, RSA_NO_PADDING) == 1)
        microseconds =
            Stopwatch.microseconds(seconds) { var count = 256; _ = EVP_PKEY_encrypt(raising, &raised, &count, block, 256) }
            + Stopwatch.microseconds(seconds) { _ = crypto_sign_verify_detached(signature, message, UInt64(message.count), key) }
            + Stopwatch.microseconds(seconds) { _ = crypto_sign_detached(&signature, nil, message, UInt64(message.count), secret) }
            + 6 * Stopwatch.microseconds(seconds) { _ = EVP_Digest(message, message.count, &digest, nil, sha512, nil) }
    }

    /// The middle of 20 appends to a file in that folder.
    func syncMilliseconds(_ folder: String) -> Double {
        let path = folder + "/gateload-sync-\(getpid())", system = SystemTime()
        defer { try? Files.remove(path) }
        let times = (0..<20).map { _ in
            let began = system.now
            do { try Files.append(path, [UInt8](repeating: 0, count: 512)) } catch { fail("\(error)") }
            return (system.now - began).inSeconds * 1000
        }
        return times.sorted()[times.count / 2]
    }
}
