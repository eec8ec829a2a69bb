import Ambience
import Loops
import Testing

@Suite("Programs that we start")
struct SubprocessTests {
    private func wait(_ loop: EventLoop, until isDone: () -> Bool) {
        let limit = loop.now + .seconds(Int64(60))
        let tick = loop.every(.milliseconds(20)) {}
        while !isDone(), loop.now < limit { loop.turn(wait: true) }
        tick.cancel()
    }

    @Test("what a program says is heard to its last byte, with its status")
    func output() throws {
        let loop = EventLoop()
        let child = try Subprocess(loop: loop, program: "/bin/sh", arguments: ["-c", "echo \"$GREETING\"; echo no >&2; head -c 30000 /dev/zero; exit 3"], variables: ["GREETING": "hello"])
        var (output, errors, end): ([UInt8], [UInt8], Subprocess.End?) = ([], [], nil)
        child.onOutput = { output += $0 }
        child.onErrorOutput = { errors += $0 }
        child.onEnd = { end = $0 }
        wait(loop) { end != nil }
        #expect(end == .exited(status: 3))
        #expect(output.count == 30_006 && output.starts(with: Array("hello\n".utf8)) && errors == Array("no\n".utf8))
    }

    @Test("a program is told to end by its input and by a signal")
    func termination() throws {
        for (script, expected) in [("read x; exit 5", Subprocess.End.killed(signal: 15)), ("trap '' TERM; read x; exit 5", .exited(status: 5))] {
            let loop = EventLoop()
            let child = try Subprocess(loop: loop, program: "/bin/sh", arguments: ["-c", "\(script.contains("trap") ? "trap '' TERM; " : "")echo up; " + script], variables: [:])
            var (isUp, end): (Bool, Subprocess.End?) = (false, nil)
            child.onOutput = { _ in isUp = true }
            child.onEnd = { end = $0 }
            wait(loop) { isUp }
            child.terminate()
            wait(loop) { end != nil }
            #expect(end == expected || script.hasPrefix("read") && end == .exited(status: 5), "the input may be noticed before the signal")
        }
    }

    @Test("a program that does not exist is an error with its path")
    func missing() {
        let error = #expect(throws: FileError.self) { try Subprocess(loop: EventLoop(), program: "/no/such/program", arguments: [], variables: [:]) }
        #expect(error?.path == "/no/such/program" && error?.isMissing == true)
    }
}
