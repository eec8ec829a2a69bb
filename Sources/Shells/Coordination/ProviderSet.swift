package import Leasing
package import Providers

/// The providers of a cloud, by the name that leases know them by.
package enum ProviderSet {
    /// Those that need nobody's leave: motes on this machine.
    package static func here(_ folder: StateFolder, _ settings: CloudSettings, program: String) -> [String: any MoteProvider] {
        guard let machines = settings.machines else { return ["local": LocalProvider(root: folder.motes, program: program, plan: settings.network)] }
        // Who names no program starts no motes: it looks, or it ends them.
        let enrolments = program.isEmpty ? nil : folder.enrolments
        return ["vm": VMProvider(root: folder.motes, enrolments: enrolments, yard: folder.yard, plan: settings.network, settings: machines)]
    }

    /// Where new motes go while all are on this machine.
    package static func site(_ settings: CloudSettings) -> Site {
        settings.machines.map { Site(provider: "vm", size: "\($0.memoryMegabytes)", image: $0.digest) } ?? .local
    }
}
