/// Something about a user (a target, a path, a client's address) that logs must not tell.
///
/// Interpolating it prints `[scrubbed]`; the value itself must be asked for by name.
package struct Sensitive<Value>: CustomStringConvertible, CustomDebugStringConvertible {
    package let value: Value

    package init(_ value: Value) { self.value = value }

    package var description: String { "[scrubbed]" }
    package var debugDescription: String { "[scrubbed]" }
}

extension Sensitive: Sendable where Value: Sendable {}
extension Sensitive: Equatable where Value: Equatable {}
extension Sensitive: Hashable where Value: Hashable {}
