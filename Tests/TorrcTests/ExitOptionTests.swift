import Ambience
import Testing

@testable import Torrc

@Suite("Options of exits")
struct ExitOptionTests {
    @Test("stock's defaults, and what replaces them")
    func values() throws {
        #expect(try configuration("").exit == ExitOptions())
        let exit = try configuration(
            "ServerDNSDetectHijacking 0\nServerDNSTestAddresses a.test, b.test\nServerDNSRandomizeCase 0\nServerDNSSearchDomains 1\nServerDNSAllowNonRFC953Hostnames 1\nConnLimit 5000"
        ).exit
        #expect(!exit.isHijackingDetected && exit.testSites == ["a.test", "b.test"] && !exit.isCaseRandom && exit.isSearching && exit.areOddNamesAllowed && exit.connectionLimit == 5000)
    }

    @Test("one outgoing address of each family for each purpose")
    func outbound() throws {
        let exit = try configuration("OutboundBindAddress 192.0.2.1\nOutboundBindAddress [2001:db8::1]\nOutboundBindAddressExit 192.0.2.2").exit
        #expect(exit.outbound == [IPAddress("192.0.2.1")!, IPAddress("2001:db8::1")!] && exit.outboundExit == [IPAddress("192.0.2.2")!])
        for line in ["OutboundBindAddress x", "OutboundBindAddressOR 192.0.2.1\nOutboundBindAddressOR 192.0.2.2"] { #expect(failure(line).contains("expected")) }
    }
}
