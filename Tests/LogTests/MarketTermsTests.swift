import Exchange
import Sealing
import Testing

@Suite("The market's terms")
struct MarketTermsTests {
    private let terms: MarketTerms
    init() throws { terms = try LogWorld().terms }

    @Test("are read as they were written, in any order of lines")
    func stable() throws {
        #expect(try MarketTerms(terms.text) == terms)
        var lines = terms.text.split(separator: "\n")
        lines.insert(lines.removeLast(), at: lines.count - 1)
        let first = lines.removeFirst()
        #expect(try MarketTerms((lines + [first]).joined(separator: "\n") + "\n").logKey == terms.logKey)
        #expect(terms.groupNumbers == [0: 0, 1: 0, 2: 1])
        #expect(terms.trust.witnesses.count == 3)
    }

    @Test("an onion service is an address, a name of the DNS is none")
    func addresses() throws {
        let onion = String(repeating: "a", count: 55) + "d.onion:80"
        #expect(try MarketTerms(terms.text.replacing("Address 127.0.0.1:9080", with: "Address \(onion)")).address == onion)
        #expect(try MarketTerms(terms.text.replacing("Address 127.0.0.1:9080", with: "Address [2001:db8::1]:80")).address == "[2001:db8::1]:80")
        for wrong in ["example.com:80", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:080", "127.0.0.1:65536", "a.onion:80", String(repeating: "A", count: 56) + ".onion:80"] {
            #expect(throws: MarketTerms.Fault.self, "\(wrong)") { try MarketTerms(terms.text.replacing("Address 127.0.0.1:9080", with: "Address \(wrong)")) }
        }
    }

    @Test("what is wrong is told with its line and what should be there")
    func faults() {
        func fault(_ text: String) -> String? {
            do { _ = try MarketTerms(text); return nil } catch { return "\(error)" }
        }
        #expect(fault(terms.text.replacing("SliceSeconds 900", with: "SliceSeconds 2")) == "line 7 of the market's terms: expected SliceSeconds and 3 to 86400")
        #expect(fault(terms.text.replacing("SliceSeconds 900\n", with: "")) == "the market's terms need a line \"SliceSeconds …\"")
        #expect(fault(terms.text + "Epoch 0\n") == "line 16 of the market's terms: expected Epoch only once")
        #expect(fault(terms.text + "Bucket 0 a b\n")?.hasPrefix("line 16 ") == true)
        #expect(fault(terms.text + "Bucket 32 a b\n")?.hasPrefix("line 16 ") == true)
        #expect(fault(terms.text + "Colour red\n")?.hasPrefix("line 16 of the market's terms: expected one of Address, Bucket") == true)
        #expect(fault(terms.text + "\n")?.hasPrefix("line 16 ") == true)
        #expect(fault(terms.text.replacing("Witness w3", with: "Witness w2"))?.hasPrefix("line 10 ") == true)
        #expect(fault(terms.text.replacing("Epoch 0", with: "Epoch 00"))?.hasPrefix("line 6 ") == true)
        #expect(fault(terms.text.replacing("Epoch 0", with: "Epoch  0"))?.hasPrefix("line 6 ") == true)
        #expect(fault(String(terms.text.dropLast())) == "the market's terms need a newline at the end")
        #expect(fault("") == "the market's terms need a newline at the end")
        #expect(fault(String(repeating: "Bucket 0 a b\n", count: 2000))?.contains("bytes") == true)
    }

    @Test("an exchange for trials says in its terms which numbers it has, and has the usual others")
    func trials() throws {
        let usual = try MarketTerms(terms.text.split(separator: "\n").filter { !$0.hasPrefix("Trial") }.joined(separator: "\n") + "\n")
        #expect(usual.trials.isEmpty && TrialSetting.allCases.allSatisfy { usual[$0] == $0.usual } && usual.sizes == MoteClass.allCases)
        #expect(MarketRules(usual).leastSet == MarketRules.usual.leastSet && MarketRules(usual).workBits == MarketRules.usual.workBits)
        let trial = try MarketTerms(usual.text + "Trial WorkBits 8\nTrial LeastSet 1\nTrial Classes 1\n"), rules = MarketRules(trial)
        #expect((rules.workBits, rules.leastSet, rules.leastFleet) == (8, 1, MarketRules.usual.leastFleet) && trial.sizes == [.small])
        #expect(try MarketTerms(trial.text) == trial)
        for wrong in ["Trial WorkBits 41", "Trial Luck 1", "Trial LeastSet", "Trial LeastSet 1 2", "Trial PermitEvery 0", "Trial WorkBits 8\nTrial WorkBits 8"] {
            #expect(throws: MarketTerms.Fault.self) { try MarketTerms(usual.text + wrong + "\n") }
        }
    }
}
