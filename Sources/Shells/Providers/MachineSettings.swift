/// What all virtual machines of a cloud have in common.
package struct MachineSettings: Equatable, Codable, Sendable {
    package static let usualMemoryMegabytes = 256
    package static let memoryRange = 160...65536

    /// The folder of the image that they boot.
    package var image: String
    /// Its digest, 64 hex digits: what leases name.
    package var digest: String
    package var memoryMegabytes: Int
    /// Whether the processor runs them itself; else QEMU translates what they do, which is some ten times slower.
    package var isAccelerated: Bool

    /// - Throws: if there is no image.
    package init(image: String, memoryMegabytes: Int = usualMemoryMegabytes, isAccelerated: Bool = false) throws(ProviderError) {
        self.image = image
        digest = try MachineImage(image).digest
        self.memoryMegabytes = memoryMegabytes
        self.isAccelerated = isAccelerated
    }

    /// Takes the image as it is now in its folder.
    /// - Throws: if there is none any more.
    package mutating func lookAgain() throws(ProviderError) { digest = try MachineImage(image).digest }
}
