/// One parser of bytes that others send: what a fuzzer runs, and what the corpus is replayed through.
package struct FuzzTarget: Sendable {
    /// Also the name of its folder in the corpus.
    package let name: String
    /// The files whose code it should reach, below Sources/.
    package let sources: [String]
    /// Must return, whatever the bytes are; a broken promise of the parser traps.
    package let run: @Sendable ([UInt8]) -> Void

    init(_ name: String, _ sources: [String], _ run: @escaping @Sendable ([UInt8]) -> Void) {
        (self.name, self.sources, self.run) = (name, sources, run)
    }

    package static let all: [FuzzTarget] = links + handshakes + messages + services + documents + texts + fleet + gates + clouds + mix + letters + outgoing + pickup + market + marketLine + marketLog

    package static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}

private struct Nothing: Error {}

extension Optional {
    func orThrow() throws -> Wrapped {
        guard let self else { throw Nothing() }
        return self
    }
}

/// What is taken is written again in a form that is taken again and stays the same.
func checkStable(_ bytes: [UInt8], _ reencode: ([UInt8]) throws -> [UInt8]) {
    guard let once = try? reencode(bytes) else { return }
    guard let twice = try? reencode(once) else { preconditionFailure("refuses what it wrote itself") }
    precondition(once == twice, "changes what it wrote itself")
}

/// What is taken is only what would have been written.
func checkExact(_ bytes: [UInt8], _ reencode: ([UInt8]) throws -> [UInt8]) {
    guard let again = try? reencode(bytes) else { return }
    precondition(again == bytes, "takes what it would not have written")
}
