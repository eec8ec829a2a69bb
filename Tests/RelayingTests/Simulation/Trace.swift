/// What happened in a simulation, as a running hash: two runs of one seed must agree in it. With `isVerbose` it is also printed.
struct Trace {
    private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    private(set) var count = 0
    let isVerbose: Bool

    mutating func note(_ nanoseconds: Int64, _ text: String) {
        if isVerbose { print("\(nanoseconds / 1_000_000).\(nanoseconds / 1000 % 1000 + 1000) ms".replacing(".1", with: "."), text) }
        count += 1
        mix(UInt64(bitPattern: nanoseconds))
        for byte in text.utf8 { mix(UInt64(byte)) }
    }

    private mutating func mix(_ value: UInt64) { hash = (hash ^ value) &* 0x100_0000_01B3 }
}
