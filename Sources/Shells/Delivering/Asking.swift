internal import Ambience
internal import Links
internal import Loops

/// One question and one answer over a link, which it then closes.
final class Asking {
    private let link: Link
    private var answer: [UInt8] = []
    private var timer: Loops.Timer?
    private var done: (([UInt8]) -> Void)?
    private let isWhole: ([UInt8]) -> Bool
    private let limitBytes: Int

    /// - Parameter done: what came until it was whole, or too much, or the connection or the time ended.
    static func run(_ loop: EventLoop, _ link: Link, _ question: [UInt8], limitBytes: Int, patience: Instant.Span, isWhole: @escaping ([UInt8]) -> Bool, done: @escaping ([UInt8]) -> Void) {
        Asking(loop, link, limitBytes, patience, isWhole, done).begin(question)
    }

    /// A question of DNS over TCP, its length before it.
    static func run(_ loop: EventLoop, _ link: Link, framed question: [UInt8], patience: Instant.Span, isWhole: @escaping ([UInt8]) -> Bool, done: @escaping ([UInt8]) -> Void) {
        run(loop, link, [UInt8(question.count >> 8), UInt8(question.count & 255)] + question, limitBytes: 65_537, patience: patience, isWhole: isWhole, done: done)
    }

    private init(_ loop: EventLoop, _ link: Link, _ limitBytes: Int, _ patience: Instant.Span, _ isWhole: @escaping ([UInt8]) -> Bool, _ done: @escaping ([UInt8]) -> Void) {
        (self.link, self.limitBytes, self.isWhole, self.done) = (link, limitBytes, isWhole, done)
        // The link's callbacks keep the exchange until it is over.
        timer = loop.after(patience) { self.finish() }
    }

    private func begin(_ question: [UInt8]) {
        link.onBytes = { self.received($0) }
        link.onEnd = { self.finish() }
        link.send(question)
    }

    private func received(_ bytes: [UInt8]) {
        answer += bytes
        if answer.count > limitBytes || isWhole(answer) { finish() }
    }

    private func finish() {
        guard let done else { return }
        self.done = nil
        timer?.cancel()
        link.close()
        done(answer.count > limitBytes ? [] : answer)
    }
}
