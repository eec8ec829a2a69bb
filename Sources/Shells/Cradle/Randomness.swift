internal import CMachine
internal import Glibc

/// No key is made before the kernel's randomness is seeded.
enum Randomness {
    private static let patienceMilliseconds = 20_000
    private static let lookMilliseconds = 20

    static func await() throws(CradleFailure) {
        for _ in 0..<(patienceMilliseconds / lookMilliseconds) {
            if dc_is_random_ready() != 0 { return }
            usleep(UInt32(lookMilliseconds) * 1000)
        }
        throw CradleFailure("the kernel has no randomness after \(patienceMilliseconds / 1000) s: give the machine a processor with RDRAND or a virtio-rng device")
    }
}
