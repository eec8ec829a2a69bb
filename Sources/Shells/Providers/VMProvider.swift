package import Ambience
internal import Enrolment
package import EnrolmentService
internal import Glibc
package import Leasing

/// One virtual machine per mote on this machine, in the yard: its own kernel, its own address, nothing but the network between it and us.
///
/// A machine is known by its process's name, which says its folder. What it is to be it learns by enrolling (`EnrolmentServer`); how it is,
/// from its reports; and whether it still runs at all, from QEMU.
package final class VMProvider: MoteProvider {
    /// Where all machines relay; each has an address of its own.
    private static let relayPort: UInt16 = 9001
    /// The mote's files, as it sees them.
    private static let innerFolder = NodeFolder("/run/mote")
    /// Machines that do not answer QEMU's monitor cannot hold a pass up for longer than one of them may.
    private static let askedPerPass = 1
    private static let draws = 200
    /// Older reports say nothing of now.
    private static let reportSeconds = 30

    /// Holds one folder per mote, named by its key.
    private let root: String
    private let settings: MachineSettings
    private let torrcs: Torrcs
    private let yard: Yard
    /// The coordinator's; nobody else hears from machines or tells them anything.
    private let desk: YardDesk?
    private var lastAsked: MoteKey?

    /// `enrolments` is where the enrolment service keeps its records; `nil` for who only looks, and for who only ends what is there. `heard` is told of
    /// enrolments, on a thread of its own.
    package init(
        root: String, enrolments: String?, yard: String, plan: NetworkPlan, settings: MachineSettings, heard: @escaping @Sendable (EnrolmentNews) -> Void = { _ in }
    ) {
        (self.root, self.settings) = (root, settings)
        torrcs = Torrcs(plan)
        self.yard = Yard(folder: yard, plan: plan)
        desk = enrolments.map { YardDesk(folder: $0, heard: heard) }
    }

    private func folder(_ key: MoteKey) -> String { "\(root)/\(key)" }
    private func name(_ key: MoteKey) -> String { Machine.name(folder(key)) }

    package func observe() throws(ProviderError) -> [MoteKey: Sighting] {
        _ = try desk?.open(in: yard)
        let table = ProcessTable(namesBeginning: Machine.name(root + "/"))
        var sightings: [MoteKey: Sighting] = [:]
        for key in keys(table) {
            let pids = table.pids[name(key)] ?? []
            sightings[key] = Sighting(
                instances: pids.map(String.init), hasFolder: Files.exists(folder(key)), place: place(key),
                report: pids.first.flatMap { report(of: key, by: $0) })
        }
        endHalted(sightings.filter { $0.value.isAlive }.keys.sorted())
        return sightings
    }

    package func start(_ lease: Lease, attempt: Int) throws(ProviderError) {
        guard ProcessTable.pids(of: name(lease.key)).isEmpty else { return }
        guard let desk, try desk.open(in: yard), let spaces = yard.spaces else { throw ProviderError("the yard does not stand yet") }
        let image = try MachineImage(settings.image)
        // What boots is what the lease, the audit and the evidence say.
        guard image.digest == lease.site.image else { throw ProviderError("the image \(settings.image) is not the one that the mote was promised: end this cloud and bring it up again") }
        let (number, tap) = try link()
        defer { close(tap) }
        let torrc = torrcs.mote(lease, attempt: attempt, address: number.address, port: Self.relayPort, in: Self.innerFolder)
        let order = try MemoryFile(try desk.order(for: lease, attempt: attempt, torrc: torrc, number))
        let folder = folder(lease.key)
        do throws(FileError) {
            try Files.makeFolder(folder)
            try Files.replace("\(folder)/place", with: "\(number.address):\(Self.relayPort)")
        } catch { throw ProviderError("\(error)") }
        _ = try Machine(folder: folder, image: image, number: number, settings: settings).start(in: spaces, tap: tap, order: order.fd)
    }

    package func drain(_ key: MoteKey) { desk?.ask(.drain, nil, key) }
    package func shorten(_ key: MoteKey, expires: WallTime) { desk?.ask(.nothing, expires, key) }

    /// A machine that nobody can talk to is switched off.
    package func stop(_ key: MoteKey) {
        let isHeard = desk?.report(of: key) != nil && desk?.ask(.stop, nil, key) == true
        if !isHeard { MonitorLine(folder: folder(key)).quit() }
    }

    package func kill(_ key: MoteKey) {
        for pid in ProcessTable.pids(of: name(key)) { ProcessTable.signal(SIGKILL, pid: pid, name: name(key)) }
    }

    package func erase(_ key: MoteKey) throws(ProviderError) {
        guard ProcessTable.pids(of: name(key)).isEmpty else { throw ProviderError("mote \(key) still runs") }
        try NodeFolder(folder(key)).erase()
    }

    /// What the machine says, or lately said to an earlier coordinator: it calls a new one within half a minute.
    private func report(of key: MoteKey, by pid: Int32) -> MoteReport? {
        let node = NodeFolder(folder(key))
        guard let report = desk?.report(of: key) else { return node.report(by: pid, within: Self.reportSeconds) }
        node.note(report, of: pid)
        return report
    }

    /// Machines take turns in being asked whether their processors run. One whose processors have stopped for good is no mote any more.
    private func endHalted(_ alive: [MoteKey]) {
        let next = alive.first { key in lastAsked.map { key > $0 } ?? true } ?? alive.first
        for key in [next].compactMap({ $0 }).prefix(Self.askedPerPass) {
            lastAsked = key
            if MonitorLine(folder: folder(key)).isRunning() == false { kill(key) }
        }
    }

    /// A number that no other mote has, and a link for it.
    private func link() throws(ProviderError) -> (YardNumber, Int32) {
        let taken = Set(((try? Files.list(root)) ?? []).compactMap { MoteKey($0) }.compactMap { place($0) })
        for _ in 0..<Self.draws {
            let number = YardNumber(value: UInt32.random(in: YardNumber.motes))
            if !taken.contains("\(number.address):\(Self.relayPort)"), let tap = try yard.openTap(number) { return (number, tap) }
        }
        throw ProviderError("no free address in the yard")
    }

    private func place(_ key: MoteKey) -> String? { try? Files.readText("\(folder(key))/place") }

    private func keys(_ table: ProcessTable) -> Set<MoteKey> {
        let folders = ((try? Files.list(root)) ?? []).compactMap { MoteKey($0) }
        return Set(folders).union(table.pids.keys.compactMap { MoteKey($0.dropFirst(name(MoteKey(high: 0, low: 0)).count - 32)) })
    }
}
