internal import Ambience
internal import Foundation

/// What virtual machines boot: a kernel and an initramfs with mote as its only program, and a manifest that describes them.
package struct MachineImage: Equatable, Sendable {
    package let kernel: String
    package let initramfs: String
    /// The kernel's command line.
    package let commandLine: String
    /// Of kernel and initramfs in one figure, 64 hex digits: what leases and evidence name.
    package let digest: String

    private static let manifestLimitBytes = 1 << 20

    /// - Throws: what is missing or odd in the folder, and how to make an image.
    package init(_ folder: String) throws(ProviderError) {
        let path = folder + "/manifest.json"
        guard let bytes = try? Files.read(path) else {
            throw ProviderError("there is no mote image in \(folder): build one with 'make image', or name another folder with --image")
        }
        guard bytes.count <= Self.manifestLimitBytes, let fields = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any],
            let digest = fields["digest"] as? String, digest.utf8.count == 64, digest.allSatisfy(\.isHexDigit), let line = fields["commandLine"] as? String
        else { throw ProviderError("\(path) does not describe a mote image") }
        (kernel, initramfs, commandLine, self.digest) = (folder + "/vmlinuz", folder + "/initramfs", line, digest)
        for file in [kernel, initramfs] where !Files.exists(file) { throw ProviderError("the mote image in \(folder) lacks \(file)") }
    }
}
