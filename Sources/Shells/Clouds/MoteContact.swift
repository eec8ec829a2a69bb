package import Ambience
package import Leasing

/// How the coordinator and a mote on a machine of its own find each other once the machine runs. None where machines cannot tell.
package protocol MoteContact: Sendable {
    /// What the new machine is given, so that it can prove to be this mote. Durable when it returns; once for each machine.
    func admit(_ lease: Lease, attempt: Int) throws -> String
    /// What the mote last said; `nil` if it said nothing, or not for long.
    func report(of key: MoteKey) -> MoteReport?
    func drain(_ key: MoteKey)
    func shorten(_ key: MoteKey, expires: WallTime)
    /// False if nobody is there to hear it.
    func stop(_ key: MoteKey) -> Bool
}
