package import Auditing
internal import CloudCalls
package import Clouds
package import Leasing
internal import Placement
package import Providers

/// The providers of a cloud, by the name that leases know them by.
package enum ProviderSet {
    /// Those that need nobody's leave: motes on this machine.
    package static func here(_ folder: StateFolder, _ settings: CloudSettings, program: String) -> [String: any MoteProvider] {
        guard let machines = settings.machines else { return ["local": LocalProvider(root: folder.motes, program: program, plan: settings.network)] }
        // Who names no program starts no motes: it looks, or it ends them.
        let enrolments = program.isEmpty ? nil : folder.enrolments
        return ["vm": VMProvider(root: folder.motes, enrolments: enrolments, yard: folder.yard, plan: settings.network, settings: machines, heard: EnrolmentAudit.teller(folder))]
    }

    /// Where new motes go while all are on this machine.
    private static func site(_ settings: CloudSettings) -> Site {
        settings.machines.map { Site(provider: "vm", size: "\($0.memoryMegabytes)", image: $0.digest) } ?? .local
    }

    /// Those at which machines are rented, each with its worker at work. Empty for a cloud that rents none.
    /// They go by `time`, and put it right.
    package static func clouds(
        _ folder: StateFolder, _ settings: CloudSettings, store: Store, time: FleetTime
    ) throws(CoordinationError) -> [String: any MoteProvider] {
        guard let plan = settings.clouds else { return [:] }
        let contact = try EnrolmentContact(folder: folder, listen: plan.enrolment, network: settings.network)
        let image = plan.download.flatMap { BootScript.Image(url: $0.url, sha256: $0.sha256) }
        var providers: [String: any MoteProvider] = [:]
        for (name, account) in try accounts(plan, audit: AuditLog(folder.audit)) {
            do throws(CloudError) {
                providers[name] = try CloudProvider(account, name: name, fleet: plan.fleet, records: store, contact: contact, time: time) { lease, order in
                    guard let order, let image else { return BootScript.end(at: lease.expires) }
                    return BootScript.mote(expires: lease.expires, order: order, image: image)
                }
            } catch { throw CoordinationError(.unavailable, "\(error)") }
        }
        return providers
    }

    /// The same, as they are on record: no provider is asked.
    static func recorded(_ settings: CloudSettings, store: Store) throws(CoordinationError) -> [String: any MoteProvider] {
        guard let plan = settings.clouds else { return [:] }
        let views = try store.accounts()
        var providers: [String: any MoteProvider] = [:]
        do throws(CloudError) {
            for name in plan.providers { providers[name] = try RecordedProvider(store, account: name, view: views[name]) }
        } catch { throw CoordinationError(.unavailable, "\(error)") }
        return providers
    }

    /// The accounts that a plan names, with their credentials.
    package static func accounts(_ plan: CloudsPlan, audit: AuditLog? = nil) throws(CoordinationError) -> [String: CloudAccount] {
        var accounts: [String: CloudAccount] = [:]
        do throws(CloudError) {
            let secrets = try plan.credentials.map { path throws(CloudError) in try Secrets.file(path) } ?? .environment()
            for name in plan.providers {
                guard let provider = CloudAccount.Provider(rawValue: name) else {
                    throw CloudError("nothing can be rented at \(name) yet; there are \(CloudAccount.Provider.allCases.map(\.rawValue).joined(separator: ", "))")
                }
                accounts[name] = try CloudAccount(provider, secrets: secrets, audit: audit)
            }
        } catch { throw CoordinationError(.configuration, "\(error)") }
        return accounts
    }

    /// Where new motes of this cloud go.
    package static func siting(_ settings: CloudSettings) throws(CoordinationError) -> any Siting {
        guard let plan = settings.clouds else { return LocalSiting(site(settings)) }
        do throws(PlacementFault) {
            return try PlacedSiting(
                policy: plan.placement, catalogue: plan.catalogue, motes: settings.policy.normal.motes + settings.policy.longLived.motes, images: plan.everyImage)
        } catch { throw CoordinationError(.configuration, "\(error)") }
    }
}
