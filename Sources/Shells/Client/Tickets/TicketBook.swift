internal import Ambience
internal import Exchange
internal import Sealing

/// The folder `MoteTickets`: what a wallet bought for this client, and what became of it.
struct TicketBook {
    private let folder: String
    /// Unused ones, by name.
    private(set) var tickets: [String: Ticket] = [:]
    /// Files that are no tickets.
    private(set) var unreadable: Set<String> = []

    init(folder: String) { self.folder = folder }

    private func path(_ name: String) -> String { folder + "/" + name }

    /// Looks what is there now.
    mutating func reload() throws(FileError) {
        // A spent ticket's name comes before that of its unused form, so the limit never hides that it is spent.
        let files = try Files.list(folder).prefix(TicketFile.countLimit).compactMap(TicketFile.name)
        let spent = Set(files.filter { $0.ending == TicketFile.spent }.map(\.name))
        let unused = Set(files.filter { $0.ending == TicketFile.unused }.map(\.name)).subtracting(spent)
        tickets = tickets.filter { unused.contains($0.key) }
        unreadable.formIntersection(unused)
        for name in unused where tickets[name] == nil && !unreadable.contains(name) { read(name) }
    }

    private mutating func read(_ name: String) {
        var bytes = (try? Files.read(path(name + TicketFile.unused))) ?? []
        defer { bytes.wipe() }
        if let ticket = try? Ticket(bytes) { tickets[name] = ticket } else { unreadable.insert(name) }
    }

    /// The token may be shown in that TLS session from now on, and never in another: on disk when this returns.
    mutating func spend(_ name: String, exporter: [UInt8]) throws(FileError) {
        guard var bytes = tickets.removeValue(forKey: name)?.bytes else { return }
        defer { bytes.wipe() }
        try Files.replace(path(TicketFile.spentName(name, exporter: exporter)), with: bytes)
        try Files.remove(path(name + TicketFile.unused))
    }

    func keep(_ receipt: GateReceipt, of name: String) throws(FileError) { try Files.replace(path(name + TicketFile.receipt), with: receipt.bytes) }
}
