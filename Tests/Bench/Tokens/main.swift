// What tokens cost on one core, beside the calls of libsodium and OpenSSL that they consist of: `make bench-tokens`.
import COpenSSL
import CSodium
import Exchange
import Sealing
import Stopwatch

let seconds = CommandLine.arguments.dropFirst().first.flatMap { Double($0) } ?? 1.0

@MainActor func microseconds(_ work: @MainActor () -> Void) -> Double { Stopwatch.microseconds(seconds, work) }

struct Line {
    let what: String
    let ours: Double
    let theirs: Double
    let wanted: Double?
}

// MARK: the primitives

let scalar = RistrettoScalar.random().copy, otherScalar = RistrettoScalar.random().copy
let point = RistrettoElement.generator(times: .random()).bytes, otherPoint = RistrettoElement.generator(times: .random()).bytes
let wide = SecureRandom.bytes(64), message = SecureRandom.bytes(200)
var out32 = [UInt8](repeating: 0, count: 32), out64 = [UInt8](repeating: 0, count: 64)
let sha512 = EVP_MD_fetch(nil, "SHA512", nil)

@MainActor func multiply() { _ = crypto_scalarmult_ristretto255(&out32, scalar, point) }
@MainActor func multiplyBase() { _ = crypto_scalarmult_ristretto255_base(&out32, scalar) }
@MainActor func add() { _ = crypto_core_ristretto255_add(&out32, point, otherPoint) }
@MainActor func map() { _ = crypto_core_ristretto255_from_hash(&out32, wide) }
@MainActor func reduce() { crypto_core_ristretto255_scalar_reduce(&out32, wide) }
@MainActor func digest() { _ = EVP_Digest(message, message.count, &out64, nil, sha512, nil) }

func rsaContext(_ key: OpaquePointer?, _ begin: (OpaquePointer?) -> Int32) -> OpaquePointer? {
    let context = EVP_PKEY_CTX_new(key, nil)
    precondition(begin(context) == 1 && EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) == 1)
    return context
}

let rsa = dc_rsa_generate(2048)
let block = [UInt8](repeating: 1, count: 256)
var out256 = [UInt8](repeating: 0, count: 256)
let signing = rsaContext(rsa, EVP_PKEY_decrypt_init), raising = rsaContext(rsa, EVP_PKEY_encrypt_init)
@MainActor func sign() { var count = 256; _ = EVP_PKEY_decrypt(signing, &out256, &count, block, 256) }
@MainActor func raise() { var count = 256; _ = EVP_PKEY_encrypt(raising, &out256, &count, block, 256) }

var edPublic = [UInt8](repeating: 0, count: 32), edSecret = [UInt8](repeating: 0, count: 64), edSignature = [UInt8](repeating: 0, count: 64)
crypto_sign_keypair(&edPublic, &edSecret)
crypto_sign_detached(&edSignature, nil, message, UInt64(message.count), edSecret)
@MainActor func checkEd25519() { _ = crypto_sign_verify_detached(edSignature, message, UInt64(message.count), edPublic) }

// MARK: ours

func input(_ type: TokenType) -> TokenInput {
    TokenInput(type: type, nonce: SecureRandom.bytes(32), challengeDigest: SecureRandom.bytes(32), keyID: SecureRandom.bytes(32))
}

let batch = 12
let credit = VOPRFKey()
let pending = (0..<batch).map { _ in PendingToken(input: input(.voprf), blind: .random(64), salt: [])! }
let blinded = pending.map { $0.blindedElement! }
let tokens = PendingToken.finalize(pending, credit.evaluate(blinded)!, key: credit.publicKey)!

let access = RSAKey.generateLocked(bits: 2048)
let spender = Ed25519Key()
let accessInput = TokenInput(type: .blindRSA, nonce: spender.publicKey, challengeDigest: SecureRandom.bytes(32), keyID: SecureRandom.bytes(32))
let pendingAccess = PendingToken(input: accessInput, blind: .random(272), salt: SecureRandom.bytes(48))!
let blindedAccess = pendingAccess.blindedMessage(for: access.publicKey)!
let accessToken = pendingAccess.finalize(access.signBlock(blindedAccess)!, key: access.publicKey)!
let spend = Signed.spend(mote: SecureRandom.bytes(32), Slice(7), session: SecureRandom.bytes(32)), spendSignature = spender.sign(spend)

/// A mote's gate, with one key of the exchange.
struct OneKey: AccessKeys {
    let publicKey: RSAPublicKey
    func key(_ id: KeyID?, for slice: Slice) -> RSAPublicKey? { publicKey }
}

let mote = Ed25519Key(), present = Slice(7), exporter = SecureRandom.bytes(32), salt = SecureRandom.bytes(32)
let visitorInput = TokenInput(
    type: .blindRSA, nonce: spender.publicKey, challengeDigest: Challenges.access(mote: mote.publicKey, present, salt: salt).digest, keyID: SecureRandom.bytes(32))
let pendingVisitor = PendingToken(input: visitorInput, blind: .random(272), salt: SecureRandom.bytes(48))!
let visitor = pendingVisitor.finalize(access.signBlock(pendingVisitor.blindedMessage(for: access.publicKey)!)!, key: access.publicKey)!
let question = GateQuestion.token(
    present, visitor, salt: salt, signature: spender.sign(Signed.spend(mote: mote.publicKey, present, session: Signed.session(exporter, token: visitor.input.nonce)))).bytes
let gate = GateCounter(key: mote, offer: MoteOffer(size: .large, bucket: 0, slices: present...present), owners: [], keys: OneKey(publicKey: access.publicKey))

/// From a cell's bytes to those of the receipt and of the record for the disk.
@MainActor func letIn() {
    var fresh = gate
    precondition(fresh.answer(question, exporter: exporter, at: present)?.record?.bytes.isEmpty == false)
}

@MainActor func signEd25519() { _ = crypto_sign_detached(&edSignature, nil, message, UInt64(message.count), edSecret) }

let multiplication = microseconds(multiply), hash = microseconds(digest), expansion = 2 * hash
let primitives = (
    base: microseconds(multiplyBase), add: microseconds(add), map: microseconds(map), reduce: microseconds(reduce), sign: microseconds(sign), raise: microseconds(raise),
    ed25519: microseconds(checkEd25519), signEd25519: microseconds(signEd25519)
)
let perItem = 2 * multiplication + primitives.add + expansion + hash + primitives.reduce
let perBatch = 2 * multiplication + primitives.base + 3 * hash

let lines = [
    Line(what: "issue a credit (of 12 with one proof)", ours: microseconds { _ = credit.evaluate(blinded) } / Double(batch), theirs: perItem + perBatch / Double(batch), wanted: nil),
    Line(what: "redeem a credit", ours: microseconds { _ = tokens[0].isGenuine(credit) }, theirs: multiplication + primitives.map + expansion + hash, wanted: 2000),
    Line(what: "sign an access token", ours: microseconds { _ = access.signBlock(blindedAccess) }, theirs: primitives.sign + primitives.raise, wanted: nil),
    Line(
        what: "check an access token and its spender",
        ours: microseconds { _ = accessToken.isGenuine(access.publicKey) && Ed25519.verify(spendSignature, of: spend, by: accessInput.nonce) },
        theirs: primitives.raise + primitives.ed25519 + 3 * hash, wanted: 1500),
    Line(
        what: "let a client in at a mote's gate, cell to receipt", ours: microseconds(letIn),
        theirs: primitives.raise + primitives.ed25519 + primitives.signEd25519 + 6 * hash, wanted: 1500),
]
var isEnough = true
for line in lines {
    let rate = 1e6 / line.ours, ratio = line.ours / line.theirs
    let passes = ratio <= 1.3 && rate >= (line.wanted ?? 0)
    isEnough = isEnough && passes
    print("\(line.what): \(Double(Int(line.ours * 10)) / 10) µs, \(Int(rate)) a second, \(Double(Int(ratio * 100)) / 100) × its primitives (\(Int(line.theirs)) µs)\(passes ? "" : "  MISSED")")
}
exit(isEnough ? 0 : 1)
