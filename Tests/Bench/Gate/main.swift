import Foundation

// How many clients a running mote lets in a second, each written down durably before it is answered, beside the calls of OpenSSL and libsodium
// that it consists of: `make bench-tokens`. The mote has one processor, this program another.

func fail(_ words: String) -> Never {
    FileHandle.standardError.write(Data("gateload: \(words)\n".utf8))
    exit(1)
}

let seconds = CommandLine.arguments.dropFirst().first.flatMap { Double($0) } ?? 1.0
let floor = GateFloor(seconds: seconds)
let home = FileManager.default.currentDirectoryPath + "/.build", folder = home + "/gateload-\(getpid())"
let market = try MadeMarket(folder + "/market")
let mote = try RunningMote(program: home + "/release/mote", folder, market: market.folder)
let rates: Load.Rates
do { rates = try Load(market, mote).run() } catch { mote.end(); fail("\(error)") }
mote.end()
let written = try market.recordsWritten()
try? FileManager.default.removeItem(atPath: folder)
guard written == Load.tokensCount else { fail("the mote wrote down \(written) of \(Load.tokensCount) tokens") }

let middle = rates.perSecond.sorted()[rates.perSecond.count / 2], best = rates.perSecond.max()!, cost = 1e6 / rates.perProcessorSecond
let passes = max(middle, best) >= 1500 && rates.perProcessorSecond >= 1500
print(String(
    format: "let clients in at a running mote on one core: %.0f a second (middle of %d bursts of %d over %d links; best %.0f), each durable before it is answered",
    middle, rates.perSecond.count, Load.burstTokens, Load.linksCount, best))
print(String(
    format: "  of the core's time, system calls and TLS included: %.1f µs each, %.0f a second, %.2f × its primitives (%.0f µs); a sync of this disk takes %.1f ms%@",
    cost, rates.perProcessorSecond, cost / floor.microseconds, floor.microseconds, floor.syncMilliseconds(home), passes ? "" : "  MISSED"))
exit(passes ? 0 : 1)
