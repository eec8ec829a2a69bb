import Ambience
import Bytes
import Exchange
import Sealing
import Testing

@Suite("What a wallet orders")
struct WalletPlanTests {
    private static let slice = Slice(20_001 * Slice.perDay + 50)
    private var random = SeededRandom(seed: 11)

    private mutating func bytes() -> [UInt8] { (0..<4).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } } }

    private mutating func token(_ role: KeyRole, since age: Int64 = 200, ripe: Int64 = -1, place: Place? = nil, isDoubtful: Bool = false) -> WalletToken {
        let type = role.tokenType, input = TokenInput(type: type, nonce: bytes(), challengeDigest: [UInt8](repeating: 0, count: 32), keyID: Digest.sha256(role.bytes))
        return WalletToken(
            token: Token(input: input, authenticator: [UInt8](repeating: 0, count: type.authenticatorBytes)), role: role, counter: 0, since: Self.slice - age, ripe: Self.slice + ripe,
            stale: Self.slice + 500, place: place, isDoubtful: isDoubtful)
    }

    private mutating func credit(_ denomination: Denomination, weeks: Int64 = 0, ripe: Int64 = -1, isDoubtful: Bool = false) -> WalletToken {
        token(.credit(denomination, week: Self.slice.week - weeks), ripe: ripe, isDoubtful: isDoubtful)
    }

    private mutating func motes(_ count: Int, _ size: MoteClass = .small) -> [ListedMote] { (0..<count).map { _ in ListedMote(mote: bytes(), size: size, bucket: 0) } }

    private mutating func anyBook() -> WalletBook {
        var book = WalletBook()
        for denomination in Denomination.allCases {
            for _ in 0..<Int.random(in: 0..<9, using: &random) {
                book.tokens.append(credit(denomination, weeks: .random(in: 0...2, using: &random), ripe: .random(in: -50...50, using: &random), isDoubtful: .random(using: &random)))
            }
        }
        for index in 0..<Int.random(in: 0..<40, using: &random) {
            book.tokens.append(token(.access(day: Self.slice.day - 3), place: Place(mote: [UInt8](repeating: 1, count: 32), slice: Self.slice - 288), isDoubtful: index % 9 == 0))
        }
        for id in 0..<Int64.random(in: 0..<4, using: &random) {
            book.purchases.append(Purchase(id: id, denomination: [.four, .sixteen, .sixtyFour].randomElement(using: &random)!, isUrgent: .random(using: &random), notBefore: Self.slice))
        }
        let permit = token(.permit(Self.slice - 1, .small, isStaked: true))
        book.lots = [Lot(id: 1, size: .small, bucket: 0, state: .listed, start: Self.slice - 1, permit: permit)]
        let listed = motes(.random(in: 0..<5, using: &random)) + [ListedMote(mote: permit.nonce, size: .small, bucket: 0)]
        for ahead in Int64(1)...4 { book.listed[Self.slice + ahead] = listed }
        book.wantsRefunds = .random(using: &random)
        return book
    }

    @Test("no token is in two orders, none is bought of an own mote, and every order has a shape's inputs")
    mutating func sound() {
        for _ in 0..<300 {
            let book = anyBook(), plan = WalletPlan(book, at: Self.slice, rules: WalletRules(isHurried: .random(using: &random)), random: &random)
            let spent = plan.intents.flatMap { $0.inputs.map(\.token.nonce) }
            #expect(Set(spent).count == spent.count)
            for intent in plan.intents {
                #expect(!intent.places.contains { book.ownMotes.contains($0.mote) || $0.slice <= Self.slice })
                #expect(intent.inputs.count == intent.shape.inputs)
                #expect(Set(intent.inputs.map(\.token.role)).count <= 1)
                let recipe = intent.recipe(at: Self.slice, from: 0)
                #expect(recipe.isTimely(at: Self.slice) && recipe.wanted != nil)
                if case .buy(let denomination) = intent.shape { #expect(intent.places.count == 3 * Int(denomination.value)) }
            }
        }
    }

    @Test("credit is not spent before its age, unless its owner insists or only to learn whether it was spent")
    mutating func aged() {
        for _ in 0..<300 {
            var book = anyBook()
            book.purchases = book.purchases.filter { !$0.isUrgent }
            let plan = WalletPlan(book, at: Self.slice, rules: WalletRules(), random: &random)
            for intent in plan.intents where intent.purpose != .roll {
                for input in intent.inputs { if case .credit = input.token.role { #expect(input.token.ripe <= Self.slice) } }
                #expect(intent.purpose == .proof || intent.purpose == .refund || !intent.inputs.contains(where: \.token.isDoubtful))
            }
        }
    }

    @Test("which of the aged tokens is spent says nothing about when it came")
    mutating func neverFirstInFirstOut() {
        var book = WalletBook(), ranks = 0.0, count = 0.0
        let tokens = (0..<60).map { _ in credit(.four) }, order = Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($1.nonce, Double($0)) })
        book.tokens = tokens
        for ahead in Int64(1)...4 { book.listed[Self.slice + ahead] = motes(3) }
        book.purchases = [Purchase(id: 1, denomination: .four, isUrgent: false, notBefore: Self.slice)]
        for _ in 0..<400 {
            let plan = WalletPlan(book, at: Self.slice, rules: WalletRules(), random: &random)
            for input in plan.intents.first(where: { $0.purpose == .purchase(1) })?.inputs ?? [] { (ranks, count) = (ranks + order[input.token.nonce]!, count + 1) }
        }
        #expect(count == 1200)
        // The mean of uniform ranks is 29.5; of 1200 draws it is off by 0.5 (one standard deviation).
        #expect(abs(ranks / count - 29.5) < 2.5)
    }

    @Test("whether its owner's mote is among those of a bucket or not, a wallet orders the same there, and somebody else's mote")
    mutating func noDecline() {
        for _ in 0..<100 {
            let permit = token(.permit(Self.slice - 1, .small, isStaked: true)), others = motes(.random(in: 1..<5, using: &random)), own = ListedMote(mote: permit.nonce, size: .small, bucket: 0)
            let right = token(.barter(bucket: 0, Self.slice + 1))
            let orders = [[], [own]].map { mine -> [Intent] in
                var book = WalletBook()
                book.tokens = [right]
                book.lots = [Lot(id: 1, size: .small, bucket: 0, state: .listed, start: Self.slice - 1, permit: permit)]
                book.listed[Self.slice + 1] = others + mine
                return WalletPlan(book, at: Self.slice, rules: WalletRules(isHurried: true), random: &random).intents
            }
            #expect(orders[0].map(\.shape) == orders[1].map(\.shape) && orders[0].map(\.detail) == orders[1].map(\.detail) && orders[0].map(\.inputs) == orders[1].map(\.inputs))
            let places = orders[1].filter { $0.shape == .barter }.flatMap(\.places)
            #expect(places.count == 3 && places.allSatisfy { $0.mote != permit.nonce })
        }
    }

    @Test("cover comes at its rate whether anything is bought or not, as a Poisson process")
    mutating func cover() {
        var book = WalletBook()
        book.tokens = (0..<60).map { _ in credit(.sixteen, weeks: 1) }
        book.purchasesOfDay = 48
        var rolls: [Int] = []
        for _ in 0..<2000 { rolls.append(WalletPlan(book, at: Self.slice, rules: WalletRules(), random: &random).intents.count { $0.purpose == .roll }) }
        let mean = Double(rolls.reduce(0, +)) / 2000, variance = rolls.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / 2000
        #expect(abs(mean - 0.5) < 0.08 && abs(variance - mean) < 0.12)
    }

    @Test("many small motes are drawn no more often than one large one of the same stake")
    mutating func byShares() {
        var book = WalletBook(), small = 0, all = 0
        book.tokens = (0..<3).map { _ in credit(.sixtyFour) }
        let many = motes(16), one = motes(1, .large)
        for ahead in Int64(1)...4 { book.listed[Self.slice + ahead] = many + one }
        book.purchases = [Purchase(id: 1, denomination: .sixtyFour, isUrgent: false, notBefore: Self.slice)]
        for _ in 0..<400 {
            let plan = WalletPlan(book, at: Self.slice, rules: WalletRules(), random: &random), names = Set(many.map(\.mote))
            // The first of each slice: later ones are drawn among those that are left.
            for place in plan.intents.first(where: { $0.purpose == .purchase(1) })?.places.prefix(4) ?? [] { (small, all) = (small + (names.contains(place.mote) ? 1 : 0), all + 1) }
        }
        #expect(all == 1600 && abs(Double(small) / 1600 - 0.5) < 0.06)
    }

    @Test("whatever is needed, from 1 to 1000 smm, is ordered in the few shapes and changed down to what a purchase takes")
    mutating func fewShapes() {
        let known: Set<UInt8> = [1, 2, 3, 4, 5]
        for bundles in [1, 3, 7, 20, 80] {
            var book = WalletBook()
            book.tokens = (0..<4).map { _ in credit(.twoHundredFiftySix) } + (0..<3).map { _ in credit(.sixtyFour) }
            for ahead in Int64(1)...4 { book.listed[Self.slice + ahead] = motes(3) }
            book.purchases = (0..<bundles).map { Purchase(id: Int64($0), denomination: .four, isUrgent: false, notBefore: Self.slice) }
            let plan = WalletPlan(book, at: Self.slice, rules: WalletRules(), random: &random)
            #expect(plan.intents.allSatisfy { known.contains($0.shape.code.0) })
            #expect(plan.intents.contains { $0.purpose == .change } && plan.waiting.count == bundles)
        }
    }

    @Test("whoever is restored on one day asks again within the same day, the next whole one of the market's")
    func restoreMoments() {
        for time in [MarketTime.usual, MarketTime(epoch: 1_000, sliceSeconds: 8)] {
            let day = Slice.first(ofDay: 20), next = time.start(of: Slice.first(ofDay: 21))...time.start(of: Slice.first(ofDay: 22)) - 1
            for second in [time.start(of: day), time.start(of: day) + 77, time.start(of: day + Slice.perDay) - 1] { #expect(RestorePlan.moments(at: second, time) == next) }
            #expect(RestorePlan.first(newest: day) == RestorePlan.first(newest: day + 95) && RestorePlan.first(newest: day) == Slice.first(ofDay: 19))
        }
    }

    @Test("two devices with one seed never make the same nonce, key, salt or blind")
    func twoDevices() throws {
        let secret = SecretBytes.random(32), first = try #require(WalletSeed(secret, device: 1)), second = try #require(WalletSeed(secret, device: 2))
        let role = KeyRole.credit(.four, week: 1), key = KeyID(role, publicKey: [1])
        var seen: Set<[UInt8]> = [], made = 0
        for counter in UInt64(0)..<2_500 {
            for seed in [first, second] {
                let pending = try #require(seed.pending(role, key, counter, challenge: Challenges.credit(.four)))
                for bytes in [pending.input.nonce, pending.bytes, seed.salt(key, counter), seed.signerSeed(key, counter).copy] {
                    seen.insert(bytes)
                    made += 1
                }
            }
        }
        #expect(seen.count == made && made == 20_000)
    }

    @Test("what a wallet keeps of an order comes back as it was, and not at all when it is cut short")
    mutating func recipes() throws {
        let place = Place(mote: bytes(), slice: Self.slice + 1), tokens = (0..<3).map { _ in credit(.four) }
        let recipe = Recipe(.buy(.four), .day(Self.slice.day), at: Self.slice, from: 640, inputs: tokens.map { Recipe.Input($0) }, places: [place])
        var reader = ByteReader(recipe.bytes)
        #expect(try Recipe(&reader) == recipe)
        for cut in stride(from: 0, to: recipe.bytes.count, by: 7) {
            var short = ByteReader(Array(recipe.bytes.prefix(cut)))
            #expect(throws: (any Error).self) { try Recipe(&short) }
        }
        #expect(recipe.counters == 12 && recipe.isTimely(at: Self.slice + 1) && !recipe.isTimely(at: Slice.first(ofDay: Self.slice.day + 1)))
    }
}

@Suite("Where a mote is")
struct MoteAddressTests {
    @Test("an address has one form; everything else that a stranger may list is none")
    func oneForm() throws {
        let fingerprint = String(repeating: "A1", count: 20), address = try #require(MoteAddress("192.0.2.1:443 \(fingerprint)"))
        #expect(address.description == "192.0.2.1:443 \(fingerprint)" && MoteAddress(address.bytes) == address)
        let wrong = [
            "", " ", "192.0.2.1:443", "192.0.2.1:443 ", "192.0.2.1:0 \(fingerprint)", "192.0.2.1 \(fingerprint)", "192.0.2.1:0443 \(fingerprint)", "example.com:443 \(fingerprint)",
            "192.0.2.1:443  \(fingerprint)", "192.0.2.1:443 \(fingerprint)A1", "192.0.2.1:443 \(fingerprint) x", "192.0.2.1:443 \(String(repeating: "G1", count: 20))",
        ]
        for text in wrong { #expect(MoteAddress(text) == nil, "\(text)") }
        #expect(MoteAddress([UInt8](repeating: 0xFF, count: 60)) == nil && MoteAddress([UInt8](repeating: 0x41, count: 4096)) == nil)
    }
}
