import Exchange
import Sealing
import Testing

@Suite("A slice's report")
struct EpochReportTests {
    private let report: EpochReport = {
        let slice = Slice(2_000_000), seal = OrdersSeal(slice: slice, ids: [Digest.sha256([1])])
        var report = EpochReport(origin: "dust.example/market", seal: seal, beacon: Digest.sha256([2]))
        report.missing = ["w3", "w1"]
        for list in EpochReport.List.allCases { report.lists[.init(list, of: slice - 2)] = .init(count: 3, body: Array(list.rawValue.utf8)) }
        report.accounts = [.prepaid: -960, .credit(week: 3): 950, .fees: 10]
        report.counts = [.credit(.four, week: 2976): KeyCount(issued: 7, redeemed: 3), .permit(slice, .small, isStaked: true): KeyCount(issued: 1)]
        report.hidden = [.init(shape: .buy(.four), role: .credit(.four, week: 2976), orders: 2, set: 49, isHeld: true), .init(shape: .refund, role: .access(day: 20_833), orders: 1, set: 70, isHeld: false)]
        report.refused = [.spent: 2, .malformed: 1]
        report.throttle = [slice: SliceDecision(SliceCounts(deposited: 12, sold: 9, probed: ProbedShares(sum: 11, low: 2)), target: 9_000, delay: 50, permits: 2_000)]
        report.permits = [.permit(slice + 4, .small, isStaked: true): 9]
        return report
    }()

    @Test("is read as it was written")
    func stable() throws {
        let read = try EpochReport(report.bytes)
        #expect(read.bytes == report.bytes)
        #expect(read.counts == report.counts && read.accounts == report.accounts && read.permits == report.permits && Set(read.hidden) == Set(report.hidden))
        #expect(read.lists == report.lists && read.missing == report.missing && read.refused == report.refused && read.throttle == report.throttle && read.seal == report.seal)
    }

    @Test("lines in another order, twice, with other numbers or of another kind make none")
    func malformed() {
        let text = String(decoding: report.bytes, as: UTF8.self)
        var lines = text.split(separator: "\n").map(String.init)
        lines.swapAt(5, 6)
        let swapped = lines.joined(separator: "\n") + "\n"
        for wrong in [
            "", "\n", swapped, text + "refused 4 2\n", text + "\n", text.replacing("account fees 10", with: "account fees 010"), text.replacing("account fees 10", with: "account tips 10"),
            text.replacing("refused 4 2", with: "refused 99 2"), text.replacing(" held", with: " hold"), text.replacing("throttle 2000000 12", with: "throttle 2000000 1.2"), text.replacing("throttle 2000000 12", with: "throttle 2000000 12 12"),
            text.replacing("account fees 10", with: "account fees 9223372036854775807"),
        ] { #expect(throws: EpochReport.Failure.self) { try EpochReport(Array(wrong.utf8)) } }
    }
}
