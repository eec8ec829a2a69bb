internal import Ambience
internal import CLinux
internal import Glibc

/// A network of our own on this machine, in which every mote has an address of its own. Nobody needs to be root for it, and nothing
/// of the machine's own network is touched.
///
/// 1. The *holder* is a process that does nothing but have a user and a network namespace of its own.
/// 2. In it lies a bridge. Each mote has a tap on it, which is there exactly as long as the mote's process; authority and client run
///    on the bridge's own address.
/// 3. The *uplink* (slirp4netns) is a gateway on the bridge: connections that motes make outwards are made by it, from outside, as are
///    those that the coordinator's machine makes to the client. The machine's loopback is behind it only if exits may reach it.
///
/// The yard outlives the coordinator: both processes are found again by their names.
package final class Yard {
    package let folder: String
    private let isHostReachable: Bool
    private let forwards: [UplinkForward]
    private var entered: (holder: Int32, spaces: Namespaces, any: Int32)?
    /// The uplink that has all forwards.
    private var settledUplink: Int32?

    /// `folder` holds the uplink's socket and log.
    package init(folder: String, plan: NetworkPlan) {
        self.folder = folder
        isHostReachable = plan.isExitToPrivateAllowed
        forwards = [UplinkForward(from: plan.socks, to: plan.innerSocks)].compactMap { $0 }
    }

    deinit { leave() }

    private var holderName: String { "dustcloud-yard:\(folder)" }
    private var uplink: Uplink { Uplink(folder: folder, isHostReachable: isHostReachable) }

    /// The processes that make the yard, by looking.
    package var processes: [Int32] { ProcessTable.pids(of: holderName) + uplink.pids }

    /// Makes what is missing. For every pass; returns at once. True once everything is there.
    @discardableResult
    package func hold() throws(ProviderError) -> Bool {
        do throws(FileError) { try Files.makeFolder(folder) } catch { throw ProviderError("\(error)") }
        let found = ProcessTable.pids(of: holderName).first
        let holder = if let found { found } else { try startHolder() }
        if entered?.holder != holder { try enter(holder) }
        guard let process = try uplink.hold(for: holder) else { return false }
        return try join(process)
    }

    /// Enters the yard if it is there, and makes nothing. False if it is not.
    func visit() throws(ProviderError) -> Bool {
        guard let holder = ProcessTable.pids(of: holderName).first else {
            leave()
            return false
        }
        if entered?.holder != holder { try enter(holder) }
        return true
    }

    /// Where nodes of this machine that belong to the network are started.
    package var spaces: Namespaces? { entered?.spaces }

    /// A socket of the yard, for the coordinator's own use; below zero if there is none. The caller closes it.
    package func openStream() -> Int32 {
        entered.map { dc_yard_open($0.spaces.user, $0.spaces.network, Int32(DC_YARD_STREAM.rawValue)) } ?? -1
    }

    /// A listening socket of the yard. The caller closes it.
    func listen(at address: SocketAddress) throws(ProviderError) -> Int32 {
        let fd = openStream()
        guard fd >= 0, case .v4(let ip) = address.ip else { throw ProviderError("cannot open a socket in the yard: \(Self.reason)") }
        var one: Int32 = 1
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        var name = SocketName.v4(ip, port: address.port)
        let isBound = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 }
        }
        if isBound, Glibc.listen(fd, SOMAXCONN) == 0, dc_set_nonblocking(fd) == 0 { return fd }
        let reason = Self.reason
        close(fd)
        throw ProviderError("cannot listen at \(address) in the yard: \(reason)")
    }

    /// A tap on the bridge for the mote of this number; `nil` if that number is taken. The caller closes it; the link is there for as long as
    /// anybody holds it.
    func openTap(_ number: YardNumber) throws(ProviderError) -> Int32? {
        guard let entered else { throw ProviderError("the yard does not stand yet") }
        let tap = dc_yard_open(entered.spaces.user, entered.spaces.network, Int32(DC_YARD_TAP.rawValue))
        guard tap >= 0 else { throw ProviderError("cannot open /dev/net/tun: \(Self.reason)") }
        if dc_yard_name_tap(tap, number.link) == 0, dc_yard_join(entered.any, Self.bridge, number.link) == 0, dc_yard_raise(entered.any, number.link) == 0 {
            return tap
        }
        let code = errno
        close(tap)
        guard code == EBUSY else { throw ProviderError("cannot make a link for a mote: \(String(cString: strerror(code)))") }
        return nil
    }

    /// Ends both processes. True once they are proven gone and the folder with them.
    package func end() throws(ProviderError) -> Bool {
        leave()
        uplink.end()
        for pid in ProcessTable.pids(of: holderName) { ProcessTable.signal(SIGKILL, pid: pid, name: holderName) }
        guard processes.isEmpty else { return false }
        try NodeFolder(folder).erase()
        return true
    }

    /// A holder that fell is followed by one in the same namespaces if anybody of the cloud is still there.
    private func startHolder() throws(ProviderError) -> Int32 {
        uplink.end()
        var settings = LaunchSettings()
        (settings.folder, settings.isPowerless) = ("/", true)
        settings.spaces = try resident.map { pid throws(ProviderError) in try Namespaces(of: pid) }
        settings.makesSpaces = settings.spaces == nil
        return try ChildProcess.detach(
            program: HostProgram.sleep.path(), arguments: [holderName, "infinity"], log: "\(folder)/log", settings: settings)
    }

    /// A node or machine of this cloud, all of which are in the yard.
    private var resident: Int32? {
        let state = String(folder[..<(folder.lastIndex(of: "/") ?? folder.startIndex)]) + "/"
        return [state, Machine.name(state)].lazy.compactMap { ProcessTable(namesBeginning: $0).pids.values.first?.first }.first
    }

    private func leave() {
        if let entered { close(entered.any) }
        entered = nil
        settledUplink = nil
    }

    private func enter(_ holder: Int32) throws(ProviderError) {
        leave()
        let spaces = try Namespaces(of: holder)
        let any = dc_yard_open(spaces.user, spaces.network, Int32(DC_YARD_DATAGRAM.rawValue))
        guard any >= 0 else { throw ProviderError("cannot enter the yard: \(Self.reason)") }
        let isMade = dc_yard_make_bridge(any, Self.bridge) == 0 || errno == EEXIST
        guard isMade, dc_yard_set_hardware_address(any, Self.bridge, YardNumber.bridge.hardwareAddress) == 0,
            dc_yard_set_address(any, Self.bridge, YardNumber.bridge.ip, YardNumber.mask) == 0,
            dc_yard_raise(any, Self.bridge) == 0, dc_yard_raise(any, "lo") == 0
        else {
            let reason = Self.reason
            close(any)
            throw ProviderError("cannot make a bridge: \(reason)")
        }
        entered = (holder, spaces, any)
    }

    /// Connects the uplink's link with the bridge, and the client's port with the machine.
    private func join(_ process: Int32) throws(ProviderError) -> Bool {
        guard settledUplink != process, let any = entered?.any else { return settledUplink == process }
        // Its link is there a moment after the process.
        guard dc_yard_raise(any, Uplink.link) == 0 else { return false }
        guard dc_yard_join(any, Self.bridge, Uplink.link) == 0 || errno == EBUSY else { throw ProviderError("cannot connect the uplink: \(Self.reason)") }
        guard try uplink.forward(forwards) else { return false }
        settledUplink = process
        return true
    }

    private static let bridge = "dust0"
    private static var reason: String { String(cString: strerror(errno)) }
}

/// A host of the yard: 1 is the bridge, 2 the gateway, 3 its name server, those from 16 on are motes.
package struct YardNumber: Hashable, Sendable {
    package let value: UInt32

    /// Bounded by what a bridge takes: 1,024 links.
    static let motes: ClosedRange<UInt32> = 16...1000
    package static let bridge = YardNumber(value: 1)
    package static let gateway = YardNumber(value: 2)
    package static let nameServer = YardNumber(value: 3)
    static let network: UInt32 = 10 << 24 | 77 << 16
    package static let prefixBits = 20
    static let mask: UInt32 = ~0 << UInt32(32 - prefixBits)

    package init(value: UInt32) { self.value = value }

    var ip: UInt32 { Self.network + value }
    var ipAddress: IPAddress { .v4(ip) }
    func socket(_ port: UInt16) -> SocketAddress { SocketAddress(ip: ipAddress, port: port) }
    package var address: String { "10.77.\(value >> 8).\(value & 0xFF)" }
    var link: String { "mote\(value)" }
    /// Locally administered, and as unique as the number.
    var hardwareAddress: [UInt8] { [0x52, 0x54, 0x00, 0x4D, UInt8(value >> 8), UInt8(value & 0xFF)] }
    package static var networkText: String { "10.77.0.0/\(prefixBits)" }
}
