internal import ArgumentParser
internal import Ambience
internal import Coordination
internal import Glibc

/// Which cloud is meant.
struct StateOption: ParsableArguments {
    @Option(name: .customLong("state"), help: ArgumentHelp("The cloud's state folder.", discussion: "Default: $XDG_STATE_HOME/dustcloud", valueName: "dir"), completion: .directory)
    var path: String?

    /// Makes the folder where it is missing.
    func folder() throws -> StateFolder { try StateFolder(try place()) }

    /// The folder with its records, only if a cloud was ever made there: looking creates nothing.
    func existing() throws -> (folder: StateFolder, store: Store)? {
        guard Files.exists(try place() + "/state.sqlite") else { return nil }
        let folder = try folder()
        return (folder, try Store(folder))
    }

    /// As `existing`, for commands that make no sense without a cloud.
    func required() throws -> (folder: StateFolder, store: Store, settings: CloudSettings) {
        guard let (folder, store) = try existing(), let settings = try store.settings() else {
            throw CoordinationError(.notFound, "there is no cloud in \(try place()); bring one up with: dustcloud up")
        }
        return (folder, store, settings)
    }

    func place() throws -> String {
        if let path { return path }
        if let base = variable("XDG_STATE_HOME"), base.hasPrefix("/") { return base + "/dustcloud" }
        guard let home = variable("HOME"), home.hasPrefix("/") else { throw CoordinationError(.usage, "HOME is not set; name the state folder with --state") }
        return home + "/.local/state/dustcloud"
    }

    private func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
