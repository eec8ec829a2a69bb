internal import Bytes

/// Who may read: one name and one password, made when the mailbox was.
package struct PickupLogin: Sendable {
    /// Wrong ones of one connection, before it is closed.
    static let triesLimit = 3

    private let isRight: @Sendable (_ name: [UInt8], _ password: [UInt8]) -> Bool

    package init(_ isRight: @escaping @Sendable (_ name: [UInt8], _ password: [UInt8]) -> Bool) { self.isRight = isRight }

    func admits(_ name: [UInt8], _ password: [UInt8]) -> Bool { isRight(name, password) }

    /// What SASL's PLAIN sends (RFC 4616): nothing or the name itself, the name, the password, with zeros between.
    func admits(plain text: String) -> Bool {
        guard let fields = Base64.decode(text)?.split(separator: 0, omittingEmptySubsequences: false), fields.count == 3, fields[0].isEmpty || fields[0] == fields[1] else { return false }
        return admits(Array(fields[1]), Array(fields[2]))
    }
}

/// Where a session's answers go; `false` when nobody reads them any more.
package typealias PickupSend = ([UInt8]) -> Bool
