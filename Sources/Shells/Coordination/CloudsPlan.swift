package import Placement
package import Prices

/// Where a cloud's motes are rented, and for how much. Recorded whole when the cloud is made: no file that changes later changes what is bought.
package struct CloudsPlan: Equatable, Codable, Sendable {
    /// What the cloud's machines are tagged with. Every cloud has a tag of its own: what carries it and is not on record is ended.
    package var fleet: String
    package var placement: PlacementPolicy
    package var catalogue: Catalogue
    /// The most that may be spent in all, until the cloud is down.
    package var budget: [Currency: Amount]
    /// The file with the credentials; `nil`: they are in the environment.
    package var credentials: String?
    /// An IPv4 address of this machine at which motes reach it.
    package var address: String
    /// What machines boot: by `provider/region`, else by `provider`.
    package var images: [String: String]
    /// What brings the mote onto machines that boot somebody else's image.
    package var download: Download?
    /// Where this machine listens for motes' reports, such as `192.0.2.1:9443`; `nil`: at `address`, and a port that is free.
    package var enrolment: String?

    /// A file that machines fetch, and what it must be.
    package struct Download: Equatable, Codable, Sendable {
        package var url: String
        /// 64 lower-case hexadecimal digits.
        package var sha256: String

        package init(url: String, sha256: String) { (self.url, self.sha256) = (url, sha256) }
    }

    package init(
        fleet: String, placement: PlacementPolicy, catalogue: Catalogue, budget: [Currency: Amount], credentials: String? = nil, address: String, images: [String: String] = [:],
        download: Download? = nil, enrolment: String? = nil
    ) {
        (self.fleet, self.placement, self.catalogue, self.budget) = (fleet, placement, catalogue, budget)
        (self.credentials, self.address, self.images, self.download, self.enrolment) = (credentials, address, images, download, enrolment)
    }

    /// The providers' names, as the policy has them, each once.
    package var providers: [String] { Set(placement.accounts.map(\.provider)).sorted() }

    /// What a machine of this offer costs; `nil` if the catalogue has none.
    package func tariff(provider: String, region: String, machine: String) -> Tariff? {
        catalogue.provider(provider)?.offers.first { $0.machine == machine && $0.regions.contains(region) }?.tariff
    }

    /// What was named, and what everybody can have where nothing was.
    package var everyImage: [String: String] { images.merging(Self.usualImages) { named, _ in named } }

    /// Debian 12, where everybody can have it by name.
    private static let usualImages = [
        "ec2": "resolve:ssm:/aws/service/debian/release/12/latest/amd64", "hetzner": "debian-12", "digitalocean": "debian-12-x64", "vultr": "2136",
    ]
}
