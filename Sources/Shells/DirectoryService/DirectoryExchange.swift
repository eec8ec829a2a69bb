internal import Ambience
internal import Loops
internal import Onion
internal import Relaying

/// One request and its answer on one stream.
final class DirectoryExchange {
    private let loop: EventLoop
    private let request: HTTPRequest
    private let stallTimeout: Instant.Span
    private var parser: HTTPResponseParser
    private var onStep: ((DirectoryTunnels.Step) -> Void)?
    private var done: ((Result<HTTPResponse, DirectoryTunnels.Failure>) -> Void)?
    private var onOver: (() -> Void)?
    private var stream: OnionStream?
    private var timer: Timer?
    private var hasAnswer = false

    init(
        loop: EventLoop, request: HTTPRequest, limits: HTTPLimits, stallTimeout: Instant.Span, onStep: @escaping (DirectoryTunnels.Step) -> Void,
        _ done: @escaping (Result<HTTPResponse, DirectoryTunnels.Failure>) -> Void
    ) {
        self.loop = loop
        self.request = request
        self.stallTimeout = stallTimeout
        self.onStep = onStep
        self.done = done
        parser = HTTPResponseParser(limits: limits)
        watch()
    }

    var isOver: Bool { done == nil }

    /// The request goes out at once: a directory takes data before it has said CONNECTED.
    func begin(_ stream: OnionStream, onOver: @escaping () -> Void) {
        self.stream = stream
        self.onOver = onOver
        watch()
        onStep?(.connected)
        stream.onEvent = { event in
            switch event {
            case .data(let bytes): self.receive(bytes)
            case .ended(let reason): self.ended(isClean: reason == .done)
            default: break
            }
        }
        stream.send(request.encoded)
    }

    func fail(_ failure: DirectoryTunnels.Failure) { settle(.failure(failure)) }

    private func receive(_ bytes: [UInt8]) {
        watch()
        do throws(HTTPError) {
            let response = try parser.receive(bytes)
            if parser.isReadingBody, !hasAnswer {
                hasAnswer = true
                onStep?(.answering)
            }
            if let response { settle(.success(response)) }
        } catch {
            fail(.broken)
        }
    }

    private func ended(isClean: Bool) {
        guard isClean, let response = try? parser.finish() else { return fail(hasAnswer ? .broken : .unreachable) }
        settle(.success(response))
    }

    /// Starts the wait for the next byte.
    private func watch() {
        timer?.cancel()
        timer = loop.after(stallTimeout) { [weak self] in self?.fail(.stalled) }
    }

    private func settle(_ result: Result<HTTPResponse, DirectoryTunnels.Failure>) {
        guard let done else { return }
        self.done = nil
        timer?.cancel()
        timer = nil
        stream?.onEvent = nil
        if stream?.isEnded == false { stream?.end(.done) }
        stream = nil
        onOver?()
        onOver = nil
        onStep = nil
        done(result)
    }
}
