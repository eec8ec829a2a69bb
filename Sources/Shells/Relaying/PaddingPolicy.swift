package import Onion

/// What consensus and operator say about padding.
package struct PaddingPolicy: Sendable, Equatable {
    package var links = LinkPaddingParameters()
    /// As a client: what we want of our links.
    package var wish = LinkPadding.Wish.usual
    /// As a client: pad links whose other end does not know padding, too (ConnectionPadding 1).
    package var isForced = false
    /// Machines on circuits are accepted and send nothing (circpad_padding_disabled).
    package var isCircuitPaddingDisabled = false

    package init() {}
}
