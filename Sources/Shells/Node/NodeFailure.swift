package import Ambience

/// Why a node cannot start or go on, with the exit status of sysexits(3) that tells scripts what kind of trouble it is.
package struct NodeFailure: Error, CustomStringConvertible {
    package enum Kind: Int32, Sendable {
        case usage = 64
        /// A file of the data directory does not hold what it should.
        case badData = 65
        /// The mote's time is over.
        case expired = 69
        case system = 71
        case cannotCreate = 73
        /// Another node holds the data directory.
        case busy = 75
        case permission = 77
        case configuration = 78
    }

    package let kind: Kind
    package let description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    package init(_ error: FileError) { self.init(.cannotCreate, "\(error)") }
}
