import FuzzTargets
import Glibc

/// Which parser libFuzzer steers. It comes from the environment, because libFuzzer reads the arguments itself; without one, all are listed.
private let target: FuzzTarget = {
    let name = getenv("DUSTCLOUD_FUZZ_TARGET").map { String(cString: $0) } ?? ""
    if let target = FuzzTarget.named(name) { return target }
    for target in FuzzTarget.all { print("target", target.name, target.sources.joined(separator: ",")) }
    exit(name.isEmpty ? 0 : 64)
}()

/// Chooses the target before libFuzzer looks at the corpus.
@_cdecl("LLVMFuzzerInitialize")
public func chooseTarget(_ count: UnsafeMutableRawPointer?, _ arguments: UnsafeMutableRawPointer?) -> CInt {
    _ = target
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func runTarget(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    // SAFETY: libFuzzer's memory is valid for `count` bytes for the length of the call; the copy is what the parser reads.
    target.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
}
