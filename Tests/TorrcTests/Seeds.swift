import Foundation

/// So many seeds from 0, or as many times more as `DUSTCLOUD_SEEDS` says (`make soak`).
func seeds(_ usual: UInt64) -> Range<UInt64> {
    0..<usual * max(1, UInt64(ProcessInfo.processInfo.environment["DUSTCLOUD_SEEDS"] ?? "") ?? 1)
}
