import Prices
import Testing

@Suite struct FigureTests {
    @Test("Paper mode gives every published figure to the cent", arguments: [
        ("chat", "0.14"), ("file", "0.14"), ("iot", "0.12"), ("email", "0.26"), ("chat-function", "0.00"), ("email-function", "0.00"),
        ("file-function", "0.00"), ("iot-function", "0.00"), ("video", "0.84"), ("video-hour", "0.11"), ("email-machine", "4.58"),
        ("free-mails", "33333"), ("polls", "37.74"), ("polls-minute", "2162.16"), ("polls-machines", "138.24"), ("polls-even", "3.79"),
    ] as [(String, String)])
    func paper(id: String, text: String) throws {
        #expect(try Self.figure(id, in: Figures.paper).text == text)
    }

    /// The texts' Tables 1 to 3, and what an analysis of them found: which readings give the printed cents, and what the figures are made of.
    @Test("Other readings, parts and counts behind the published figures come out as analysed", arguments: [
        ("iot-nearest", "0.113", "0.11"), ("iot-requests", "0.1211", "0.12"), ("email-plain", "0.115", "0.12"), ("email-lines", "0.26", "0.26"),
        ("email-storage", "0.17", "0.17"), ("email-transfer", "0.09", "0.09"), ("video-compute", "0.0116", "0.01"), ("video-transfer", "0.833", "0.83"),
        ("email-machine-732", "4.3188", "4.32"), ("email-machine-744", "4.3152", "4.32"), ("email-machine-720", "4.32", "4.32"),
        ("poll-calls", "8640000", "8640000"), ("queue-polls", "876000", "876000"), ("chat-calls", "60000", "60000"), ("chat-seconds", "3750", "3750.00"),
        ("email-calls", "15000", "15000"), ("email-seconds", "937.5", "937.50"), ("file-calls", "3000", "3000"), ("file-seconds", "6000", "6000.00"),
        ("iot-calls", "3000", "3000"), ("iot-seconds", "187.5", "187.50"),
    ] as [(String, String, String)])
    func readings(id: String, exact: String, text: String) throws {
        let figure = try Self.figure(id, in: Figures.paper)
        #expect(figure.exact.description == exact && figure.text == text)
    }

    @Test("Before rounding, the published figures are what the formulas give", arguments: [
        ("chat", "0.136"), ("iot", "0.113"), ("email", "0.26"), ("polls", "37.7352"), ("polls-minute", "2162.16"), ("video-hour", "0.112"),
        ("chat-function-list", "0.0745125"), ("email-function-list", "0.018628125"), ("file-function-list", "0.10062"), ("iot-function-list", "0.003725625"),
    ] as [(String, String)])
    func exact(id: String, text: String) throws {
        #expect(try Self.figure(id, in: Figures.paper).exact.description == text)
    }

    @Test("True mode corrects what does not hold together, at the published prices", arguments: [
        ("chat", "0.44"), ("file", "0.15"), ("iot", "0.13"), ("email", "1.26"), ("video", "1.18"), ("video-both", "2.08"), ("video-hour", "0.17"),
        ("video-hour-free", "0.08"), ("polls", "30.87"), ("polls-even", "3.98"), ("calls", "0.15"), ("calls-all", "0.17"), ("queue-polls", "131400"), ("email-two", "35"),
        ("email-three", "53"), ("key", "1.00"), ("chat-writes", "0.30"), ("video-compute", "0.35"),
    ] as [(String, String)])
    func corrected(id: String, text: String) throws {
        #expect(try Self.figure(id, in: Figures.corrected(.published)).text == text)
    }

    @Test("Where a cent hides the difference, the corrected figures are right beyond it", arguments: [
        ("video", "1.181"), ("video-hour", "0.1679"), ("video-hour-free", "0.0779"), ("calls", "0.1458625"), ("polls", "30.8672"),
    ] as [(String, String)])
    func beyond(id: String, text: String) throws {
        #expect(try Self.figure(id, in: Figures.corrected(.published)).exact.description == text)
    }

    private static func figure(_ id: String, in figures: [Figure]) throws -> Figure {
        #expect(Set(figures.map(\.id)).count == figures.count)
        return try #require(figures.first { $0.id == id })
    }
}
