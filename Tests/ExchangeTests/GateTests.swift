import Ambience
import Bytes
import Damage
import MarketHistories
import Sealing
import Testing

@testable import Exchange

/// A mote's side of its gate, as tests hold it.
private final class Turnstile {
    private var counter: GateCounter<AccessTokens>

    init(_ counter: GateCounter<AccessTokens>) { self.counter = counter }

    func answer(_ message: [UInt8], exporter: [UInt8], at now: Slice, isFull: Bool = false) -> GateCounter<AccessTokens>.Verdict? {
        counter.answer(message, exporter: exporter, at: now, isFull: isFull)
    }

    func unwritten(_ verdict: GateCounter<AccessTokens>.Verdict) -> GateCounter<AccessTokens>.Verdict { counter.unwritten(verdict) }
}

/// What is said at a gate, and attacks on it.
@Suite("Gates of motes")
struct GateTests {
    private let now = Slice(96 * 20 + 5)
    private let moteKey = Ed25519Key(), owner = Ed25519Key()
    private var mote: [UInt8] { moteKey.publicKey }
    private let session = SecureRandom.bytes(32)
    private let tokens: AccessTokens

    init() { tokens = AccessTokens(.access(day: now.day)) }

    private func counter(_ key: Ed25519Key? = nil, admitted: [SpendRecord] = [], slices: ClosedRange<Slice>? = nil, keys: AccessTokens? = nil) -> Turnstile {
        let offer = MoteOffer(size: .small, bucket: 3, slices: slices ?? now - 10...now + 10)
        return Turnstile(GateCounter(key: key ?? moteKey, offer: offer, owners: [owner.publicKey], keys: keys ?? tokens, admitted: admitted))
    }

    private func ticket(_ slice: Slice, mote: [UInt8]? = nil) throws -> Ticket {
        let bought = try tokens.buy(mote: mote ?? self.mote, slice)
        return try #require(bought.ticket(mote: mote ?? self.mote, slice))
    }

    private var ownersTicket: Ticket {
        Ticket(time: .usual, slices: now...now + 5, mote: mote, relay: RSAIdentity([UInt8](repeating: 7, count: 20))!, access: .owner, seed: SecretBytes([UInt8](repeating: 5, count: 32)))!
    }

    /// The whole conversation; what the client is left with.
    private func visit(_ ticket: Ticket, _ counter: Turnstile, for slice: Slice, at now: Slice, session: [UInt8]? = nil) throws -> (TicketTalk.Outcome?, SpendRecord?) {
        let session = session ?? self.session
        var talk = TicketTalk(ticket, for: slice, exporter: session)
        let statement = try #require(counter.answer(talk.opening, exporter: session, at: now))
        guard case .show(let question) = talk.receive(statement.answer) else { return (.full, nil) }
        let verdict = try #require(counter.answer(question, exporter: session, at: now))
        guard case .end(let outcome) = talk.receive(verdict.answer) else { return (nil, nil) }
        return (outcome, verdict.record)
    }

    private func outcome(_ outcome: TicketTalk.Outcome?) -> GateReceipt.Outcome? { if case .answered(let receipt)? = outcome { receipt.outcome } else { nil } }

    @Test("a ticket opens the gate in its slice and one ahead, and leaves the mote with what a deposit needs")
    func admitted() throws {
        for served in [now, now + 1] {
            let counter = counter()
            let ticket = try ticket(served)
            let (end, record) = try visit(ticket, counter, for: served, at: now)
            #expect(outcome(end) == .served)
            let kept = try #require(record)
            #expect(try SpendRecord(kept.bytes) == kept)
            var other = Gate(mote: mote, size: .small, keys: tokens)
            try other.admit(kept.spend, exporter: session, at: now)
        }
    }

    @Test("the same token twice, at two motes, in another slice, in another session, or after a restart: exactly one is admitted")
    func replayed() throws {
        let bought = try tokens.buy(mote: mote, now), stranger = Ed25519Key()
        let ticket = try #require(bought.ticket(mote: mote, now))
        let question = ticket.question(for: now, exporter: session)
        let counter = counter(), elsewhere = self.counter(stranger)
        var kept: [SpendRecord] = []
        // At another mote, in another slice, in another session.
        #expect(elsewhere.answer(question.bytes, exporter: session, at: now)?.admitted == nil)
        for (at, exporter) in [(now - 2, session), (now + 1, session), (now, SecureRandom.bytes(32))] {
            #expect(counter.answer(question.bytes, exporter: exporter, at: at)?.admitted == nil)
        }
        guard case .token(_, let token, let salt, let signature) = question else { throw GateError.malformed }
        #expect(counter.answer(GateQuestion.token(now + 1, token, salt: salt, signature: signature).bytes, exporter: session, at: now)?.admitted == nil)
        // Here, and then again, also signed anew for another session.
        let first = try #require(counter.answer(question.bytes, exporter: session, at: now))
        #expect(first.admitted == now)
        kept.append(try #require(first.record))
        let again = SecureRandom.bytes(32)
        for (exporter, words) in [(session, question), (again, ticket.question(for: now, exporter: again))] {
            #expect(counter.answer(words.bytes, exporter: exporter, at: now)?.admitted == nil)
            let restarted = self.counter(admitted: kept)
            #expect(restarted.answer(words.bytes, exporter: exporter, at: now)?.admitted == nil)
        }
    }

    @Test("a mote says that it is full before it sees a token, and its shares are counted over restarts")
    func full() throws {
        let counter = counter()
        var kept: [SpendRecord] = []
        for _ in 0..<MoteClass.small.shares { kept.append(try #require(try visit(try ticket(now), counter, for: now, at: now).1)) }
        let file = kept.flatMap(\.bytes) + kept[0].bytes.prefix(100)
        #expect(SpendRecord.all(in: file) == kept)
        for full in [counter, self.counter(admitted: SpendRecord.all(in: file))] {
            #expect(try visit(try ticket(now), full, for: now, at: now).0 == .full)
            // The next slice has room, and an owner needs none.
            #expect(outcome(try visit(try ticket(now + 1), full, for: now + 1, at: now).0) == .served)
            #expect(full.answer(ownerQuestion(session).bytes, exporter: session, at: now)?.admitted == now)
        }
    }

    private func ownerQuestion(_ exporter: [UInt8]) -> GateQuestion {
        .owner(now, key: owner.publicKey, signature: owner.sign(Signed.owner(mote: mote, now, exporter: exporter)))
    }

    @Test("a mote that says full to a token in its hand signs what proves a fraud if it deposits it")
    func fraud() throws {
        let counter = counter()
        let bought = try tokens.buy(mote: mote, now), ticket = try #require(bought.ticket(mote: mote, now))
        var talk = TicketTalk(ticket, for: now, exporter: session)
        guard case .show(let question) = talk.receive(try #require(counter.answer(talk.opening, exporter: session, at: now)).answer) else { throw GateError.malformed }
        for _ in 0..<MoteClass.small.shares { _ = try visit(try self.ticket(now), counter, for: now, at: now) }
        let verdict = try #require(counter.answer(question, exporter: session, at: now))
        #expect(verdict.admitted == nil && verdict.record == nil)
        guard case .end(.answered(let receipt)) = talk.receive(verdict.answer) else { throw GateError.malformed }
        #expect(receipt.outcome == .full && receipt.isSigned(by: mote))
        #expect(try GateReceipt(receipt.bytes) == receipt)
        // The exchange takes exactly this signature as a fraud proof.
        #expect(Ed25519.verify(receipt.signature, of: Signed.receipt(of: bought.token.input.nonce, now, isServed: false), by: mote))
    }

    @Test("owners are let in for nothing, again and again, and nobody else's signature does")
    func owners() throws {
        let counter = counter()
        var session = session
        for _ in 0..<40 {
            session = SecureRandom.bytes(32)
            let verdict = try #require(counter.answer(ownerQuestion(session).bytes, exporter: session, at: now))
            #expect(verdict.admitted == now && verdict.record == nil)
        }
        #expect(counter.answer(ownerQuestion(session).bytes, exporter: SecureRandom.bytes(32), at: now)?.admitted == nil)
        #expect(counter.answer(ownerQuestion(session).bytes, exporter: session, at: now + 1)?.admitted == nil)
        #expect(outcome(try visit(ownersTicket, counter, for: now, at: now).0) == .refused)
    }

    @Test("whoever comes with a token, with an owner's key or with a question sends as many bytes, and gets as many")
    func alike() throws {
        let counter = counter()
        let questions = [GateQuestion.ask(now), try ticket(now).question(for: now, exporter: session), ownerQuestion(session)]
        for question in questions {
            #expect(question.bytes.count == GateMessages.bytesCount)
            #expect(counter.answer(question.bytes, exporter: session, at: now)?.answer.count == GateMessages.bytesCount)
        }
    }

    @Test("a token of barter is taken where its bucket is, and none is outside of what the mote is sold for")
    func offered() throws {
        let barter = AccessTokens(.barterAccess(bucket: 3, day: now.day))
        let bought = try barter.buy(mote: mote, now)
        let counter = counter(keys: barter)
        let question = try #require(bought.ticket(mote: mote, now)).question(for: now, exporter: session).bytes
        #expect(counter.answer(question, exporter: session, at: now)?.admitted == now)
        let later = self.counter(slices: now + 1...now + 4, keys: barter)
        #expect(later.answer(question, exporter: session, at: now)?.admitted == nil)
        let said = try #require(later.answer(GateQuestion.ask(.present).bytes, exporter: session, at: now)).answer
        #expect(said == GateAnswer.gate(GateStatement(now, hasRoom: false, taken: 0, exporter: session, by: moteKey)).bytes)
    }

    @Test("a mote says how many shares of the last slice were taken, and of the present one nothing")
    func taken() throws {
        let counter = counter(slices: now - 1...now + 4)
        func said(_ asked: Slice, at slice: Slice) throws -> UInt16? {
            guard case .gate(let statement) = try GateAnswer(try #require(counter.answer(GateQuestion.ask(asked).bytes, exporter: session, at: slice)).answer) else { return nil }
            return statement.isSigned(exporter: session) ? statement.taken : nil
        }
        for _ in 0..<2 { #expect(counter.answer(try ticket(now).question(for: now, exporter: session).bytes, exporter: session, at: now)?.admitted == now) }
        #expect(try said(.present, at: now) == 0 && said(now + 1, at: now) == 0)
        _ = counter.answer(try ticket(now + 1).question(for: now + 1, exporter: session).bytes, exporter: session, at: now + 1)
        #expect(try said(.present, at: now + 1) == 2 && said(now + 2, at: now + 1) == 2)
        #expect(try said(.present, at: now + 2) == 1)
    }

    @Test("a token whose record cannot be written down is refused, and nothing is admitted while nothing can be")
    func unwritten() throws {
        let counter = counter()
        let question = try ticket(now).question(for: now, exporter: session).bytes
        let verdict = try #require(counter.answer(question, exporter: session, at: now))
        let instead = counter.unwritten(verdict)
        #expect(instead.admitted == nil && instead.record == nil)
        guard case .receipt(let receipt) = try GateAnswer(instead.answer) else { throw GateError.malformed }
        #expect(receipt.outcome == .refused && receipt.isSigned(by: mote))
        let full = try #require(counter.answer(try ticket(now).question(for: now, exporter: session).bytes, exporter: session, at: now, isFull: true))
        #expect(full.admitted == nil && full.record == nil)
    }

    @Test("a client shows its token only to the mote it is for, and keeps only what that mote signed")
    func lies() throws {
        let ticket = try ticket(now), other = Ed25519Key()
        func statement(_ key: Ed25519Key, _ slice: Slice, _ exporter: [UInt8]) -> [UInt8] { GateAnswer.gate(GateStatement(slice, hasRoom: true, taken: 0, exporter: exporter, by: key)).bytes }
        let lies = [
            statement(other, now, session), statement(moteKey, now + 1, session), statement(moteKey, now, SecureRandom.bytes(32)),
            GateAnswer.receipt(GateReceipt(ticket.subject, now, .served, by: moteKey)).bytes, [], [UInt8](repeating: 0, count: GateMessages.bytesCount),
        ]
        for lie in lies {
            var talk = TicketTalk(ticket, for: now, exporter: session)
            #expect(talk.receive(lie) == .end(.nonsense) && !talk.isShown)
        }
        for receipt in [GateReceipt(ticket.subject, now, .served, by: other), GateReceipt(other.publicKey, now, .served, by: moteKey), GateReceipt(ticket.subject, now + 1, .full, by: moteKey)] {
            var talk = TicketTalk(ticket, for: now, exporter: session)
            _ = talk.receive(statement(moteKey, now, session))
            #expect(talk.isShown && talk.receive(GateAnswer.receipt(receipt).bytes) == .end(.nonsense))
        }
    }

    @Test("tickets, records, offers and messages have one encoding each, and damaged ones are refused without harm")
    func encodings() throws {
        let ticket = try ticket(now), token = ticket.bytes, owners = ownersTicket.bytes
        for bytes in [token, owners] { #expect(try Ticket(bytes).bytes == bytes) }
        let offer = MoteOffer(size: .large, bucket: 31, slices: now...now + 3)
        #expect(try MoteOffer(offer.text) == offer)
        for text in ["", "Class large\n", offer.text + "\n", offer.text + "x", offer.text.replacing("31", with: "32"), offer.text.replacing("large", with: "huge"), offer.text.replacing("Bucket 31", with: "Bucket 031")] {
            #expect(throws: GateError.malformed) { try MoteOffer(text) }
        }
        let question = ticket.question(for: now, exporter: session).bytes
        let answers = [GateAnswer.gate(GateStatement(now, hasRoom: true, taken: 0, exporter: session, by: moteKey)).bytes, GateAnswer.receipt(GateReceipt(mote, now, .full, by: moteKey)).bytes]
        for message in [question, GateQuestion.ask(.present).bytes, ownerQuestion(session).bytes] { #expect(try GateQuestion(message).bytes == message) }
        for message in answers { #expect(try GateAnswer(message).bytes == message) }
        for (seed, bytes) in ([token, owners, question] + answers).enumerated() {
            var random = SeededRandom(seed: UInt64(seed))
            for _ in 0..<200 {
                let damaged = Damage.some(bytes, &random)
                if let taken = try? Ticket(damaged) { #expect(taken.bytes == damaged) }
                if let taken = try? GateQuestion(damaged) { #expect(taken.bytes == damaged) }
                if let taken = try? GateAnswer(damaged) { #expect(taken.bytes == damaged) }
                _ = SpendRecord.all(in: damaged)
            }
        }
    }

    @Test("names of a ticket's files are told apart, and others are left alone")
    func names() {
        #expect(TicketFile.name("a-1.ticket")! == ("a-1", ".ticket"))
        #expect(TicketFile.name(TicketFile.spentName("a-1", exporter: session))! == ("a-1", ".spent"))
        #expect(TicketFile.name("a-1.receipt")! == ("a-1", ".receipt"))
        for name in ["", ".ticket", "a", "a.ticket.tmp", "a.b.ticket", "a/b.ticket", String(repeating: "a", count: 65) + ".ticket"] { #expect(TicketFile.name(name) == nil) }
    }
}
