import Ambience
import Authority
import Bytes
import Directory
import DirectoryService
import Sealing
import Testing
import Voting

struct VotingRoomTests {
    private let now = WallTime(secondsSinceEpoch: 1_800_000_000)
    private var validAfter: WallTime { now + 4 }

    /// Authorities with keys of their own, who all know each other.
    private func rooms(_ count: Int) throws -> [(room: VotingRoom, keys: AuthorityKeys)] {
        let made = try (0..<count).map { _ in
            let signingKey = RSAKey.generate(bits: 1024)
            let certificate = try KeyCertificate.make(
                identityKey: RSAKey.generate(bits: 1024), signingKey: signingKey, address: nil, published: now - 60, expires: now + 86400)
            return AuthorityKeys(signingKey: signingKey, certificate: certificate)
        }
        return try made.map { keys in
            let signer = try #require(AuthoritySigner(identity: keys.identity, signingKey: keys.signingKey))
            return (VotingRoom(signer: signer, authorities: made.map(\.identity)), keys)
        }
    }

    private func relays() throws -> [Opinion.Relay] {
        try (0..<5).map { number in
            let keys = LoopbackAuthority.makeRelayKeys(wall: now)
            let upload = try LoopbackAuthority.upload(keys, nickname: "relay\(number)", orPort: 9000 + UInt16(number), published: now - 10) { content in
                if number == 1 { content.expires = now + 600 }
                if number == 2 { content.isHibernating = true }
            }
            let descriptor = try RouterDescriptor(DocumentBundle.cut(upload, at: ["router ", "extra-info "], limit: 2)[0])
            var facts = RelayFacts(descriptor, allowsPrivate: true)
            facts.lastReachable = now
            return Opinion.Relay(descriptor: descriptor, facts: facts)
        }
    }

    private func vote(_ keys: AuthorityKeys, _ relays: [Opinion.Relay]) -> Vote {
        let source = AuthoritySource(
            nickname: "auth", identity: keys.identity, address: LoopbackAuthority.loopback, directoryPort: 7000, orPort: 5000)
        let opinion = Opinion(relays, rules: LoopbackAuthority.rules, now: now)
        var vote = Vote(
            published: now, validAfter: validAfter, times: LoopbackAuthority.times, knownFlags: LoopbackAuthority.rules.knownFlags.sortedNames, source: source,
            certificate: keys.certificate.text)
        vote.flagThresholds = opinion.thresholds.line
        vote.entries = opinion.entries
        return vote
    }

    @Test("One and four authorities end with the same bytes everywhere, signed by all, whatever order votes and signatures come in", arguments: [1, 4])
    func agreement(_ count: Int) throws {
        let rooms = try rooms(count)
        let relays = try relays()
        var random = SeededRandom(seed: UInt64(count))
        let votes = try rooms.map { try #require($0.room.cast(vote($0.keys, relays))).text }
        for (room, _) in rooms {
            for text in votes.shuffled(using: &random) { #expect(room.receive(vote: text, validAfter: validAfter, now: now) == nil) }
            #expect(room.missingVoters.isEmpty)
            #expect(room.compute())
        }
        #expect(Set(rooms.map { $0.room.pending.map(\.signedText) }).count == 1)
        let signatures = rooms.compactMap { $0.room.detached?.text }
        let authorities = Set(rooms.map(\.keys.identity))
        for (room, _) in rooms {
            for text in signatures.shuffled(using: &random) { #expect(room.receive(signatures: text) == nil) }
            let consensuses = room.finish()
            #expect(consensuses.count == 2)
            for consensus in consensuses {
                let verification = consensus.verify(certificates: rooms.map(\.keys.certificate), authorities: authorities, now: now)
                #expect(verification.valid == authorities)
                #expect(consensus.entries.map(\.expires).compactMap(\.self) == [now + 600], "exactly the relay that says when it ends")
                #expect(consensus.entries.count == 4, "the hibernating relay is not listed")
            }
        }
    }

    @Test("Strangers' votes, votes of another round and broken ones are refused with a reason")
    func refusedVotes() throws {
        let rooms = try rooms(2)
        let stranger = try self.rooms(1)[0]
        let room = rooms[0].room
        let other = try #require(rooms[1].room.cast(vote(rooms[1].keys, []))).text
        #expect(room.receive(vote: try #require(stranger.room.cast(vote(stranger.keys, []))).text, validAfter: validAfter, now: now)?.contains("recognized") == true)
        #expect(room.receive(vote: other, validAfter: validAfter + 10, now: now)?.contains("valid-after") == true)
        #expect(room.receive(vote: Array(other.dropLast(40)), validAfter: validAfter, now: now)?.contains("parse") == true)
        #expect(room.receive(vote: other, validAfter: validAfter, now: now) == nil)
    }

    @Test("One of three authorities alone publishes nothing; with a second one's vote and signature it does")
    func majority() throws {
        let rooms = try rooms(3)
        let relays = try relays()
        for (room, keys) in rooms { _ = room.cast(vote(keys, relays)) }
        #expect(!rooms[2].room.compute())
        let votes = rooms.compactMap { $0.room.ownVote?.text }
        for (index, other) in [(0, 1), (1, 0)] {
            #expect(rooms[index].room.receive(vote: votes[other], validAfter: validAfter, now: now) == nil)
            #expect(rooms[index].room.compute())
        }
        let signatures = try #require(rooms[1].room.detached?.text)
        #expect(rooms[1].room.finish().isEmpty, "its own signature is one of three")
        #expect(rooms[0].room.receive(signatures: signatures) == nil)
        #expect(rooms[0].room.finish().count == 2)
    }

    @Test("Signatures survive being written and read")
    func detached() throws {
        let (room, keys) = try rooms(1)[0]
        _ = room.cast(vote(keys, try relays()))
        #expect(room.compute())
        let detached = try #require(room.detached)
        #expect(try DetachedSignatures(detached.text) == detached)
    }
}
