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
        #expect(fault(terms.text + "Epoch 0\n") == "line 14 of the market's terms: expected Epoch only once")
        #expect(fault(terms.text + "Bucket 0 a b\n")?.hasPrefix("line 14 ") == true)
        #expect(fault(terms.text + "Bucket 32 a b\n")?.hasPrefix("line 14 ") == true)
        #expect(fault(terms.text + "Colour red\n")?.hasPrefix("line 14 of the market's terms: expected one of Address, Bucket") == true)
        #expect(fault(terms.text + "\n")?.hasPrefix("line 14 ") == true)
        #expect(fault(terms.text.replacing("Witness w3", with: "Witness w2"))?.hasPrefix("line 10 ") == true)
        #expect(fault(terms.text.replacing("Epoch 0", with: "Epoch 00"))?.hasPrefix("line 6 ") == true)
        #expect(fault(terms.text.replacing("Epoch 0", with: "Epoch  0"))?.hasPrefix("line 6 ") == true)
        #expect(fault(String(terms.text.dropLast())) == "the market's terms need a newline at the end")
        #expect(fault("") == "the market's terms need a newline at the end")
        #expect(fault(String(repeating: "Bucket 0 a b\n", count: 2000))?.contains("bytes") == true)
    }
}
