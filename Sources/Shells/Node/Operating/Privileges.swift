internal import CLinux
internal import Glibc

/// `User NAME`: ports are bound by whoever started the node, all else is done by that user.
///
/// 1. `lower`, before any file is touched: the effective user changes, so every file belongs to the user.
/// 2. `raised` lends the starter's rights for the time of binding ports.
/// 3. `drop` gives them up for good.
package struct Privileges {
    private let name: String
    private let uid: uid_t
    private let gid: gid_t
    private let keepsBinding: Bool
    /// Nothing to give up: we are that user already.
    private let isSame: Bool

    /// - Parameter keepsBinding: `KeepBindCapabilities`: low ports can be bound later too.
    package init(user name: String, keepsBinding: Bool) throws(NodeFailure) {
        // SAFETY: the entry is copied before anything else asks for one; no other thread runs yet.
        guard let entry = getpwnam(name) else { throw NodeFailure(.configuration, "User: there is no user \"\(name)\"") }
        (self.name, uid, gid, self.keepsBinding) = (name, entry.pointee.pw_uid, entry.pointee.pw_gid, keepsBinding)
        isSame = getuid() == uid && geteuid() == uid
        guard isSame || geteuid() == 0 else { throw NodeFailure(.permission, "User: only the superuser can become \(name)") }
    }

    package func lower() throws(NodeFailure) {
        guard !isSame else { return }
        try check(initgroups(name, gid), "take the groups of")
        try check(setegid(gid), "take the group of")
        try check(seteuid(uid), "become")
    }

    /// Runs `body` with the starter's rights.
    func raised<T>(_ body: () throws(NodeFailure) -> T) throws(NodeFailure) -> T {
        guard !isSame else { return try body() }
        try check(seteuid(0), "bind ports for")
        let result: T
        do throws(NodeFailure) { result = try body() } catch {
            seteuid(uid)
            throw error
        }
        try check(seteuid(uid), "become")
        return result
    }

    func drop() throws(NodeFailure) {
        guard !isSame else { return }
        try check(seteuid(0), "give up rights for")
        if keepsBinding { try check(dc_keep_capabilities(), "keep the right to bind ports for") }
        try check(setresgid(gid, gid, gid), "take the group of")
        try check(setresuid(uid, uid, uid), "become")
        if keepsBinding { try check(dc_keep_only_bind(), "keep the right to bind ports for") }
        guard setuid(0) != 0, getuid() == uid, geteuid() == uid else { throw NodeFailure(.permission, "User: rights given up could be taken back") }
    }

    private func check(_ status: Int32, _ what: String) throws(NodeFailure) {
        guard status == 0 else { throw NodeFailure(.permission, "User: cannot \(what) \(name): \(String(cString: strerror(errno)))") }
    }
}
