internal import Glibc
internal import Limits
internal import Torrc

extension LimitOptions {
    /// What all queues together may hold on this machine.
    var memoryLimitBytes: UInt64 {
        let pages = max(0, sysconf(Int32(_SC_PHYS_PAGES))), pageBytes = max(0, sysconf(Int32(_SC_PAGESIZE)))
        return MemoryLimit.chosen(maxMemoryInQueues, physicalBytes: UInt64(pages) * UInt64(pageBytes))
    }
}
