package import ControlProtocol

/// What controllers control. All is called on the loop's thread; every refusal is told to the controller as it is.
package protocol ControlHost: AnyObject {
    /// What GETINFO answers.
    var info: InfoTable { get }

    /// The values of an option as they hold now, under its proper name; `nil` for an option that nobody knows. No value: unset.
    func configuration(of option: String) -> (name: String, values: [String])?

    /// SETCONF and RESETCONF. An option without a value gets its default again.
    func configure(_ pairs: [ControlText.Pair]) throws(ControlRefusal)

    /// LOADCONF: the text of a whole torrc.
    func load(_ text: String) throws(ControlRefusal)

    /// SAVECONF.
    func saveConfiguration(force: Bool) throws(ControlRefusal)

    func receive(_ signal: ControlSignal) throws(ControlRefusal)
    func closeCircuit(_ id: Int, onlyIfUnused: Bool) throws(ControlRefusal)
    func closeStream(_ id: Int) throws(ControlRefusal)
    func dropGuards() throws(ControlRefusal)
    /// A connection that had taken ownership is gone: the node has to end.
    func ownerLeft()
}
