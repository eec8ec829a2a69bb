/// A reference that any thread may hold and only the thread of one loop opens: in letters to that loop.
// SAFETY: `value` is written in `bind`, which the loop's thread calls, and read in letters, which run on that thread.
package final class LoopBound<Value: AnyObject>: @unchecked Sendable {
    private weak var value: Value?
    package let mailbox: Mailbox

    /// `value` belongs to the loop that reads `mailbox`.
    package init(_ value: Value? = nil, mailbox: Mailbox) {
        self.value = value
        self.mailbox = mailbox
    }

    /// Only on the loop's thread.
    package func bind(_ value: Value) { self.value = value }

    /// Only on the loop's thread.
    package var here: Value? { value }

    /// Has the loop run `body` with the value, unless it is gone by then. `false` when the loop is gone already.
    @discardableResult
    package func post(_ body: @escaping @Sendable (Value) -> Void) -> Bool {
        mailbox.post { if let value = self.value { body(value) } }
    }
}
