/// What something on the mix is called by: bytes that mean nothing else, of a length that its kind has. Names of two kinds cannot be mixed up.
package struct MixName<Kind: MixNameKind>: Hashable, Sendable {
    package static var bytesCount: Int { Kind.bytesCount }
    package let bytes: [UInt8]

    /// `nil` unless there are as many bytes as that.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.bytesCount else { return nil }
        self.bytes = Array(bytes)
    }
}

package protocol MixNameKind { static var bytesCount: Int { get } }

/// A mote, or a mailbox at one.
package typealias MixID = MixName<PlaceOnMix>
/// A reply block, for whoever made it and keeps its keys.
package typealias ReplyID = MixName<ReplyOnMix>
/// A packet that comes back to who sent it.
package typealias LoopID = MixName<LoopOnMix>
/// A packet that was here: of its group element alone.
package typealias ReplayTag = MixName<PassageOnMix>

package enum PlaceOnMix: MixNameKind { package static let bytesCount = 32 }
package enum ReplyOnMix: MixNameKind { package static let bytesCount = 16 }
package enum LoopOnMix: MixNameKind { package static let bytesCount = 16 }
package enum PassageOnMix: MixNameKind { package static let bytesCount = 32 }
