package import Providers

/// The providers of a cloud, by the name that leases know them by.
package enum ProviderSet {
    /// Those that need nobody's leave: motes on this machine.
    package static func here(_ folder: StateFolder, _ settings: CloudSettings, program: String) -> [String: any MoteProvider] {
        ["local": LocalProvider(root: folder.motes, program: program, plan: settings.network)]
    }
}
