internal import Ambience
internal import CLinux
internal import CMachine
internal import Glibc

/// Closes what nothing needs once the mote's files are there.
enum Lockdown {
    /// The mote is the only program that will ever run, and needs nothing of this.
    private static let settings = [
        ("kernel/core_pattern", "|/nowhere"), ("kernel/core_pipe_limit", "0"), ("fs/suid_dumpable", "0"), ("kernel/modules_disabled", "1"),
        ("kernel/kexec_load_disabled", "1"), ("kernel/dmesg_restrict", "1"), ("kernel/kptr_restrict", "2"), ("kernel/sysrq", "0"),
        ("kernel/unprivileged_bpf_disabled", "1"), ("kernel/perf_event_paranoid", "3"), ("kernel/panic_on_oops", "1"), ("kernel/panic", "-1"),
        ("net/ipv4/conf/all/accept_redirects", "0"), ("net/ipv4/conf/all/send_redirects", "0"), ("net/ipv4/ip_forward", "0"), ("user/max_user_namespaces", "0"),
    ]

    /// - Throws: swap, which keys could be written to.
    static func apply() throws(CradleFailure) {
        for (name, value) in settings { set(name, value) }
        dc_ignore_console_keys()
        guard let swaps = try? Files.readText("/proc/swaps"), swaps.split(separator: "\n").count <= 1 else {
            throw CradleFailure("the machine has swap space, to which keys could be written")
        }
        guard dc_seal_root() == 0 else { throw CradleFailure("cannot make the root file system read-only", errno) }
    }

    /// Leaves the calling process the right to bind low ports and no other.
    static func giveUpRights() throws(CradleFailure) {
        let user = MoteFiles.user
        try check(dc_forget_groups(), "leave the superuser's groups")
        try check(dc_keep_capabilities(), "keep the right to bind ports")
        try check(setresgid(user, user, user), "take its group")
        try check(setresuid(user, user, user), "become its user")
        try check(dc_keep_only_bind(), "keep only the right to bind ports")
        try check(dc_no_new_privileges(), "renounce new rights")
        try check(dc_forbid_dumps(), "forbid core dumps")
        try check(dc_die_with_parent(SIGKILL), "be tied to the first process")
    }

    private static func set(_ name: String, _ value: String) {
        let fd = dc_open("/proc/sys/\(name)", O_WRONLY, 0)
        guard fd >= 0 else { return }
        defer { close(fd) }
        _ = write(fd, value, value.utf8.count)
    }

    private static func check(_ status: Int32, _ what: String) throws(CradleFailure) {
        guard status == 0 else { throw CradleFailure("the mote cannot \(what)", errno) }
    }
}
