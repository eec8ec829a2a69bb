/// What all virtual machines of a cloud have in common.
package struct MachineSettings: Equatable, Codable, Sendable {
    package static let usualMemoryMegabytes = 256
    package static let memoryRange = 160...65536

    /// The folder of the image that they boot.
    package var image: String
    package var memoryMegabytes: Int
    /// Whether the processor runs them itself; else QEMU translates what they do, which is some ten times slower.
    package var isAccelerated: Bool

    package init(image: String, memoryMegabytes: Int = usualMemoryMegabytes, isAccelerated: Bool = false) {
        self.image = image
        self.memoryMegabytes = memoryMegabytes
        self.isAccelerated = isAccelerated
    }
}
