/// Why the body of a cell or relay message is refused. The circuit (or the channel) it came on must be closed.
package enum MessageError: Error, Equatable {
    /// A field reaches beyond the body.
    case truncated
    /// A length or count that its field may not have.
    case badLength
    /// A host, name or port that is not one.
    case badText
    /// An address of an impossible type or size.
    case badAddress
    /// A field that may appear once appears twice.
    case duplicate
    /// A version that we do not speak.
    case unsupportedVersion
    /// A command that we do not know.
    case unknownCommand
}
