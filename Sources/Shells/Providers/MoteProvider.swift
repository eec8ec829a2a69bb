package import Ambience
package import Leasing

/// Where motes come from. Everything is named by the mote's key, so that asking twice makes one mote.
package protocol MoteProvider: AnyObject {
    /// What is there, by looking; never from memory.
    func observe() throws(ProviderError) -> [MoteKey: Sighting]
    /// Why not all that is there was seen, if so: that a mote was not seen then proves nothing.
    var blindness: String? { get }
    /// What is wrong there now, for people; `nil`: nothing.
    var trouble: String? { get }
    /// Starts the mote's process unless one is there. A later attempt may listen elsewhere; the mote stays the same relay.
    func start(_ lease: Lease, attempt: Int) throws(ProviderError)
    /// Asks for no new circuits and an end once those that are there have finished.
    func drain(_ key: MoteKey)
    /// Tells the mote that it ends at this time, earlier than its lease says. It drains at once in any case, should its time have come by that.
    func shorten(_ key: MoteKey, expires: WallTime)
    /// Asks for an end at once. Ending what is not there is success.
    func stop(_ key: MoteKey)
    func kill(_ key: MoteKey)
    /// Removes what the mote left. Refuses while a process is there.
    func erase(_ key: MoteKey) throws(ProviderError)
}

extension MoteProvider {
    package var blindness: String? { nil }
    package var trouble: String? { nil }
    package func shorten(_ key: MoteKey, expires: WallTime) {}
}

package struct ProviderError: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
