import Glibc

/// Seeds that the seeded tests go through: `count`, times DUSTCLOUD_SEEDS.
func seeds(_ count: Int) -> Range<UInt64> {
    let times = getenv("DUSTCLOUD_SEEDS").flatMap { Int(String(cString: $0)) } ?? 1
    return 0..<UInt64(count * max(1, times))
}
