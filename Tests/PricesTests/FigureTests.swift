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
        ("email-three", "53"),
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
