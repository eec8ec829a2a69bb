/// What went wrong, sorted by what the caller can do about it.
package struct CoordinationError: Error, CustomStringConvertible {
    package enum Kind: Sendable {
        /// The request itself makes no sense.
        case usage
        /// A file that was given is wrong.
        case badData
        /// Nothing by that name.
        case notFound
        /// Something that is needed is taken or absent.
        case unavailable
        case cannotCreate
        case noPermission
        /// Another coordinator is at work; try again later.
        case busy
        /// The configuration does not fit the cloud that runs.
        case configuration
        /// It costs more than may be spent. Nothing was bought.
        case overBudget
    }

    package let kind: Kind
    package let description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}
