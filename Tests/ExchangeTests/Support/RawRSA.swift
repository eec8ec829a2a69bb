import COpenSSL
import Bytes
import Foundation
import Sealing

/// RSA keys of numbers alone, as RFC 9474 publishes them: the rest of a private key is computed.
enum RawRSA {
    static func key(n: [UInt8], e: [UInt8], d: [UInt8], p: [UInt8], q: [UInt8]) -> RSAKey? {
        let less = { (prime: [UInt8]) in arithmetic(prime, [1]) { BN_sub($0, $1, $2) } }
        let numbers = [[0], n, e, d, p, q, modulo(d, less(p)), modulo(d, less(q)), inverse(q, p)]
        let der = sequence(numbers.flatMap(integer))
        return RSAKey(pem: Array("-----BEGIN RSA PRIVATE KEY-----\n\(Base64.encodeLines(der))-----END RSA PRIVATE KEY-----\n".utf8))
    }

    static func inverse(_ a: [UInt8], _ b: [UInt8]) -> [UInt8] { arithmetic(a, b) { BN_mod_inverse($0, $1, $2, $3) == nil ? 0 : 1 } }
    private static func modulo(_ a: [UInt8], _ b: [UInt8]) -> [UInt8] { arithmetic(a, b) { BN_div(nil, $0, $1, $2, $3) } }

    private static func arithmetic(_ a: [UInt8], _ b: [UInt8], _ compute: (OpaquePointer?, OpaquePointer?, OpaquePointer?, OpaquePointer?) -> Int32) -> [UInt8] {
        arithmetic(a, b) { compute($0, $1, $2, $3) == 1 }
    }

    private static func arithmetic(_ a: [UInt8], _ b: [UInt8], _ compute: (OpaquePointer?, OpaquePointer?, OpaquePointer?) -> Int32) -> [UInt8] {
        arithmetic(a, b) { out, a, b, _ in compute(out, a, b) == 1 }
    }

    private static func arithmetic(_ a: [UInt8], _ b: [UInt8], _ compute: (OpaquePointer?, OpaquePointer?, OpaquePointer?, OpaquePointer?) -> Bool) -> [UInt8] {
        let (a, b, out, scratch) = (BN_bin2bn(a, Int32(a.count), nil), BN_bin2bn(b, Int32(b.count), nil), BN_new(), BN_CTX_new())
        defer {
            [a, b, out].forEach { BN_free($0) }
            BN_CTX_free(scratch)
        }
        precondition(compute(out, a, b, scratch))
        var bytes = [UInt8](repeating: 0, count: (Int(BN_num_bits(out)) + 7) / 8)
        BN_bn2bin(out, &bytes)
        return bytes
    }

    private static func integer(_ bytes: [UInt8]) -> [UInt8] {
        let digits = bytes.drop { $0 == 0 }
        return element(0x02, (digits.first ?? 0x80) >= 0x80 ? [0] + digits : Array(digits))
    }

    private static func sequence(_ content: [UInt8]) -> [UInt8] { element(0x30, content) }

    private static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        let length: [UInt8] = content.count < 128 ? [UInt8(content.count)]
            : content.count < 256 ? [0x81, UInt8(content.count)] : [0x82, UInt8(content.count >> 8), UInt8(content.count & 255)]
        return [tag] + length + content
    }
}
