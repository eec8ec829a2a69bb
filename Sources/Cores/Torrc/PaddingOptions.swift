/// Options about padding.
package struct PaddingOptions: Equatable, Sendable {
    /// Whether a client's links are padded; `automatic`: where the relay can.
    package var connectionPadding: Choice = .automatic
    /// Less of it, and only from us.
    package var isConnectionPaddingReduced = false
}

extension OptionTable {
    static let padding: [OptionRow] = [
        .choice("ConnectionPadding", \.padding.connectionPadding),
        .flag("ReducedConnectionPadding", \.padding.isConnectionPaddingReduced),
    ]
}
