/// Where a mote is leased and what it boots. Part of the intent, and so durable before anybody is asked: a provider that knows an order's token
/// compares all of it, and a token is known within its zone only. A move to another site is another mote.
package struct Site: Hashable, Codable, Sendable {
    /// As people type it: `local`, `vm`, `ec2`, `hetzner`, `digitalocean`, `vultr`, `openstack`.
    package let provider: String
    /// Whose account pays: a bill links all that is on it. Empty where nothing is paid.
    package let payer: String
    /// As the provider calls it.
    package let region: String
    package let zone: String?
    package let size: String
    /// What it boots: the provider's name of the image, or the SHA-256 of the mote image. Empty where nothing is booted.
    package let image: String

    package init(provider: String, payer: String = "", region: String = "", zone: String? = nil, size: String = "", image: String = "") {
        self.provider = provider
        self.payer = payer
        self.region = region
        self.zone = zone
        self.size = size
        self.image = image
    }

    /// A process of this machine. Records older than sites are of such motes.
    package static let local = Site(provider: "local")
}
