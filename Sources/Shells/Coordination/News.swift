package import Leasing

/// Something that a person who watches the coordinator wants to know.
package enum News: Sendable {
    case authorityStarted
    case authorityAnswers
    case clientStarted
    case clientReady(socks: String)
    /// A pillar ended and will be started again.
    case fell(String, lastWords: String)
    case mote(MoteEvent, MoteRecord, place: String?)
    /// A process that nobody intended was ended.
    case swept(MoteKey)
    case trouble(String)
    case down
    /// Somebody had everything ended, and no new mote comes; or took that back.
    case halted(Bool)
}
