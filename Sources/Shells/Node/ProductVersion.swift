/// What this program calls itself.
package enum ProductVersion {
    package static let number = "0.1.0"
    /// What controllers are told: the version of stock tor whose control protocol this is, and that it is not stock tor.
    package static let controlVersion = "0.4.9.11-mote-\(number)"
    package static let line = "Dustcloud mote \(number)"
    /// The `platform` line of descriptors. It must not begin with "Tor ": authorities would take it for a version of stock tor.
    package static let platform = "dust-mote \(number) on Linux"
}
