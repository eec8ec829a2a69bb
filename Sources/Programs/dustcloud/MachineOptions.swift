internal import ArgumentParser
internal import Coordination
internal import Foundation
internal import Leasing
internal import Providers

/// Virtual machines on this machine.
struct MachineOptions: ParsableArguments {
    /// How far above this program's folder its image is looked for.
    private static let levels = 4
    private static let imageFolder = "images/mote-vm"

    @Option(help: ArgumentHelp("The folder of the mote image that virtual machines boot. Default: the one that 'make image' made.", valueName: "dir"), completion: .directory)
    var image: String?
    @Option(help: ArgumentHelp("Memory of each virtual machine, in MiB. Default: \(MachineSettings.usualMemoryMegabytes).", valueName: "size"))
    var memory: Int?

    /// The first of these that was given, if any was.
    var given: String? { image != nil ? "--image" : memory != nil ? "--memory" : nil }

    /// The first of these that says something else than what a cloud has.
    func change(of settings: MachineSettings?) -> String? {
        image.map { absolute($0) != settings?.image } ?? false ? "--image" : memory.map { $0 != settings?.memoryMegabytes } ?? false ? "--memory" : nil
    }

    private func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }

    /// What a new cloud of virtual machines will use, once it is certain that they can run here. Takes up to six seconds.
    func settings(_ folder: StateFolder) throws -> MachineSettings {
        let memory = memory ?? MachineSettings.usualMemoryMegabytes
        guard MachineSettings.memoryRange.contains(memory) else {
            throw CoordinationError(.usage, "--memory: \(MachineSettings.memoryRange.lowerBound) to \(MachineSettings.memoryRange.upperBound) MiB")
        }
        let image = try found()
        var settings: MachineSettings
        do throws(ProviderError) {
            settings = try MachineSettings(image: image, memoryMegabytes: memory)
            try MachineHost.check()
            settings.isAccelerated = try Acceleration.works(image: image, log: folder.coordinatorLog)
        } catch { throw CoordinationError(.unavailable, "\(error)") }
        Terminal.report(settings.isAccelerated ? "virtual machines run on the processor itself" : "virtual machines run in software here: expect each mote to start in some ten seconds")
        return settings
    }

    /// The folder named, else what lies beside this program or above it, as an absolute path.
    private func found() throws -> String {
        if let image { return absolute(image) }
        var place = URL(fileURLWithPath: try NodeProgram.own()).deletingLastPathComponent()
        for _ in 0..<Self.levels {
            let folder = place.appendingPathComponent(Self.imageFolder).path
            if FileManager.default.fileExists(atPath: folder + "/manifest.json") { return folder }
            place = place.deletingLastPathComponent()
        }
        throw CoordinationError(.unavailable, "there is no mote image beside this program: build one with 'make image', or name its folder with --image")
    }
}
