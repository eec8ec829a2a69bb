internal import Glibc

/// Why a machine cannot become a mote, in words for its console.
package struct CradleFailure: Error, Equatable, CustomStringConvertible {
    package let reason: String

    init(_ reason: String) { self.reason = reason }

    /// - Parameter code: `errno`.
    init(_ what: String, _ code: Int32) { reason = "\(what): \(String(cString: strerror(code)))" }

    package var description: String { reason }
}

/// The machine's console: the serial line, for people who ask why it ended.
enum Console {
    static func say(_ line: String) {
        let bytes = Array("cradle: \(line)\n".utf8)
        _ = write(2, bytes, bytes.count)
    }
}
