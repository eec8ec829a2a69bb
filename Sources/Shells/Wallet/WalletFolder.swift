internal import Ambience
internal import Bytes
internal import CLinux
package import Exchange
internal import Glibc
package import Sealing

/// Where a wallet lies: the seed, what it has, the exchange's terms, and the client's tickets.
package struct WalletFolder: Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    /// The 32 bytes of seed in hexadecimal and the device's number: with the backup, the wallet. Mode 0600.
    package var seed: String { path + "/seed" }
    package var database: String { path + "/wallet.sqlite" }
    package var terms: String { path + "/terms" }
    /// For the client's `MoteTickets`.
    package var tickets: String { path + "/tickets" }
    /// A folder for each mote of the same cloud that is offered, its `MoteMarket`.
    package var motes: String { path + "/motes" }
    package var lock: String { path + "/lock" }
    package var exists: Bool { Files.exists(seed) && Files.exists(terms) }

    // MARK: making one

    /// Makes the folder, mode 0700, with a fresh seed unless there is one; joins that exchange.
    ///
    /// - Parameter seed: 32 bytes of an earlier wallet's.
    package func join(_ text: String, seed old: SecretBytes? = nil, device: UInt16 = 0) throws(WalletError) {
        do throws(MarketTerms.Fault) { _ = try MarketTerms(text) } catch { throw WalletError(.badData, "\(error)") }
        if exists, let own = try? Files.readText(terms), own != text { throw WalletError(.usage, "\(path) is a wallet of another exchange; name another folder with --state") }
        try files { () throws(FileError) in
            try Files.makeFolder(path)
            try Files.makeFolder(tickets)
            try Files.makeFolder(motes)
            if !Files.exists(seed) { try write(old ?? .random(WalletSeed.bytesCount), device) }
            try Files.replace(terms, with: text)
        }
    }

    private func write(_ secret: SecretBytes, _ device: UInt16) throws(FileError) {
        var copy = secret.copy, text = Array(Hex.lower(copy).utf8)
        copy.wipe()
        defer { text.wipe() }
        try Files.replace(seed, with: text + Array(" \(device)\n".utf8))
    }

    // MARK: reading it

    package func readTerms() throws(WalletError) -> MarketTerms {
        guard exists else { throw WalletError(.notFound, "there is no wallet in \(path); join an exchange with: dustcloud market join TERMS") }
        do { return try MarketTerms(try Files.readText(terms)) } catch { throw WalletError(.badData, "\(terms): \(error)") }
    }

    package func readSeed() throws(WalletError) -> WalletSeed {
        let (secret, device) = try Self.readSeed(seed)
        guard let own = WalletSeed(secret, device: device) else { throw WalletError(.badData, "\(seed) is no seed") }
        return own
    }

    /// 64 hexadecimal digits and the device's number, which may be left out.
    package static func readSeed(_ path: String) throws(WalletError) -> (secret: SecretBytes, device: UInt16) {
        let text: String
        do { text = try Files.readText(path) } catch { throw WalletError(.notFound, "cannot read the seed: \(error)") }
        let words = text.split(whereSeparator: \.isWhitespace)
        guard var bytes = words.first.flatMap({ Hex.decode($0) }), bytes.count == WalletSeed.bytesCount, words.count <= 2, let device = words.count == 2 ? UInt16(words[1]) : 0
        else { throw WalletError(.badData, "\(path) is no seed: 64 hexadecimal digits are expected") }
        defer { bytes.wipe() }
        return (SecretBytes(bytes), device)
    }

    func files<R>(_ body: () throws(FileError) -> R) throws(WalletError) -> R {
        do throws(FileError) { return try body() } catch { throw WalletError(.cannotCreate, "\(error)") }
    }
}

/// The right to order for a wallet. The system takes it back when the process ends, however it ends.
package struct WalletLock: ~Copyable {
    private let fd: Int32

    /// Throws `busy` while another process holds it.
    package init(_ folder: WalletFolder) throws(WalletError) {
        fd = dc_open(folder.lock, O_RDWR | O_CREAT, 0o600)
        guard fd >= 0 else { throw WalletError(.cannotCreate, "cannot open \(folder.lock): \(String(cString: strerror(errno)))") }
        guard flock(fd, LOCK_EX | LOCK_NB) == 0 else {
            close(fd)
            throw WalletError(.busy, "another process keeps the wallet in \(folder.path) going already")
        }
    }

    deinit { close(fd) }
}
